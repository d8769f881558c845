//! One value, from one to another.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot as real;

pub use tokio::sync::oneshot::error;

use crate::visible::{Visible, VisibleFuture, by_path, point};

/// Sends one value.
pub type Sender<T> = Visible<real::Sender<T>>;
/// Receives one value.
pub type Receiver<T> = Visible<real::Receiver<T>>;

/// Both ends.
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = real::channel();
    (Visible::of(sender), Visible::of(receiver))
}

#[allow(missing_docs)]
impl<T> Visible<real::Sender<T>> {
    /// # Errors
    ///
    /// The value, if nobody can receive it any more.
    pub fn send(self, value: T) -> Result<(), T> {
        self.into_real().send(value)
    }

    pub async fn closed(&mut self) {
        VisibleFuture::new(self.real_mut().closed()).await;
    }
}

impl<T> Future for Visible<real::Receiver<T>> {
    type Output = Result<T, error::RecvError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        point();
        Pin::new(self.get_mut().real_mut()).poll(context)
    }
}

by_path! { [T] Sender<T>;
    fn is_closed() -> bool;
    mut fn poll_closed(context: &mut Context<'_>) -> Poll<()>;
}

by_path! { [T] Receiver<T>;
    fn is_empty() -> bool;
    fn is_terminated() -> bool;
    mut fn close();
    mut fn try_recv() -> Result<T, error::TryRecvError>;
}
