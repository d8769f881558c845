//! The five rules.

use std::collections::HashSet;
use std::mem::{replace, take};
use std::ops::RangeInclusive;

use proc_macro2::{LineColumn, Span};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Block, Expr, FnArg, Item, Lit, Member, Pat, Path, Signature, Stmt, Type};

use crate::attributes;
use crate::brings::{Brings, Named, TIMED, spawns};
use crate::finding::Finding;
use crate::leaves::leaves;
use crate::macros::{self, Body, Branch};
use crate::modules::{Modules, is_only_for_tests};
use crate::names::{Names, variables};
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
        here: Here::default(),
        function: Function::default(),
        naming: Vec::new(),
        seen: Examined { findings: Vec::new(), items: Vec::new(), left_out: Vec::new() },
    };
    if tests || !is_only_for_tests(&source.file.attrs) {
        source.file.items.iter().for_each(|item| auditor.visit_item(item));
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
    here: Here,
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

    fn find_wait(&mut self, span: Span) {
        if !self.here.stop && !self.here.deadline && !self.here.in_a_wait {
            self.find(Rule::Wait, span, false);
        }
    }

    /// A timer that is only made is somebody else's to wait for.
    fn find_timer(&mut self, span: Span) {
        let sure = self.function.speaks_of_a_drain && !self.here.limit;
        let named = self.naming.iter().find(|naming| naming.call == Some(span.start()));
        let timer = named.map(|naming| naming.name.clone());
        if self.here.awaited {
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

    fn at(&mut self, here: Here, then: impl FnOnce(&mut Self)) {
        let outer = replace(&mut self.here, here);
        then(self);
        self.here = outer;
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
    fn judge_handle(&mut self, future: &Expr) {
        let future = bare(future);
        if let Some(spawn) = self.calls(future, &TASKS) {
            return self.find_wait(spawn.span());
        }
        if let Expr::Path(path) = future
            && let Some(variable) = path.path.get_ident()
            && self.function.handles.contains(&variable.unraw().to_string())
            && !self.has_ended(future)
        {
            self.find_wait(variable.span());
        }
    }

    fn visit_function(&mut self, main: bool, signature: &Signature, block: &Block) {
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
        brings.visit_block(block);
        self.function.speaks_of_a_drain = brings.drain_word;
        let in_a_wait = signature.receiver().is_some()
            && signature.inputs.len() == 1
            && WAITS.contains(&signature.ident.unraw().to_string().as_str());
        self.at(Here { main, in_a_wait, ..Here::default() }, |this| this.visit_block(block));
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

    fn visit_arguments(&mut self, arguments: &Arguments, here: Here, spawned: bool) {
        // What is spawned goes on by itself, whatever it is started in.
        let here = if spawned { Here { spawned, ..Here::default() } } else { here };
        let naming = if spawned { take(&mut self.naming) } else { Vec::new() };
        self.at(here, |this| arguments.iter().for_each(|argument| this.visit_expr(argument)));
        self.naming.extend(naming);
    }

    fn visit_select(&mut self, branches: &[Branch]) {
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
                let mut here = self.here;
                here.stop |= others().any(|(_, (stop, _))| *stop);
                here.deadline |= others().any(|(_, (_, deadline))| *deadline);
                here.awaited = true;
                here.limit =
                    matches!(bare(future), Expr::Path(_)) || self.calls(bare(future), &TIMERS).is_some();
                self.at(here, |this| {
                    this.judge_handle(future);
                    this.visit_expr(future);
                });
                self.bind(pattern, None, None);
            }
            branch.condition.iter().chain([&branch.handler]).for_each(|part| self.visit_expr(part));
            self.names.leave();
        }
    }

    fn is_loop_without_end(&self, body: &Block, label: Option<&syn::Label>) -> bool {
        let mut brings = Brings::nothing(&self.names, &self.function.named);
        brings.visit_block(body);
        !self.here.stop && !brings.stop && !leaves(body, label)
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

impl<'ast> Visit<'ast> for Auditor<'_> {
    fn visit_item(&mut self, node: &'ast Item) {
        if self.enter_item(attributes::of_item(node), node) {
            visit::visit_item(self, node);
        }
    }

    fn visit_impl_item(&mut self, node: &'ast syn::ImplItem) {
        if self.enter_item(attributes::of_impl_item(node), node) {
            visit::visit_impl_item(self, node);
        }
    }

    fn visit_trait_item(&mut self, node: &'ast syn::TraitItem) {
        if self.enter_item(attributes::of_trait_item(node), node) {
            visit::visit_trait_item(self, node);
        }
    }

    fn visit_item_mod(&mut self, node: &'ast syn::ItemMod) {
        let inner = self.names.module.inner(&node.ident.unraw().to_string());
        let outer = replace(&mut self.names.module, inner);
        self.inline_modules += 1;
        visit::visit_item_mod(self, node);
        self.inline_modules -= 1;
        self.names.module = outer;
    }

    fn visit_item_fn(&mut self, node: &'ast syn::ItemFn) {
        let at_the_top = self.names.outside_of_functions() && self.inline_modules == 0;
        self.visit_function(at_the_top && node.sig.ident == "main", &node.sig, &node.block);
    }

    fn visit_impl_item_fn(&mut self, node: &'ast syn::ImplItemFn) {
        self.visit_function(false, &node.sig, &node.block);
    }

    fn visit_trait_item_fn(&mut self, node: &'ast syn::TraitItemFn) {
        node.default.iter().for_each(|block| self.visit_function(false, &node.sig, block));
    }

    fn visit_item_macro(&mut self, node: &'ast syn::ItemMacro) {
        // What `macro_rules!` writes down is no code yet.
        if node.ident.is_none() {
            self.visit_macro(&node.mac);
        }
    }

    fn visit_block(&mut self, node: &'ast Block) {
        self.names.enter_block(node);
        visit::visit_block(self, node);
        self.names.leave();
    }

    fn visit_stmt(&mut self, node: &'ast Stmt) {
        if !self.tests && is_only_for_tests(attributes::of_statement(node)) {
            if self.has_allows {
                self.seen.left_out.push(node.span().start().line..=node.span().end().line);
            }
            return;
        }
        if let Stmt::Expr(expression, Some(_)) = node {
            self.require_kept(expression);
        }
        visit::visit_stmt(self, node);
    }

    fn visit_local(&mut self, node: &'ast syn::Local) {
        let mut pinned = None;
        if let Some(init) = &node.init {
            if matches!(node.pat, Pat::Wild(_)) {
                self.require_kept(&init.expr);
            }
            pinned = in_pin(&init.expr);
            let naming = naming(&node.pat, pinned.as_ref().unwrap_or(&init.expr));
            let outer = self.naming.len();
            self.naming.extend(naming);
            self.visit_expr(&init.expr);
            self.naming.truncate(outer);
            if let Some((_, otherwise)) = &init.diverge {
                self.visit_expr(otherwise);
            }
        }
        let value = pinned.as_ref().or(node.init.as_ref().map(|init| &*init.expr));
        self.bind(&node.pat, None, value);
        self.function.owned.extend(variables(&node.pat));
    }

    fn visit_expr_assign(&mut self, node: &'ast syn::ExprAssign) {
        if matches!(&*node.left, Expr::Infer(_)) {
            self.require_kept(&node.right);
        }
        visit::visit_expr_assign(self, node);
    }

    fn visit_expr_path(&mut self, node: &'ast syn::ExprPath) {
        if let Some(variable) = node.path.get_ident() {
            let variable = variable.unraw().to_string();
            if self.here.stop {
                self.function.used_under_stop.insert(variable.clone());
            }
            if self.here.limit {
                self.function.used_as_limit.insert(variable.clone());
            }
            if self.here.awaited {
                self.function.used_awaited.insert(variable.clone());
            }
            if self.here.deadline {
                self.function.used_under_deadline.insert(variable);
            }
        }
        let exits = || self.names.resolve(&node.path).is_some_and(|meaning| meaning == "std::process::exit");
        if !self.here.main && exits() {
            self.find(Rule::Exit, node.path.span(), self.here.spawned);
        }
    }

    fn visit_expr_call(&mut self, node: &'ast syn::ExprCall) {
        self.visit_expr(&node.func);
        let (mut here, mut spawned) = (self.here, false);
        if let Expr::Path(function) = &*node.func {
            let meaning = self.names.resolve(&function.path).unwrap_or_default();
            if meaning == BLOCKS && !self.here.stop {
                self.find(Rule::Sleep, function.path.span(), self.function.speaks_of_a_drain);
            }
            if TIMERS.contains(&meaning.as_str()) && !self.here.stop {
                self.find_timer(function.path.span());
            }
            if DROPS.contains(&meaning.as_str()) {
                node.args.iter().for_each(|argument| self.require_kept(argument));
            }
            here.deadline |= TIMEOUTS.contains(&meaning.as_str());
            spawned = function.path.segments.last().is_some_and(|last| spawns(&last.ident));
        }
        self.visit_arguments(&node.args, here, spawned);
    }

    fn visit_expr_method_call(&mut self, node: &'ast syn::ExprMethodCall) {
        self.visit_expr(&node.receiver);
        let name = node.method.unraw().to_string();
        if node.args.is_empty() && WAITS.contains(&name.as_str()) {
            let again = || self.here.in_loop || self.is_borrowed(&node.receiver);
            let is_intake = name == "recv" && (again() || self.brings(&node.receiver).stop);
            if !is_intake && !self.has_ended(&node.receiver) {
                self.find_wait(node.method.span());
            }
        }
        if node.args.is_empty() && ENDS.contains(&name.as_str()) {
            self.function.ended.extend(place(&node.receiver));
        }
        let mut here = self.here;
        here.stop |= name == "run_until_cancelled" || name == "run_until_cancelled_owned";
        self.visit_arguments(&node.args, here, spawns(&node.method));
    }

    fn visit_expr_await(&mut self, node: &'ast syn::ExprAwait) {
        self.judge_handle(&node.base);
        self.at(Here { awaited: true, ..self.here }, |this| this.visit_expr(&node.base));
    }

    fn visit_expr_async(&mut self, node: &'ast syn::ExprAsync) {
        let here = Here { main: false, in_loop: false, awaited: false, ..self.here };
        self.at(here, |this| this.visit_block(&node.block));
    }

    fn visit_expr_closure(&mut self, node: &'ast syn::ExprClosure) {
        self.names.enter();
        node.inputs.iter().for_each(|input| self.bind(input, None, None));
        let here = Here { main: false, in_loop: false, awaited: false, ..self.here };
        self.at(here, |this| this.visit_expr(&node.body));
        self.names.leave();
    }

    fn visit_expr_loop(&mut self, node: &'ast syn::ExprLoop) {
        if self.is_loop_without_end(&node.body, node.label.as_ref()) {
            self.find(Rule::Loop, node.loop_token.span, true);
        }
        let here = Here { in_loop: true, ..self.here };
        self.at(here, |this| this.visit_block(&node.body));
    }

    fn visit_expr_while(&mut self, node: &'ast syn::ExprWhile) {
        let always = matches!(&*node.cond, Expr::Lit(lit) if matches!(&lit.lit, Lit::Bool(lit) if lit.value));
        if always && self.is_loop_without_end(&node.body, node.label.as_ref()) {
            self.find(Rule::Loop, node.while_token.span, true);
        }
        let here = Here { in_loop: true, ..self.here };
        self.names.enter();
        self.at(here, |this| {
            this.visit_expr(&node.cond);
            this.visit_block(&node.body);
        });
        self.names.leave();
    }

    fn visit_expr_for_loop(&mut self, node: &'ast syn::ExprForLoop) {
        self.visit_expr(&node.expr);
        self.names.enter();
        self.bind(&node.pat, None, None);
        let here = Here { in_loop: true, ..self.here };
        self.at(here, |this| this.visit_block(&node.body));
        self.names.leave();
    }

    fn visit_expr_if(&mut self, node: &'ast syn::ExprIf) {
        self.names.enter();
        self.visit_expr(&node.cond);
        self.visit_block(&node.then_branch);
        self.names.leave();
        node.else_branch.iter().for_each(|(_, otherwise)| self.visit_expr(otherwise));
    }

    fn visit_expr_let(&mut self, node: &'ast syn::ExprLet) {
        self.visit_expr(&node.expr);
        self.bind(&node.pat, None, None);
    }

    fn visit_arm(&mut self, node: &'ast syn::Arm) {
        self.names.enter();
        self.bind(&node.pat, None, None);
        node.guard.iter().for_each(|(_, guard)| self.visit_expr(guard));
        self.visit_expr(&node.body);
        self.names.leave();
    }

    fn visit_macro(&mut self, node: &'ast syn::Macro) {
        let meaning = self.names.resolve(&node.path).unwrap_or_default();
        let from = meaning.rsplit_once("::").map_or("", |(from, _)| from);
        let is_known = ["", "tokio", "futures", "futures_util"].contains(&from);
        let last = meaning.rsplit("::").next().unwrap_or_default();
        if is_known && ["select", "select_biased"].contains(&last) {
            if let Ok(branches) = macros::branches(&node.tokens) {
                self.visit_select(&branches);
            }
            return;
        }
        match macros::body(&node.tokens) {
            Body::Expressions(all) => {
                let joins = is_known && ["join", "try_join"].contains(&last);
                let here = Here { awaited: self.here.awaited || joins, ..self.here };
                for expression in &all {
                    if joins {
                        self.judge_handle(expression);
                    }
                    self.at(here, |this| this.visit_expr(expression));
                }
            }
            Body::Statements(statements) => {
                self.visit_block(&Block { brace_token: Default::default(), stmts: statements });
            }
            Body::Words(_) => {}
        }
    }
}
