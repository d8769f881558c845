//! `tokio_util::sync`.

use std::pin::Pin;

use tokio_util::sync as real;

pub use tokio_util::sync::{PollSendError, ReusableBoxFuture};

use crate::sync::mpsc;
use crate::visible::{Visible, VisibleFuture, by_path, point};

/// Cancelled once, for all its clones and children.
pub type CancellationToken = Visible<real::CancellationToken>;
/// Waits for the cancellation.
pub type WaitForCancellationFuture<'a> = VisibleFuture<real::WaitForCancellationFuture<'a>>;
/// The same, and borrows nothing.
pub type WaitForCancellationFutureOwned = VisibleFuture<Pin<Box<real::WaitForCancellationFutureOwned>>>;

#[allow(missing_docs)]
impl CancellationToken {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn child_token(&self) -> Self {
        point();
        Visible::of(self.real().child_token())
    }

    pub fn cancelled(&self) -> WaitForCancellationFuture<'_> {
        VisibleFuture::new(self.real().cancelled())
    }

    pub fn cancelled_owned(self) -> WaitForCancellationFutureOwned {
        VisibleFuture::new(Box::pin(self.into_real().cancelled_owned()))
    }

    pub fn drop_guard(self) -> DropGuard {
        DropGuard { token: Some(self) }
    }

    pub fn drop_guard_ref(&self) -> DropGuardRef<'_> {
        DropGuardRef { token: Some(self) }
    }

    pub async fn run_until_cancelled<F: Future>(&self, future: F) -> Option<F::Output> {
        VisibleFuture::new(self.real().run_until_cancelled(future)).await
    }

    pub async fn run_until_cancelled_owned<F: Future>(self, future: F) -> Option<F::Output> {
        self.run_until_cancelled(future).await
    }
}

/// Cancels when it is dropped.
#[derive(Debug)]
pub struct DropGuard {
    token: Option<CancellationToken>,
}

#[allow(missing_docs)]
impl DropGuard {
    pub fn disarm(mut self) -> CancellationToken {
        self.token.take().expect("it is taken once")
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let Some(token) = &self.token {
            token.cancel();
        }
    }
}

/// Cancels when it is dropped.
#[derive(Debug)]
pub struct DropGuardRef<'a> {
    token: Option<&'a CancellationToken>,
}

#[allow(missing_docs)]
impl<'a> DropGuardRef<'a> {
    pub fn disarm(mut self) -> &'a CancellationToken {
        self.token.take().expect("it is taken once")
    }
}

impl Drop for DropGuardRef<'_> {
    fn drop(&mut self) {
        if let Some(token) = self.token {
            token.cancel();
        }
    }
}

/// A sender that can be polled.
pub type PollSender<T> = Visible<real::PollSender<T>>;

#[allow(missing_docs)]
impl<T: Send + 'static> Visible<real::PollSender<T>> {
    pub fn new(sender: mpsc::Sender<T>) -> Self {
        Visible::of(real::PollSender::new(sender.into_real()))
    }
}

/// `with_cancellation_token` of tokio-util.
pub trait FutureExt: Future + Sized {
    /// `None` if the token is cancelled first.
    fn with_cancellation_token(
        self,
        token: &CancellationToken,
    ) -> impl Future<Output = Option<Self::Output>> {
        token.run_until_cancelled(self)
    }

    /// The same, and borrows nothing.
    fn with_cancellation_token_owned(
        self,
        token: CancellationToken,
    ) -> impl Future<Output = Option<Self::Output>> {
        token.run_until_cancelled_owned(self)
    }
}

impl<F: Future> FutureExt for F {}

by_path! { [] CancellationToken;
    fn cancel();
    fn is_cancelled() -> bool;
}
