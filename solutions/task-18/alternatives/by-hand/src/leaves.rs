//! Whether anything in a loop leaves it.

use syn::{Block, Expr, Label, Lifetime, Macro};

use crate::macros::{self, Body};
use crate::parts::{self, Part};

/// Whether something in the body of a loop with this label leaves the loop.
pub fn leaves(body: &Block, label: Option<&Label>) -> bool {
    let own = label.map(|label| label.name.ident.to_string());
    let mut way_out = WayOut { own, inner: Vec::new(), loops: 0, found: false };
    way_out.block(body);
    way_out.found
}

struct WayOut {
    own: Option<String>,
    /// The labels of what the loop contains, and that we are in.
    inner: Vec<String>,
    /// How many loops of what it contains we are in.
    loops: usize,
    found: bool,
}

impl WayOut {
    /// Whether it is outside of everything that the loop contains.
    fn is_outer(&self, label: &Lifetime) -> bool {
        !self.inner.contains(&label.ident.to_string())
    }

    fn within(&mut self, label: Option<&Label>, loops: usize, then: impl FnOnce(&mut Self)) {
        let labels = self.inner.len();
        self.inner.extend(label.map(|label| label.name.ident.to_string()));
        self.loops += loops;
        then(self);
        self.loops -= loops;
        self.inner.truncate(labels);
    }

    fn block(&mut self, block: &Block) {
        parts::of_block(block).into_iter().for_each(|part| self.part(part));
    }

    fn part(&mut self, part: Part) {
        match part {
            Part::Expr(expression) => self.expression(expression),
            Part::Block(block) => self.block(block),
            Part::Macro(call) => self.call(call),
            Part::Arm(arm) => {
                arm.guard.iter().for_each(|(_, guard)| self.expression(guard));
                self.expression(&arm.body);
            }
            Part::Pat(_) | Part::Word(_) => {}
        }
    }

    fn expression(&mut self, node: &Expr) {
        match node {
            Expr::Return(_) | Expr::Try(_) => self.found = true,
            Expr::Break(leave) => {
                self.found |= leave.label.as_ref().map_or(self.loops == 0, |label| self.is_outer(label));
            }
            Expr::Continue(again) => {
                let outer = |label: &Lifetime| {
                    self.is_outer(label) && self.own.as_deref() != Some(label.ident.to_string().as_str())
                };
                self.found |= again.label.as_ref().is_some_and(outer);
            }
            // What stands there leaves something else.
            Expr::Async(_) | Expr::Closure(_) => return,
            Expr::Loop(inner) => {
                return self.within(inner.label.as_ref(), 1, |this| this.block(&inner.body));
            }
            Expr::While(inner) => {
                return self.within(inner.label.as_ref(), 1, |this| {
                    this.expression(&inner.cond);
                    this.block(&inner.body);
                });
            }
            Expr::ForLoop(inner) => {
                self.expression(&inner.expr);
                return self.within(inner.label.as_ref(), 1, |this| this.block(&inner.body));
            }
            Expr::Block(inner) => {
                return self.within(inner.label.as_ref(), 0, |this| this.block(&inner.block));
            }
            _ => {}
        }
        parts::of(node).into_iter().for_each(|part| self.part(part));
    }

    fn call(&mut self, node: &Macro) {
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
            Body::Words(all) => self.found |= all.iter().any(|word| word == "return" || word == "break"),
        }
    }
}
