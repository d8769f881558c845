//! The five rules.

use std::collections::HashSet;
use std::mem::{replace, take};
use std::ops::RangeInclusive;

use proc_macro2::{LineColumn, Span};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned;
use syn::{Block, Expr, FnArg, ImplItem, Item, Lit, Member, Pat, Path, Signature, Stmt, TraitItem, Type};

use crate::attributes;
use crate::brings::{Brings, Named, TIMED, spawns};
use crate::finding::Finding;
use crate::leaves::leaves;
use crate::macros::{self, Body, Branch};
use crate::modules::{Modules, is_only_for_tests};
use crate::names::{Names, variables};
use crate::parts::{self, Part};
use crate::rule::Rule;
use crate::source::Source;

const BLOCKS: &str = "std::thread::sleep";
const TIMERS: [&str; 2] = ["tokio::time::sleep", "tokio::time::sleep_until"];
const TASKS: [&str; 3] = ["tokio::spawn", "tokio::task::spawn", "tokio::task::spawn_local"];
const ALSO_SPAWN: [&str; 2] = ["tokio::task::spawn_blocking", "std::thread::spawn"];
const TIMEOUTS: [&str; 2] = ["tokio::time::timeout", "tokio::time::timeout_at"];
const DROPS: [&str; 3] = ["drop", "std::mem::drop", "core::mem::drop"];
const WAITS: [&str; 5] = ["join", "join_all", "join_next", "recv", "wait"];
const ENDS: [&str; 4] = ["abort", "abort_all", "kill", "start_kill"];

type Arguments = syn::punctuated::Punctuated<Expr, syn::Token![,]>;

/// What one file has shown.
pub struct Examined {
    /// What was found, in whatever order, of all rules, and allowed or not.
    pub findings: Vec<Finding>,
    /// The lines of each item, from its first attribute on: what an allow before it allows.
    pub items: Vec<RangeInclusive<usize>>,
    /// The lines of what was left out, because it belongs to tests: no allow is judged there.
    pub left_out: Vec<RangeInclusive<usize>>,
}

/// Finds what the rules say in this source, which is the file of this number among the modules. With `tests` also in the
/// code of tests.
pub fn audit(source: &Source, modules: &Modules, file: usize, tests: bool) -> Examined {
    let names = Names::new(modules, modules.module(file).clone());
    let mut auditor = Auditor {
        source,
        tests,
        has_allows: source.text.contains("drain-audit:"),
        names,
        inline_modules: 0,
        function: Function::default(),
        naming: Vec::new(),
        seen: Examined { findings: Vec::new(), items: Vec::new(), left_out: Vec::new() },
    };
    if tests || !is_only_for_tests(&source.file.attrs) {
        source.file.items.iter().for_each(|item| auditor.item(item));
    } else {
        auditor.seen.left_out.push(0..=usize::MAX);
    }
    auditor.seen
}

/// What stands around a place.
#[derive(Clone, Copy, Default)]
struct Here {
    main: bool,
    in_loop: bool,
    stop: bool,
    deadline: bool,
    /// It is waited for whatever stands here.
    awaited: bool,
    /// A method that is a wait itself: it is found where it is called.
    in_a_wait: bool,
    spawned: bool,
    /// The branch of a `select!` that is nothing but a timer, or a name: it may be the time limit of the others.
    limit: bool,
}

/// What is known of the function that we are in.
#[derive(Default)]
struct Function {
    named: Named,
    /// Somebody has thought of a drain here.
    speaks_of_a_drain: bool,
    /// Variables that are the handle of a task.
    handles: HashSet<String>,
    /// Variables of `let`, and parameters that are not borrowed.
    owned: HashSet<String>,
    /// Variables and fields of which the end was asked for.
    ended: HashSet<String>,
    /// What was found in futures with names: it counts unless one of the names is used at a better place.
    of_names: Vec<OfNames>,
    used_under_stop: HashSet<String>,
    used_under_deadline: HashSet<String>,
    used_awaited: HashSet<String>,
    used_as_limit: HashSet<String>,
}

/// What was found in a future with a name, or in several, one in the other.
struct OfNames {
    names: Vec<String>,
    finding: Finding,
    /// The name of a timer, which is nothing to wait for until it is awaited.
    timer: Option<String>,
}

impl Function {
    /// What becomes of it when all uses of the names are known.
    fn judged(&self, OfNames { names, mut finding, timer }: OfNames) -> Option<Finding> {
        let in_time = |name| finding.rule == Rule::Wait && self.used_under_deadline.contains(name);
        if names.iter().any(|name| self.used_under_stop.contains(name) || in_time(name)) {
            return None;
        }
        if let Some(timer) = timer {
            finding.sure &= !self.used_as_limit.contains(&timer);
            return self.used_awaited.contains(&timer).then_some(finding);
        }
        Some(finding)
    }
}

struct Auditor<'a> {
    source: &'a Source,
    tests: bool,
    has_allows: bool,
    names: Names<'a>,
    inline_modules: usize,
    function: Function,
    /// The futures that `let` is giving a name to, from the outside in.
    naming: Vec<Naming>,
    seen: Examined,
}

impl Auditor<'_> {
    fn find(&mut self, rule: Rule, span: Span, sure: bool) {
        self.find_of(Finding { sure, ..Finding::new(rule, self.source, span) }, span, None);
    }

    fn find_of(&mut self, finding: Finding, span: Span, timer: Option<String>) {
        let named = self.naming.iter().filter(|naming| naming.call.is_none_or(|call| call == span.start()));
        let names: Vec<String> = named.map(|naming| naming.name.clone()).collect();
        if names.is_empty() || matches!(finding.rule, Rule::Exit | Rule::Detached) {
            self.seen.findings.push(finding);
        } else {
            self.function.of_names.push(OfNames { names, finding, timer });
        }
    }

    fn find_wait(&mut self, span: Span, here: Here) {
        if !here.stop && !here.deadline && !here.in_a_wait {
            self.find(Rule::Wait, span, false);
        }
    }

    /// A timer that is only made is somebody else's to wait for.
    fn find_timer(&mut self, span: Span, here: Here) {
        let sure = self.function.speaks_of_a_drain && !here.limit;
        let named = self.naming.iter().find(|naming| naming.call == Some(span.start()));
        let timer = named.map(|naming| naming.name.clone());
        if here.awaited {
            self.find(Rule::Sleep, span, sure);
        } else if timer.is_some() {
            self.find_of(Finding { sure, ..Finding::new(Rule::Sleep, self.source, span) }, span, timer);
        }
    }

    /// Whether whoever owns what `recv` is called on receives from it again: a field, or something borrowed.
    fn is_borrowed(&self, receiver: &Expr) -> bool {
        match bare(receiver) {
            Expr::Field(_) => true,
            Expr::Path(_) => place(receiver).is_none_or(|variable| !self.function.owned.contains(&variable)),
            _ => false,
        }
    }

    fn has_ended(&self, expression: &Expr) -> bool {
        place(expression).is_some_and(|place| self.function.ended.contains(&place))
    }

    fn brings(&self, expression: &Expr) -> Brings<'_> {
        Brings::of(&self.names, &self.function.named, expression)
    }

    /// What a call calls, if it is one of these.
    fn calls<'e>(&self, expression: &'e Expr, functions: &[&str]) -> Option<&'e Path> {
        let Expr::Call(call) = expression else { return None };
        let Expr::Path(function) = &*call.func else { return None };
        let meaning = self.names.resolve(&function.path)?;
        functions.contains(&meaning.as_str()).then_some(&function.path)
    }

    fn require_kept(&mut self, expression: &Expr) {
        if let Some(spawn) = self.calls(bare(expression), &[&TASKS[..], &ALSO_SPAWN].concat()) {
            self.find(Rule::Detached, spawn.span(), false);
        }
    }

    /// Looks whether this future is the handle of a task.
    fn judge_handle(&mut self, future: &Expr, here: Here) {
        let future = bare(future);
        if let Some(spawn) = self.calls(future, &TASKS) {
            return self.find_wait(spawn.span(), here);
        }
        if let Expr::Path(path) = future
            && let Some(variable) = path.path.get_ident()
            && self.function.handles.contains(&variable.unraw().to_string())
            && !self.has_ended(future)
        {
            self.find_wait(variable.span(), here);
        }
    }

    fn function(&mut self, main: bool, signature: &Signature, block: &Block) {
        let outer_function = take(&mut self.function);
        let naming = take(&mut self.naming);
        self.names.enter_function();
        for input in &signature.inputs {
            if let FnArg::Typed(input) = input {
                self.bind(&input.pat, Some(&input.ty), None);
                if !matches!(*input.ty, Type::Reference(_)) {
                    self.function.owned.extend(variables(&input.pat));
                }
            }
        }
        let mut brings = Brings::nothing(&self.names, &self.function.named);
        brings.block(block);
        self.function.speaks_of_a_drain = brings.drain_word;
        let in_a_wait = signature.receiver().is_some()
            && signature.inputs.len() == 1
            && WAITS.contains(&signature.ident.unraw().to_string().as_str());
        self.block(block, Here { main, in_a_wait, ..Here::default() });
        self.names.leave();
        self.naming = naming;
        let mut function = replace(&mut self.function, outer_function);
        let of_names = take(&mut function.of_names);
        self.seen.findings.extend(of_names.into_iter().filter_map(|found| function.judged(found)));
    }

    /// The variables of a pattern, with what is known of their type and value.
    fn bind(&mut self, pattern: &Pat, declared: Option<&Type>, value: Option<&Expr>) {
        let (pattern, declared) = match pattern {
            Pat::Type(typed) => (&*typed.pat, Some(&*typed.ty)),
            _ => (pattern, declared),
        };
        if let Pat::Ident(variable) = pattern {
            let name = variable.ident.unraw().to_string();
            let value = value.map(future);
            let is_call = matches!(value, Some(Expr::Call(_) | Expr::MethodCall(_)));
            let stops = is_call && value.is_some_and(|value| self.brings(value).stop);
            let timed = value.is_some_and(|value| self.calls(value, &TIMED).is_some());
            let handle = value.is_some_and(|value| self.calls(value, &TASKS).is_some())
                || declared.is_some_and(|declared| self.is_handle(declared));
            let Function { named, handles, .. } = &mut self.function;
            for (set, holds) in [(&mut named.stops, stops), (&mut named.timed, timed), (handles, handle)] {
                if holds {
                    set.insert(name.clone());
                } else {
                    set.remove(&name);
                }
            }
        }
        for variable in variables(pattern) {
            self.function.owned.remove(&variable);
            self.function.ended.remove(&variable);
        }
        self.names.bind(pattern);
    }

    fn is_handle(&self, declared: &Type) -> bool {
        match declared {
            Type::Reference(reference) => self.is_handle(&reference.elem),
            Type::Path(path) => {
                self.names.resolve(&path.path).is_some_and(|meaning| meaning == "tokio::task::JoinHandle")
            }
            _ => false,
        }
    }

    fn select(&mut self, branches: &[Branch], here: Here) {
        let brought: Vec<(bool, bool)> = branches
            .iter()
            .map(|branch| match &branch.waits {
                Some((_, future)) => {
                    let brings = self.brings(future);
                    (brings.stop, brings.deadline)
                }
                None => (false, false),
            })
            .collect();
        for (number, branch) in branches.iter().enumerate() {
            self.names.enter();
            if let Some((pattern, future)) = &branch.waits {
                let others = || brought.iter().enumerate().filter(|(other, _)| *other != number);
                let mut under = here;
                under.stop |= others().any(|(_, (stop, _))| *stop);
                under.deadline |= others().any(|(_, (_, deadline))| *deadline);
                under.awaited = true;
                under.limit =
                    matches!(bare(future), Expr::Path(_)) || self.calls(bare(future), &TIMERS).is_some();
                self.judge_handle(future, under);
                self.expression(future, under);
                self.bind(pattern, None, None);
            }
            branch.condition.iter().chain([&branch.handler]).for_each(|part| self.expression(part, here));
            self.names.leave();
        }
    }

    fn is_loop_without_end(&self, body: &Block, label: Option<&syn::Label>, here: Here) -> bool {
        let mut brings = Brings::nothing(&self.names, &self.function.named);
        brings.block(body);
        !here.stop && !brings.stop && !leaves(body, label)
    }

    /// Notes its lines, and whether it is audited.
    fn enter_item(&mut self, attributes: &[syn::Attribute], item: &dyn Spanned) -> bool {
        let audited = self.tests || !is_only_for_tests(attributes);
        if self.has_allows {
            let span = item.span();
            let lines = span.start().line..=span.end().line;
            let noted = if audited { &mut self.seen.items } else { &mut self.seen.left_out };
            noted.push(lines);
        }
        audited
    }
}

/// A future that `let` gives a name to.
struct Naming {
    name: String,
    /// Where its call stands. Of a block it is the whole of it that has the name.
    call: Option<LineColumn>,
}

/// What `let` gives a name to, if it is a future.
fn naming(pattern: &Pat, value: &Expr) -> Option<Naming> {
    let pattern = if let Pat::Type(typed) = pattern { &*typed.pat } else { pattern };
    let Pat::Ident(variable) = pattern else { return None };
    let call = match future(value) {
        Expr::Call(call) => Some(call.func.span().start()),
        Expr::MethodCall(call) => Some(call.method.span().start()),
        Expr::Async(_) => None,
        _ => return None,
    };
    Some(Naming { name: variable.ident.unraw().to_string(), call })
}

/// A variable or a field, as it is written: `self.set`.
fn place(expression: &Expr) -> Option<String> {
    match bare(expression) {
        Expr::Path(path) => path.path.get_ident().map(|variable| variable.unraw().to_string()),
        Expr::Field(field) => {
            let member = match &field.member {
                Member::Named(name) => name.unraw().to_string(),
                Member::Unnamed(index) => index.index.to_string(),
            };
            place(&field.base).map(|base| format!("{base}.{member}"))
        }
        _ => None,
    }
}

/// The future in `pin!(..)`.
fn in_pin(value: &Expr) -> Option<Expr> {
    let Expr::Macro(call) = bare(value) else { return None };
    let is_pin = call.mac.path.segments.last().is_some_and(|last| last.ident == "pin");
    if is_pin { call.mac.parse_body().ok() } else { None }
}

/// Without brackets and `&mut`.
fn bare(expression: &Expr) -> &Expr {
    match expression {
        Expr::Paren(inner) => bare(&inner.expr),
        Expr::Group(inner) => bare(&inner.expr),
        Expr::Reference(inner) => bare(&inner.expr),
        other => other,
    }
}

/// The future in `Box::pin(..)` or `.fuse()`.
fn future(expression: &Expr) -> &Expr {
    match bare(expression) {
        Expr::Call(call) if call.args.len() == 1 => match &*call.func {
            Expr::Path(function) if is_pin(&function.path) => future(&call.args[0]),
            _ => bare(expression),
        },
        Expr::MethodCall(call) if call.method == "fuse" => future(&call.receiver),
        other => other,
    }
}

fn is_pin(path: &Path) -> bool {
    path.segments.len() > 1
        && path.segments.iter().rev().zip(["pin", "Box"]).all(|(part, name)| part.ident == name)
}

impl Auditor<'_> {
    fn item(&mut self, item: &Item) {
        if !self.enter_item(attributes::of_item(item), item) {
            return;
        }
        match item {
            Item::Fn(item) => {
                let at_the_top = self.names.outside_of_functions() && self.inline_modules == 0;
                self.function(at_the_top && item.sig.ident == "main", &item.sig, &item.block);
            }
            Item::Impl(item) => item.items.iter().for_each(|item| self.impl_item(item)),
            Item::Trait(item) => item.items.iter().for_each(|item| self.trait_item(item)),
            Item::Mod(item) => {
                let inner = self.names.module.inner(&item.ident.unraw().to_string());
                let outer = replace(&mut self.names.module, inner);
                self.inline_modules += 1;
                item.content.iter().flat_map(|(_, items)| items).for_each(|item| self.item(item));
                self.inline_modules -= 1;
                self.names.module = outer;
            }
            Item::Const(item) => self.expression(&item.expr, Here::default()),
            Item::Static(item) => self.expression(&item.expr, Here::default()),
            // What `macro_rules!` writes down is no code yet.
            Item::Macro(item) if item.ident.is_none() => self.inside(&item.mac, Here::default()),
            _ => {}
        }
    }

    fn impl_item(&mut self, item: &ImplItem) {
        if !self.enter_item(attributes::of_impl_item(item), item) {
            return;
        }
        match item {
            ImplItem::Fn(item) => self.function(false, &item.sig, &item.block),
            ImplItem::Const(item) => self.expression(&item.expr, Here::default()),
            ImplItem::Macro(item) => self.inside(&item.mac, Here::default()),
            _ => {}
        }
    }

    fn trait_item(&mut self, item: &TraitItem) {
        if !self.enter_item(attributes::of_trait_item(item), item) {
            return;
        }
        match item {
            TraitItem::Fn(item) => {
                item.default.iter().for_each(|block| self.function(false, &item.sig, block));
            }
            TraitItem::Const(item) => {
                item.default.iter().for_each(|(_, value)| self.expression(value, Here::default()));
            }
            TraitItem::Macro(item) => self.inside(&item.mac, Here::default()),
            _ => {}
        }
    }

    fn block(&mut self, block: &Block, here: Here) {
        self.names.enter_block(block);
        block.stmts.iter().for_each(|statement| self.statement(statement, here));
        self.names.leave();
    }

    fn statement(&mut self, statement: &Stmt, here: Here) {
        if !self.tests && is_only_for_tests(attributes::of_statement(statement)) {
            if self.has_allows {
                let span = statement.span();
                self.seen.left_out.push(span.start().line..=span.end().line);
            }
            return;
        }
        match statement {
            Stmt::Local(local) => self.local(local, here),
            Stmt::Item(item) => self.item(item),
            Stmt::Macro(call) => self.inside(&call.mac, here),
            Stmt::Expr(expression, semicolon) => {
                if semicolon.is_some() {
                    self.require_kept(expression);
                }
                self.expression(expression, here);
            }
        }
    }

    fn local(&mut self, node: &syn::Local, here: Here) {
        let mut pinned = None;
        if let Some(init) = &node.init {
            if matches!(node.pat, Pat::Wild(_)) {
                self.require_kept(&init.expr);
            }
            pinned = in_pin(&init.expr);
            let naming = naming(&node.pat, pinned.as_ref().unwrap_or(&init.expr));
            let outer = self.naming.len();
            self.naming.extend(naming);
            self.expression(&init.expr, here);
            self.naming.truncate(outer);
            if let Some((_, otherwise)) = &init.diverge {
                self.expression(otherwise, here);
            }
        }
        let value = pinned.as_ref().or(node.init.as_ref().map(|init| &*init.expr));
        self.bind(&node.pat, None, value);
        self.function.owned.extend(variables(&node.pat));
    }

    fn part(&mut self, part: Part, here: Here) {
        match part {
            Part::Expr(expression) => self.expression(expression, here),
            Part::Block(block) => self.block(block, here),
            Part::Macro(call) => self.inside(call, here),
            Part::Arm(arm) => {
                self.names.enter();
                self.bind(&arm.pat, None, None);
                arm.guard.iter().for_each(|(_, guard)| self.expression(guard, here));
                self.expression(&arm.body, here);
                self.names.leave();
            }
            Part::Pat(_) | Part::Word(_) => {}
        }
    }

    fn expression(&mut self, expression: &Expr, here: Here) {
        let deferred = Here { main: false, in_loop: false, awaited: false, ..here };
        let in_loop = Here { in_loop: true, ..here };
        match expression {
            Expr::Path(node) => return self.path(&node.path, here),
            Expr::Call(node) => return self.call(node, here),
            Expr::MethodCall(node) => return self.method_call(node, here),
            Expr::Async(node) => return self.block(&node.block, deferred),
            Expr::Assign(node) if matches!(&*node.left, Expr::Infer(_)) => self.require_kept(&node.right),
            Expr::Await(node) => {
                self.judge_handle(&node.base, here);
                return self.expression(&node.base, Here { awaited: true, ..here });
            }
            Expr::Loop(node) => {
                if self.is_loop_without_end(&node.body, node.label.as_ref(), here) {
                    self.find(Rule::Loop, node.loop_token.span, true);
                }
                return self.block(&node.body, in_loop);
            }
            Expr::While(node) => {
                if is_true(&node.cond) && self.is_loop_without_end(&node.body, node.label.as_ref(), here) {
                    self.find(Rule::Loop, node.while_token.span, true);
                }
                self.names.enter();
                self.expression(&node.cond, in_loop);
                self.block(&node.body, in_loop);
                return self.names.leave();
            }
            Expr::ForLoop(node) => {
                self.expression(&node.expr, here);
                self.names.enter();
                self.bind(&node.pat, None, None);
                self.block(&node.body, in_loop);
                return self.names.leave();
            }
            Expr::Closure(node) => {
                self.names.enter();
                node.inputs.iter().for_each(|input| self.bind(input, None, None));
                self.expression(&node.body, deferred);
                return self.names.leave();
            }
            Expr::If(node) => {
                self.names.enter();
                self.expression(&node.cond, here);
                self.block(&node.then_branch, here);
                self.names.leave();
                return node.else_branch.iter().for_each(|(_, otherwise)| self.expression(otherwise, here));
            }
            Expr::Let(node) => {
                self.expression(&node.expr, here);
                return self.bind(&node.pat, None, None);
            }
            _ => {}
        }
        parts::of(expression).into_iter().for_each(|part| self.part(part, here));
    }

    fn path(&mut self, path: &Path, here: Here) {
        if let Some(variable) = path.get_ident() {
            let variable = variable.unraw().to_string();
            if here.stop {
                self.function.used_under_stop.insert(variable.clone());
            }
            if here.limit {
                self.function.used_as_limit.insert(variable.clone());
            }
            if here.awaited {
                self.function.used_awaited.insert(variable.clone());
            }
            if here.deadline {
                self.function.used_under_deadline.insert(variable);
            }
        }
        if !here.main && self.names.resolve(path).is_some_and(|meaning| meaning == "std::process::exit") {
            self.find(Rule::Exit, path.span(), here.spawned);
        }
    }

    fn call(&mut self, node: &syn::ExprCall, here: Here) {
        self.expression(&node.func, here);
        let (mut inside, mut spawned) = (here, false);
        if let Expr::Path(function) = &*node.func {
            let meaning = self.names.resolve(&function.path).unwrap_or_default();
            if meaning == BLOCKS && !here.stop {
                self.find(Rule::Sleep, function.path.span(), self.function.speaks_of_a_drain);
            }
            if TIMERS.contains(&meaning.as_str()) && !here.stop {
                self.find_timer(function.path.span(), here);
            }
            if DROPS.contains(&meaning.as_str()) {
                node.args.iter().for_each(|argument| self.require_kept(argument));
            }
            inside.deadline |= TIMEOUTS.contains(&meaning.as_str());
            spawned = function.path.segments.last().is_some_and(|last| spawns(&last.ident));
        }
        self.arguments(&node.args, inside, spawned);
    }

    fn arguments(&mut self, arguments: &Arguments, here: Here, spawned: bool) {
        // What is spawned goes on by itself, whatever it is started in.
        let here = if spawned { Here { spawned, ..Here::default() } } else { here };
        let naming = if spawned { take(&mut self.naming) } else { Vec::new() };
        arguments.iter().for_each(|argument| self.expression(argument, here));
        self.naming.extend(naming);
    }

    fn method_call(&mut self, node: &syn::ExprMethodCall, here: Here) {
        self.expression(&node.receiver, here);
        let name = node.method.unraw().to_string();
        if node.args.is_empty() && WAITS.contains(&name.as_str()) {
            let again = || here.in_loop || self.is_borrowed(&node.receiver);
            let is_intake = name == "recv" && (again() || self.brings(&node.receiver).stop);
            if !is_intake && !self.has_ended(&node.receiver) {
                self.find_wait(node.method.span(), here);
            }
        }
        if node.args.is_empty() && ENDS.contains(&name.as_str()) {
            self.function.ended.extend(place(&node.receiver));
        }
        let mut inside = here;
        inside.stop |= name == "run_until_cancelled" || name == "run_until_cancelled_owned";
        self.arguments(&node.args, inside, spawns(&node.method));
    }

    fn inside(&mut self, node: &syn::Macro, here: Here) {
        let meaning = self.names.resolve(&node.path).unwrap_or_default();
        let from = meaning.rsplit_once("::").map_or("", |(from, _)| from);
        let is_known = ["", "tokio", "futures", "futures_util"].contains(&from);
        let last = meaning.rsplit("::").next().unwrap_or_default();
        if is_known && ["select", "select_biased"].contains(&last) {
            if let Ok(branches) = macros::branches(&node.tokens) {
                self.select(&branches, here);
            }
            return;
        }
        match macros::body(&node.tokens) {
            Body::Expressions(all) => {
                let joins = is_known && ["join", "try_join"].contains(&last);
                let inside = Here { awaited: here.awaited || joins, ..here };
                for expression in &all {
                    if joins {
                        self.judge_handle(expression, here);
                    }
                    self.expression(expression, inside);
                }
            }
            Body::Statements(statements) => {
                self.block(&Block { brace_token: Default::default(), stmts: statements }, here);
            }
            Body::Words(_) => {}
        }
    }
}

fn is_true(condition: &Expr) -> bool {
    matches!(condition, Expr::Lit(lit) if matches!(&lit.lit, Lit::Bool(lit) if lit.value))
}
