//! `tokio::runtime`: as much of it as a library uses.

use crate::task::{self, JoinHandle};

pub use tokio::runtime::TryCurrentError;

/// The one runtime that there is.
#[derive(Clone, Debug)]
pub struct Handle(());

#[allow(missing_docs, clippy::missing_errors_doc)]
impl Handle {
    pub fn current() -> Self {
        Self(())
    }

    pub fn try_current() -> Result<Self, TryCurrentError> {
        Ok(Self(()))
    }

    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        task::spawn(future)
    }
}
