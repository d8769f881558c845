//! The last value, to many.

use std::future::poll_fn;
use std::ops::Deref;
use std::pin::pin;

use tokio::sync::watch as real;

pub use tokio::sync::watch::error;

use crate::visible::{Unseen, Visible, VisibleFuture, point};

/// Sets the value.
pub type Sender<T> = Visible<real::Sender<T>>;
/// Sees the value.
pub type Receiver<T> = Visible<real::Receiver<T>>;

/// The value, borrowed: a lock of `std`, so that nothing else is seen until it is dropped.
#[derive(Debug)]
pub struct Ref<'a, T> {
    real: real::Ref<'a, T>,
    _unseen: Unseen,
}

impl<T> Ref<'_, T> {
    /// Whether it is a value that this receiver has not seen.
    pub fn has_changed(&self) -> bool {
        self.real.has_changed()
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.real
    }
}

/// Both ends, with a first value.
pub fn channel<T>(first: T) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = real::channel(first);
    (Visible::of(sender), Visible::of(receiver))
}

#[allow(missing_docs)]
impl<T> Visible<real::Sender<T>> {
    pub fn new(first: T) -> Self {
        Visible::of(real::Sender::new(first))
    }

    pub fn send_modify(&self, modify: impl FnOnce(&mut T)) {
        point();
        let _unseen = Unseen::begin();
        self.real().send_modify(modify);
    }

    pub fn send_if_modified(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        point();
        let _unseen = Unseen::begin();
        self.real().send_if_modified(modify)
    }

    pub fn borrow(&self) -> Ref<'_, T> {
        point();
        Ref { real: self.real().borrow(), _unseen: Unseen::begin() }
    }

    pub async fn closed(&self) {
        VisibleFuture::new(self.real().closed()).await;
    }

    pub fn subscribe(&self) -> Receiver<T> {
        point();
        Visible::of(self.real().subscribe())
    }

    pub fn same_channel(&self, other: &Self) -> bool {
        self.real().same_channel(other.real())
    }
}

#[allow(missing_docs, clippy::missing_errors_doc)]
impl<T> Visible<real::Receiver<T>> {
    pub fn borrow(&self) -> Ref<'_, T> {
        point();
        Ref { real: self.real().borrow(), _unseen: Unseen::begin() }
    }

    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        point();
        Ref { real: self.real_mut().borrow_and_update(), _unseen: Unseen::begin() }
    }

    pub async fn changed(&mut self) -> Result<(), error::RecvError> {
        VisibleFuture::new(self.real_mut().changed()).await
    }

    pub async fn wait_for(&mut self, is_it: impl FnMut(&T) -> bool) -> Result<Ref<'_, T>, error::RecvError> {
        let mut found = pin!(self.real_mut().wait_for(is_it));
        let found = poll_fn(|context| {
            point();
            let _unseen = Unseen::begin();
            found.as_mut().poll(context)
        });
        found.await.map(|real| Ref { real, _unseen: Unseen::begin() })
    }

    pub fn same_channel(&self, other: &Self) -> bool {
        self.real().same_channel(other.real())
    }
}
