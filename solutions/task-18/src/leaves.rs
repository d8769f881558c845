//! Whether anything in a loop leaves it.

use syn::visit::{self, Visit};
use syn::{Block, Expr, Item, Label, Lifetime, Macro};

use crate::macros::{self, Body};

/// Whether something in the body of a loop with this label leaves the loop.
pub fn leaves(body: &Block, label: Option<&Label>) -> bool {
    let own = label.map(|label| label.name.ident.to_string());
    let mut way_out = WayOut { own, inner: Vec::new(), loops: 0, found: false };
    way_out.visit_block(body);
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
}

impl<'ast> Visit<'ast> for WayOut {
    fn visit_expr(&mut self, node: &'ast Expr) {
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
                return self.within(inner.label.as_ref(), 1, |this| this.visit_block(&inner.body));
            }
            Expr::While(inner) => {
                return self.within(inner.label.as_ref(), 1, |this| {
                    this.visit_expr(&inner.cond);
                    this.visit_block(&inner.body);
                });
            }
            Expr::ForLoop(inner) => {
                self.visit_expr(&inner.expr);
                return self.within(inner.label.as_ref(), 1, |this| this.visit_block(&inner.body));
            }
            Expr::Block(inner) => {
                return self.within(inner.label.as_ref(), 0, |this| this.visit_block(&inner.block));
            }
            _ => {}
        }
        visit::visit_expr(self, node);
    }

    fn visit_item(&mut self, _: &'ast Item) {}

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
            Body::Words(all) => self.found |= all.iter().any(|word| word == "return" || word == "break"),
        }
    }
}
