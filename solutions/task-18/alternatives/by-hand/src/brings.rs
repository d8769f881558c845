//! What an expression brings to those beside it: a stop, a deadline.

use std::collections::HashSet;

use syn::ext::IdentExt as _;
use syn::{Block, Expr, ExprCall, ExprMethodCall, Ident, Macro};

use crate::macros::{self, Body};
use crate::names::Names;
use crate::parts::{self, Part};
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
        brings.expression(expression);
        brings
    }
}

impl Brings<'_> {
    fn hear(&mut self, word: &str) {
        self.stop |= has_stop_word(word);
        self.drain_word |= speaks_of_a_drain(word);
    }

    /// Adds what this block brings.
    pub fn block(&mut self, block: &Block) {
        parts::of_block(block).into_iter().for_each(|part| self.part(part));
    }

    fn part(&mut self, part: Part) {
        match part {
            Part::Expr(expression) => self.expression(expression),
            Part::Block(block) => self.block(block),
            Part::Pat(pattern) => parts::of_pattern(pattern).into_iter().for_each(|part| self.part(part)),
            Part::Arm(arm) => {
                self.part(Part::Pat(&arm.pat));
                arm.guard.iter().for_each(|(_, guard)| self.expression(guard));
                self.expression(&arm.body);
            }
            Part::Macro(call) => self.inside(call),
            Part::Word(word) => self.hear(&word.unraw().to_string()),
        }
    }

    fn expression(&mut self, expression: &Expr) {
        match expression {
            Expr::Call(call) => return self.call(call),
            Expr::MethodCall(call) => return self.method_call(call),
            Expr::Path(path) => {
                if let Some(name) = path.path.get_ident() {
                    let name = name.unraw().to_string();
                    self.stop |= self.named.stops.contains(&name);
                    self.deadline |= self.named.timed.contains(&name);
                }
            }
            _ => {}
        }
        parts::of(expression).into_iter().for_each(|part| self.part(part));
    }

    fn call(&mut self, node: &ExprCall) {
        self.expression(&node.func);
        if let Expr::Path(function) = &*node.func {
            let timed = |meaning: String| TIMED.contains(&meaning.as_str());
            self.deadline |= self.names.resolve(&function.path).is_some_and(timed);
            if spawns(&function.path.segments.last().expect("a path has a segment").ident) {
                return;
            }
        }
        node.args.iter().for_each(|argument| self.expression(argument));
    }

    fn method_call(&mut self, node: &ExprMethodCall) {
        self.expression(&node.receiver);
        let name = node.method.unraw().to_string();
        self.stop |= is_stop_method(&name);
        self.drain_word |= name != "drain" && speaks_of_a_drain(&name);
        if !spawns(&node.method) {
            node.args.iter().for_each(|argument| self.expression(argument));
        }
    }

    fn inside(&mut self, node: &Macro) {
        if let Ok(branches) = macros::branches(&node.tokens) {
            for branch in &branches {
                let waits = branch.waits.iter().map(|(_, future)| future);
                waits
                    .chain(&branch.condition)
                    .chain([&branch.handler])
                    .for_each(|part| self.expression(part));
            }
            return;
        }
        match macros::body(&node.tokens) {
            Body::Expressions(all) => all.iter().for_each(|expression| self.expression(expression)),
            Body::Statements(all) => {
                all.iter().flat_map(parts::of_statement).for_each(|part| self.part(part));
            }
            Body::Words(all) => {
                self.stop |= all.iter().any(|word| is_stop_method(word));
                all.iter().for_each(|word| self.hear(word));
            }
        }
    }
}

/// Whether what is handed to a function of this name goes on by itself.
pub fn spawns(name: &Ident) -> bool {
    name.unraw().to_string().starts_with("spawn")
}
