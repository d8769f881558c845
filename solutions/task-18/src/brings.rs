//! What an expression brings to those beside it: a stop, a deadline.

use std::collections::HashSet;

use syn::ext::IdentExt as _;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprCall, ExprMethodCall, ExprPath, Ident, Item, Lifetime, Macro, Type};

use crate::macros::{self, Body};
use crate::names::Names;
use crate::stop::{has_stop_word, is_stop_method, speaks_of_a_drain};

/// Calls that return after a time.
pub const TIMED: [&str; 4] =
    ["tokio::time::sleep", "tokio::time::sleep_until", "tokio::time::timeout", "tokio::time::timeout_at"];

/// Variables that stand for the call that they are bound to.
#[derive(Default)]
pub struct Named {
    /// Calls with a stop signal.
    pub stops: HashSet<String>,
    /// Calls that return after a time.
    pub timed: HashSet<String>,
}

/// What an expression brings.
pub struct Brings<'a> {
    names: &'a Names<'a>,
    named: &'a Named,
    /// A stop signal.
    pub stop: bool,
    /// A word that speaks of a drain.
    pub drain_word: bool,
    /// A call that returns after a time.
    pub deadline: bool,
}

impl<'a> Brings<'a> {
    /// Nothing, so far.
    pub fn nothing(names: &'a Names<'a>, named: &'a Named) -> Self {
        Self { names, named, stop: false, drain_word: false, deadline: false }
    }

    /// What this expression brings.
    pub fn of(names: &'a Names<'a>, named: &'a Named, expression: &Expr) -> Self {
        let mut brings = Self::nothing(names, named);
        brings.visit_expr(expression);
        brings
    }
}

impl Brings<'_> {
    fn hear(&mut self, word: &str) {
        self.stop |= has_stop_word(word);
        self.drain_word |= speaks_of_a_drain(word);
    }
}

impl<'ast> Visit<'ast> for Brings<'_> {
    fn visit_ident(&mut self, node: &'ast Ident) {
        self.hear(&node.unraw().to_string());
    }

    fn visit_expr_path(&mut self, node: &'ast ExprPath) {
        if let Some(name) = node.path.get_ident() {
            let name = name.unraw().to_string();
            self.stop |= self.named.stops.contains(&name);
            self.deadline |= self.named.timed.contains(&name);
        }
        visit::visit_expr_path(self, node);
    }

    fn visit_expr_call(&mut self, node: &'ast ExprCall) {
        self.visit_expr(&node.func);
        if let Expr::Path(function) = &*node.func {
            let timed = |meaning: String| TIMED.contains(&meaning.as_str());
            self.deadline |= self.names.resolve(&function.path).is_some_and(timed);
            if spawns(&function.path.segments.last().expect("a path has a segment").ident) {
                return;
            }
        }
        node.args.iter().for_each(|argument| self.visit_expr(argument));
    }

    fn visit_expr_method_call(&mut self, node: &'ast ExprMethodCall) {
        self.visit_expr(&node.receiver);
        let name = node.method.unraw().to_string();
        self.stop |= is_stop_method(&name);
        self.drain_word |= name != "drain" && speaks_of_a_drain(&name);
        if !spawns(&node.method) {
            node.args.iter().for_each(|argument| self.visit_expr(argument));
        }
    }

    fn visit_macro(&mut self, node: &'ast Macro) {
        if let Ok(branches) = macros::branches(&node.tokens) {
            for branch in &branches {
                let waits = branch.waits.iter().map(|(_, future)| future);
                waits
                    .chain(&branch.condition)
                    .chain([&branch.handler])
                    .for_each(|part| self.visit_expr(part));
            }
            return;
        }
        match macros::body(&node.tokens) {
            Body::Expressions(all) => all.iter().for_each(|expression| self.visit_expr(expression)),
            Body::Statements(all) => all.iter().for_each(|statement| self.visit_stmt(statement)),
            Body::Words(all) => {
                self.stop |= all.iter().any(|word| is_stop_method(word));
                all.iter().for_each(|word| self.hear(word));
            }
        }
    }

    // What is declared there says nothing of what is done.
    fn visit_item(&mut self, _: &'ast Item) {}
    fn visit_type(&mut self, _: &'ast Type) {}
    fn visit_lifetime(&mut self, _: &'ast Lifetime) {}
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

/// Whether what is handed to a function of this name goes on by itself.
pub fn spawns(name: &Ident) -> bool {
    name.unraw().to_string().starts_with("spawn")
}
