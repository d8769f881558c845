//! What a component can do.

use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;

use tokio::time::Instant;

/// Whatever went wrong in a component.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The start or the drain of a component, under way: a boxed future, because the methods of a trait object
/// cannot be `async`.
pub type Step<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// A component of a service: it can be drained, and perhaps has to be started.
///
/// # Examples
///
/// ```
/// use task_12::{Drainable, Step};
/// use tokio::time::Instant;
/// use tokio_util::task::TaskTracker;
///
/// struct Mailer {
///     letters: TaskTracker,
/// }
///
/// impl Drainable for Mailer {
///     fn drain(&self, _deadline: Instant) -> Step<'_> {
///         Box::pin(async {
///             self.letters.close();
///             self.letters.wait().await;
///             Ok(())
///         })
///     }
/// }
///
/// // There can be trait objects of it.
/// let _component: Box<dyn Drainable> = Box::new(Mailer { letters: TaskTracker::new() });
/// ```
pub trait Drainable: Send + Sync {
    /// Makes the component ready for work. Without one of its own, it is ready at once.
    ///
    /// Dropped when the drain begins, wherever it waits: the component then counts as not started, and what
    /// it has taken by then goes with the future.
    ///
    /// # Errors
    ///
    /// Whatever keeps the component from working. It is not drained then.
    fn start(&self) -> Step<'_> {
        Box::pin(ready(Ok(())))
    }

    /// Finishes what was begun, and gives back what was taken.
    ///
    /// At the deadline it is dropped where it waits. When that has come before the call, it still gets as far
    /// as it can without waiting.
    ///
    /// # Errors
    ///
    /// Whatever could not be finished.
    fn drain(&self, deadline: Instant) -> Step<'_>;
}

/// A component that others use, too: it is started and drained like any other.
impl<T: Drainable + ?Sized> Drainable for Arc<T> {
    fn drain(&self, deadline: Instant) -> Step<'_> {
        todo!("pass it on to the component that is shared, with {deadline:?}; and what else has a component?")
    }
}

/// A closure is what is to be done in the drain; it has nothing to start.
impl<F, Fut> Drainable for F
where
    F: Fn(Instant) -> Fut + Send + Sync,
    Fut: Future<Output = Result<(), Error>> + Send + 'static,
{
    fn drain(&self, deadline: Instant) -> Step<'_> {
        todo!("call the closure with {deadline:?}: its future is the drain")
    }
}
