//! Components that are drained in the order in which they need each other.
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `lib` | [`DrainOrder`]: one drain for all callers |
//! | `component` | [`Component`]: a name, what it needs, and how it is drained |
//! | `plan` | who needs whom, and what has no order |
//! | `walk` | the drain itself |
//! | `outcome` | [`Ended`]: how it went |
//! | `tree` | the order as a person sees it |
//!
//! The service that is drained in this order is the program beside it, `main`.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod component;
mod outcome;
mod plan;
mod tree;
mod walk;

use std::fmt;
use std::mem;
use std::sync::{Mutex, PoisonError};

use tokio::sync::{OnceCell, watch};
use tokio::time::Instant;

pub use component::Component;
pub use outcome::{Ended, Outcome};
pub use plan::BadOrder;

use plan::Plan;

/// Components, and the order in which they are drained: before what they need.
///
/// Displayed, it is a tree: below each component stands what it needs.
pub struct DrainOrder {
    tree: String,
    plan: Plan,
    /// Taken by the drain when it begins.
    components: Mutex<Vec<Component>>,
    /// The one drain, from the moment when it begins: `None` until it is over.
    drain: OnceCell<watch::Receiver<Option<Vec<Ended>>>>,
}

impl DrainOrder {
    /// Finds the order. No component is called yet.
    ///
    /// # Errors
    ///
    /// If there is none, or if it is not clear which component is meant.
    pub fn new(components: impl IntoIterator<Item = Component>) -> Result<Self, BadOrder> {
        let components: Vec<_> = components.into_iter().collect();
        let plan = Plan::new(&components)?;
        let tree = tree::draw(&components);
        Ok(Self { tree, plan, components: Mutex::new(components), drain: OnceCell::new() })
    }

    /// Drains all components, each when those that need it have ended, and all of them by `deadline`. Reports
    /// on stderr, and returns how it went, in the order in which they ended.
    ///
    /// There is one drain, with the deadline of the first call. Whoever calls again gets the same entries
    /// when it is over. Dropped before that, this changes nothing: the drain goes on.
    pub async fn drain(&self, deadline: Instant) -> Vec<Ended> {
        let mut over = self.drain.get_or_init(|| async { self.begin(deadline) }).await.clone();
        let ended = over.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone());
        ended.expect("the drain's task ends with its entries")
    }

    fn begin(&self, deadline: Instant) -> watch::Receiver<Option<Vec<Ended>>> {
        let components = mem::take(&mut *self.components.lock().unwrap_or_else(PoisonError::into_inner));
        let plan = self.plan.clone();
        let (record, over) = watch::channel(None);
        tokio::spawn(async move {
            record.send_replace(Some(walk::walk(components, plan, deadline).await));
        });
        over
    }
}

impl fmt::Display for DrainOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.tree)
    }
}
