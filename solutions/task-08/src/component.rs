//! What can be drained.

use std::fmt;
use std::pin::Pin;

use tokio::time::Instant;

/// Part of a service: a name, the names of what it needs, and how it is drained.
pub struct Component {
    pub(crate) name: String,
    pub(crate) needs: Vec<String>,
    pub(crate) drain: Drain,
}

pub(crate) type Drain = Box<dyn FnOnce(Instant) -> Draining + Send>;
pub(crate) type Draining = Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;

impl Component {
    /// A component that needs nothing yet. `drain` stops it, and gets the moment at which its time is over; its
    /// future is dropped if it has not ended then.
    pub fn new<D, F>(name: &str, drain: D) -> Self
    where
        D: FnOnce(Instant) -> F + Send + 'static,
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let drain: Drain = Box::new(|due| Box::pin(drain(due)));
        Self { name: name.to_owned(), needs: Vec::new(), drain }
    }

    /// Says that this component needs that one, and so is drained before it.
    #[must_use]
    pub fn needs(mut self, name: &str) -> Self {
        self.needs.push(name.to_owned());
        self
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component")
            .field("name", &self.name)
            .field("needs", &self.needs)
            .finish_non_exhaustive()
    }
}
