//! The last value, to many.
//!
//! In tokio the value lies behind a lock of `std`, which is held while somebody looks at it or modifies it.
//! Whoever waits for that would stop all tasks here, so that there is a gate before it, a lock that the
//! scheduler sees.

use std::future::poll_fn;
use std::ops::{Deref, DerefMut};
use std::pin::pin;
use std::sync::{Arc, PoisonError};

use shuttle::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::watch as real;

pub use tokio::sync::watch::error;

use crate::visible::{Visible, VisibleFuture, by_path, point};

/// Sets the value.
pub type Sender<T> = Gated<real::Sender<T>>;
/// Sees the value.
pub type Receiver<T> = Gated<real::Receiver<T>>;

/// One end, with the gate of both.
#[derive(Clone, Debug, Default)]
pub struct Gated<R> {
    end: Visible<R>,
    gate: Gate,
}

#[derive(Clone, Debug, Default)]
struct Gate(Arc<RwLock<()>>);

impl Gate {
    fn look(&self) -> RwLockReadGuard<'_, ()> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn modify(&self) -> RwLockWriteGuard<'_, ()> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A point, as with every [`Visible`].
impl<R> Deref for Gated<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.end
    }
}

impl<R> DerefMut for Gated<R> {
    fn deref_mut(&mut self) -> &mut R {
        &mut self.end
    }
}

/// The value, borrowed.
#[derive(Debug)]
pub struct Ref<'a, T> {
    real: real::Ref<'a, T>,
    _gate: RwLockReadGuard<'a, ()>,
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
    let sender = Sender::new(first);
    let receiver = sender.subscribe();
    (sender, receiver)
}

#[allow(missing_docs, clippy::missing_errors_doc)]
impl<T> Gated<real::Sender<T>> {
    pub fn new(first: T) -> Self {
        Self { end: Visible::of(real::Sender::new(first)), gate: Gate::default() }
    }

    pub fn send(&self, value: T) -> Result<(), error::SendError<T>> {
        let _gate = self.gate.modify();
        self.end.real().send(value)
    }

    pub fn send_modify(&self, modify: impl FnOnce(&mut T)) {
        let _gate = self.gate.modify();
        self.end.real().send_modify(modify);
    }

    pub fn send_if_modified(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        let _gate = self.gate.modify();
        self.end.real().send_if_modified(modify)
    }

    pub fn send_replace(&self, value: T) -> T {
        let _gate = self.gate.modify();
        self.end.real().send_replace(value)
    }

    pub fn borrow(&self) -> Ref<'_, T> {
        let _gate = self.gate.look();
        Ref { real: self.end.real().borrow(), _gate }
    }

    pub async fn closed(&self) {
        VisibleFuture::new(self.end.real().closed()).await;
    }

    pub fn subscribe(&self) -> Receiver<T> {
        Gated { end: Visible::of(self.end.subscribe()), gate: self.gate.clone() }
    }

    pub fn same_channel(&self, other: &Self) -> bool {
        self.end.real().same_channel(other.end.real())
    }
}

#[allow(missing_docs, clippy::missing_errors_doc)]
impl<T> Gated<real::Receiver<T>> {
    pub fn borrow(&self) -> Ref<'_, T> {
        let _gate = self.gate.look();
        Ref { real: self.end.real().borrow(), _gate }
    }

    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let _gate = self.gate.look();
        Ref { real: self.end.real_mut().borrow_and_update(), _gate }
    }

    pub async fn changed(&mut self) -> Result<(), error::RecvError> {
        VisibleFuture::new(self.end.real_mut().changed()).await
    }

    pub async fn wait_for(&mut self, is_it: impl FnMut(&T) -> bool) -> Result<Ref<'_, T>, error::RecvError> {
        let mut found = pin!(self.end.real_mut().wait_for(is_it));
        poll_fn(|context| {
            point();
            let _gate = self.gate.look();
            found.as_mut().poll(context).map(|found| found.map(|real| Ref { real, _gate }))
        })
        .await
    }

    pub fn same_channel(&self, other: &Self) -> bool {
        self.end.real().same_channel(other.end.real())
    }
}

by_path! { [T] Sender<T>;
    fn is_closed() -> bool;
    fn receiver_count() -> usize;
    fn sender_count() -> usize;
}

by_path! { [T] Receiver<T>;
    fn has_changed() -> Result<bool, error::RecvError>;
    fn is_closed() -> bool;
    mut fn mark_changed();
    mut fn mark_unchanged();
}
