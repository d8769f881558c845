//! What makes a primitive of tokio visible to the scheduler.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use shuttle_engine::runtime::execution::ExecutionState;
use shuttle_engine::runtime::thread;

/// A scheduling point: here the scheduler may let somebody else go on. One stands before each operation
/// that others can see, so that between any two there may be a third.
pub fn point() {
    let runs = || ExecutionState::try_with(|state| !state.is_finished()).unwrap_or(false);
    if !std::thread::panicking() && runs() {
        thread::switch();
    }
}

/// A scheduling point when it is dropped. It is the first field of what holds it, and so comes before
/// that is dropped, which others can see.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        point();
    }
}

/// A primitive of tokio; whoever reaches for it passes a scheduling point first.
pub struct Visible<R> {
    end: End,
    real: R,
}

impl<R> Visible<R> {
    pub(crate) fn of(real: R) -> Self {
        Self { end: End, real }
    }

    /// Without a point: others cannot see what is done with it.
    pub(crate) fn real(&self) -> &R {
        &self.real
    }

    pub(crate) fn real_mut(&mut self) -> &mut R {
        &mut self.real
    }

    /// A point, and then what it was made of.
    pub(crate) fn into_real(self) -> R {
        let Self { end, real } = self;
        drop(end);
        real
    }
}

/// Methods of a [`Visible`] by their path, as in `for_each(CancellationToken::cancel)`: that does not look
/// behind a `Deref`. Those with `mut` take `&mut self`.
macro_rules! by_path {
    ([$($value:ident $(: $bound:ident)?)?] $visible:ty; $($method:tt)*) => {
        #[allow(missing_docs, clippy::missing_errors_doc, clippy::len_without_is_empty)]
        impl$(<$value $(: $bound)?>)? $visible {
            $crate::visible::by_path_each! { $($method)* }
        }
    };
}
pub(crate) use by_path;

macro_rules! by_path_each {
    () => {};
    (fn $name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?; $($rest:tt)*) => {
        pub fn $name(&self $(, $argument: $type)*) $(-> $result)? {
            std::ops::Deref::deref(self).$name($($argument),*)
        }
        $crate::visible::by_path_each! { $($rest)* }
    };
    (mut fn $name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?; $($rest:tt)*) => {
        pub fn $name(&mut self $(, $argument: $type)*) $(-> $result)? {
            std::ops::DerefMut::deref_mut(self).$name($($argument),*)
        }
        $crate::visible::by_path_each! { $($rest)* }
    };
}
pub(crate) use by_path_each;

impl<R> Deref for Visible<R> {
    type Target = R;

    fn deref(&self) -> &R {
        point();
        &self.real
    }
}

impl<R> DerefMut for Visible<R> {
    fn deref_mut(&mut self) -> &mut R {
        point();
        &mut self.real
    }
}

impl<R: Clone> Clone for Visible<R> {
    fn clone(&self) -> Self {
        Self::of(self.real.clone())
    }
}

impl<R: Default> Default for Visible<R> {
    fn default() -> Self {
        Self::of(R::default())
    }
}

impl<R: PartialEq> PartialEq for Visible<R> {
    fn eq(&self, other: &Self) -> bool {
        self.real == other.real
    }
}

impl<R: Eq> Eq for Visible<R> {}

impl<R: fmt::Debug> fmt::Debug for Visible<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.real.fmt(f)
    }
}

/// What gives something back when it is dropped: a permit, the guard of a lock.
pub struct VisibleGuard<G> {
    end: End,
    real: G,
}

impl<G> VisibleGuard<G> {
    pub(crate) fn new(real: G) -> Self {
        Self { end: End, real }
    }

    pub(crate) fn real(&self) -> &G {
        &self.real
    }

    pub(crate) fn real_mut(&mut self) -> &mut G {
        &mut self.real
    }

    /// A point, and then what it was made of.
    pub(crate) fn into_real(self) -> G {
        let Self { end, real } = self;
        drop(end);
        real
    }
}

impl<G: Deref> Deref for VisibleGuard<G> {
    type Target = G::Target;

    fn deref(&self) -> &G::Target {
        &self.real
    }
}

impl<G: DerefMut> DerefMut for VisibleGuard<G> {
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.real
    }
}

impl<G: fmt::Debug> fmt::Debug for VisibleGuard<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.real.fmt(f)
    }
}

pin_project! {
    /// A future of tokio, with a scheduling point before each poll.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct VisibleFuture<F> {
        #[pin]
        real: F,
    }
}

impl<F> VisibleFuture<F> {
    pub(crate) fn new(real: F) -> Self {
        Self { real }
    }

    pub(crate) fn real(self: Pin<&mut Self>) -> Pin<&mut F> {
        self.project().real
    }
}

impl<F: Future> Future for VisibleFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        point();
        self.real().poll(context)
    }
}
