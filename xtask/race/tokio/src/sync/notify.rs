use std::pin::Pin;
use std::sync::Arc;

use tokio::sync as real;
use tokio::sync::futures as real_futures;

use crate::visible::{Visible, VisibleFuture, by_path, point};

/// Behind an `Arc`, because of what is owned.
pub type Notify = Visible<Arc<real::Notify>>;
/// Waits for a notification.
pub type Notified<'a> = VisibleFuture<real_futures::Notified<'a>>;
/// The same, and borrows nothing.
pub type OwnedNotified = VisibleFuture<real_futures::OwnedNotified>;

impl Notify {
    /// Nobody waits, and no permit is stored.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on, `notify_waiters` wakes it.
    pub fn notified(&self) -> Notified<'_> {
        point();
        VisibleFuture::new(self.real().notified())
    }

    /// The same, and borrows nothing.
    pub fn notified_owned(self: Arc<Self>) -> OwnedNotified {
        point();
        VisibleFuture::new(self.real().clone().notified_owned())
    }
}

impl Notified<'_> {
    /// Takes its place among those who wait; true if it has been notified already.
    pub fn enable(self: Pin<&mut Self>) -> bool {
        point();
        self.real().enable()
    }
}

impl OwnedNotified {
    /// Takes its place among those who wait; true if it has been notified already.
    pub fn enable(self: Pin<&mut Self>) -> bool {
        point();
        self.real().enable()
    }
}

by_path! { [] Notify;
    fn notify_one();
    fn notify_last();
    fn notify_waiters();
}
