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
use crate::facts::{Around, Facts, Kind, Place, Site};
use crate::finding::Finding;
use crate::leaves::leaves;
use crate::macros::{self, Body, Branch};
use crate::modules::{Modules, is_only_for_tests};
use crate::names::{Names, variables};
use crate::source::Source;

const BLOCKS: &str = "std::thread::sleep";
const TIMERS: [&str; 2] = ["tokio::time::sleep", "tokio::time::sleep_until"];
const TASKS: [&str; 3] = ["tokio::spawn", "tokio::task::spawn", "tokio::task::spawn_local"];
const ALSO_SPAWN: [&str; 2] = ["tokio::task::spawn_blocking", "std::thread::spawn"];
const TIMEOUTS: [&str; 2] = ["tokio::time::timeout", "tokio::time::timeout_at"];
const DROPS: [&str; 3] = ["drop", "std::mem::drop", "core::mem::drop"];
const WAITS: [&str; 5] = ["join", "join_all", "join_next", "recv", "wait"];
const ENDS: [&str; 4] = ["abort", "abort_all", "kill", "start_kill"];

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
        tests,
        has_allows: source.text.contains("drain-audit:"),
        names,
        inline_modules: 0,
        here: Place::default(),
        function: Function::default(),
        functions: 0,
        naming: Vec::new(),
        facts: Facts::default(),
        seen: Examined { findings: Vec::new(), items: Vec::new(), left_out: Vec::new() },
    };
    if tests || !is_only_for_tests(&source.file.attrs) {
        source.file.items.iter().for_each(|item| auditor.visit_item(item));
    } else {
        auditor.seen.left_out.push(0..=usize::MAX);
    }
    auditor.seen.findings = auditor.facts.judged(source);
    auditor.seen
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
    number: usize,
}

struct Auditor<'a> {
    tests: bool,
    has_allows: bool,
    names: Names<'a>,
    inline_modules: usize,
    here: Place,
    function: Function,
    functions: usize,
    /// The futures that `let` is giving a name to, from the outside in.
    naming: Vec<Naming>,
    facts: Facts,
    seen: Examined,
}

impl Auditor<'_> {
    fn note(&mut self, kind: Kind, span: Span) {
        let of_spawned = self.here.0.iter().rposition(|around| *around == Around::Spawned).unwrap_or(0);
        let named = self.naming.iter().filter(|naming| naming.depth >= of_spawned);
        let named = named.filter(|naming| naming.call.is_none_or(|call| call == span.start()));
        let name = |naming: &Naming| (self.function.number, naming.name.clone());
        let own = named.clone().find(|naming| naming.call.is_some()).map(name);
        let named = named.map(name).collect();
        let speaks_of_a_drain = self.function.speaks_of_a_drain;
        self.facts.sites.push(Site { kind, span, place: self.here.clone(), named, own, speaks_of_a_drain });
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

    fn within(&mut self, around: &[Around], then: impl FnOnce(&mut Self)) {
        let outer = self.here.0.len();
        self.here.0.extend(around);
        then(self);
        self.here.0.truncate(outer);
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
            self.note(Kind::Detached, spawn.span());
        }
    }

    /// Looks whether this future is the handle of a task.
    fn judge_handle(&mut self, future: &Expr) {
        let future = bare(future);
        if let Some(spawn) = self.calls(future, &TASKS) {
            return self.note(Kind::Wait, spawn.span());
        }
        if let Expr::Path(path) = future
            && let Some(variable) = path.path.get_ident()
            && self.function.handles.contains(&variable.unraw().to_string())
            && !self.has_ended(future)
        {
            self.note(Kind::Wait, variable.span());
        }
    }

    fn visit_function(&mut self, main: bool, signature: &Signature, block: &Block) {
        self.functions += 1;
        let inner = Function { number: self.functions, ..Function::default() };
        let outer_function = replace(&mut self.function, inner);
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
        let mut around = vec![if main { Around::Main } else { Around::Function }];
        if signature.receiver().is_some()
            && signature.inputs.len() == 1
            && WAITS.contains(&signature.ident.unraw().to_string().as_str())
        {
            around.push(Around::Wait);
        }
        self.within(&around, |this| this.visit_block(block));
        self.names.leave();
        self.naming = naming;
        self.function = outer_function;
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
                let mut around = vec![Around::Await];
                if matches!(bare(future), Expr::Path(_)) || self.calls(bare(future), &TIMERS).is_some() {
                    around.push(Around::Limit);
                }
                if others().any(|(_, (stop, _))| *stop) {
                    around.push(Around::Stop);
                }
                if others().any(|(_, (_, deadline))| *deadline) {
                    around.push(Around::Deadline);
                }
                self.within(&around, |this| {
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
        !brings.stop && !leaves(body, label)
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
    /// How much is around it.
    depth: usize,
    /// Where its call stands. Of a block it is the whole of it that has the name.
    call: Option<LineColumn>,
}

/// What `let` gives a name to, if it is a future.
fn naming(pattern: &Pat, value: &Expr, depth: usize) -> Option<Naming> {
    let pattern = if let Pat::Type(typed) = pattern { &*typed.pat } else { pattern };
    let Pat::Ident(variable) = pattern else { return None };
    let call = match future(value) {
        Expr::Call(call) => Some(call.func.span().start()),
        Expr::MethodCall(call) => Some(call.method.span().start()),
        Expr::Async(_) => None,
        _ => return None,
    };
    Some(Naming { name: variable.ident.unraw().to_string(), depth, call })
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
            let naming = naming(&node.pat, pinned.as_ref().unwrap_or(&init.expr), self.here.0.len());
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
            let name = (self.function.number, variable.unraw().to_string());
            self.facts.uses.push((name, self.here.clone()));
        }
        if self.names.resolve(&node.path).is_some_and(|meaning| meaning == "std::process::exit") {
            self.note(Kind::Exit, node.path.span());
        }
    }

    fn visit_expr_call(&mut self, node: &'ast syn::ExprCall) {
        self.visit_expr(&node.func);
        let mut around = Vec::new();
        if let Expr::Path(function) = &*node.func {
            let meaning = self.names.resolve(&function.path).unwrap_or_default();
            if meaning == BLOCKS {
                self.note(Kind::Sleep, function.path.span());
            }
            if TIMERS.contains(&meaning.as_str()) {
                self.note(Kind::Timer, function.path.span());
            }
            if DROPS.contains(&meaning.as_str()) {
                node.args.iter().for_each(|argument| self.require_kept(argument));
            }
            if TIMEOUTS.contains(&meaning.as_str()) {
                around.push(Around::Deadline);
            }
            if function.path.segments.last().is_some_and(|last| spawns(&last.ident)) {
                around.push(Around::Spawned);
            }
        }
        self.within(&around, |this| node.args.iter().for_each(|argument| this.visit_expr(argument)));
    }

    fn visit_expr_method_call(&mut self, node: &'ast syn::ExprMethodCall) {
        self.visit_expr(&node.receiver);
        let name = node.method.unraw().to_string();
        if node.args.is_empty() && WAITS.contains(&name.as_str()) && !self.has_ended(&node.receiver) {
            match name.as_str() {
                "recv" if self.is_borrowed(&node.receiver) || self.brings(&node.receiver).stop => {}
                "recv" => self.note(Kind::Receive, node.method.span()),
                _ => self.note(Kind::Wait, node.method.span()),
            }
        }
        if node.args.is_empty() && ENDS.contains(&name.as_str()) {
            self.function.ended.extend(place(&node.receiver));
        }
        let around = match name.as_str() {
            "run_until_cancelled" | "run_until_cancelled_owned" => vec![Around::Stop],
            _ if spawns(&node.method) => vec![Around::Spawned],
            _ => Vec::new(),
        };
        self.within(&around, |this| node.args.iter().for_each(|argument| this.visit_expr(argument)));
    }

    fn visit_expr_await(&mut self, node: &'ast syn::ExprAwait) {
        self.judge_handle(&node.base);
        self.within(&[Around::Await], |this| this.visit_expr(&node.base));
    }

    fn visit_expr_async(&mut self, node: &'ast syn::ExprAsync) {
        self.within(&[Around::Deferred], |this| this.visit_block(&node.block));
    }

    fn visit_expr_closure(&mut self, node: &'ast syn::ExprClosure) {
        self.names.enter();
        node.inputs.iter().for_each(|input| self.bind(input, None, None));
        self.within(&[Around::Deferred], |this| this.visit_expr(&node.body));
        self.names.leave();
    }

    fn visit_expr_loop(&mut self, node: &'ast syn::ExprLoop) {
        if self.is_loop_without_end(&node.body, node.label.as_ref()) {
            self.note(Kind::Loop, node.loop_token.span);
        }
        self.within(&[Around::Loop], |this| this.visit_block(&node.body));
    }

    fn visit_expr_while(&mut self, node: &'ast syn::ExprWhile) {
        let always = matches!(&*node.cond, Expr::Lit(lit) if matches!(&lit.lit, Lit::Bool(lit) if lit.value));
        if always && self.is_loop_without_end(&node.body, node.label.as_ref()) {
            self.note(Kind::Loop, node.while_token.span);
        }
        self.names.enter();
        self.within(&[Around::Loop], |this| {
            this.visit_expr(&node.cond);
            this.visit_block(&node.body);
        });
        self.names.leave();
    }

    fn visit_expr_for_loop(&mut self, node: &'ast syn::ExprForLoop) {
        self.visit_expr(&node.expr);
        self.names.enter();
        self.bind(&node.pat, None, None);
        self.within(&[Around::Loop], |this| this.visit_block(&node.body));
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
                let around: &[Around] = if joins { &[Around::Await] } else { &[] };
                for expression in &all {
                    if joins {
                        self.judge_handle(expression);
                    }
                    self.within(around, |this| this.visit_expr(expression));
                }
            }
            Body::Statements(statements) => {
                self.visit_block(&Block { brace_token: Default::default(), stmts: statements });
            }
            Body::Words(_) => {}
        }
    }
}
