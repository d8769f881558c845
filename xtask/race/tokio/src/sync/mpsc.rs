//! Many values, from many to one.

use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::mpsc as real;

pub use tokio::sync::mpsc::error;

use crate::time::timeout;
use crate::visible::{Visible, VisibleFuture, VisibleGuard, by_path, point};

use error::{SendError, SendTimeoutError, TrySendError};

/// Sends, and waits while the channel is full.
pub type Sender<T> = Visible<real::Sender<T>>;
/// Does not keep the channel open.
pub type WeakSender<T> = Visible<real::WeakSender<T>>;
/// Receives.
pub type Receiver<T> = Visible<real::Receiver<T>>;
/// Sends, and never waits.
pub type UnboundedSender<T> = Visible<real::UnboundedSender<T>>;
/// Does not keep the channel open.
pub type WeakUnboundedSender<T> = Visible<real::WeakUnboundedSender<T>>;
/// Receives.
pub type UnboundedReceiver<T> = Visible<real::UnboundedReceiver<T>>;
/// A place in the channel, given back when it is dropped.
pub type Permit<'a, T> = VisibleGuard<real::Permit<'a, T>>;
/// Some places in the channel.
pub type PermitIterator<'a, T> = VisibleGuard<real::PermitIterator<'a, T>>;
/// A place in the channel, given back when it is dropped.
pub type OwnedPermit<T> = VisibleGuard<real::OwnedPermit<T>>;

/// Both ends of a channel with so many places.
pub fn channel<T>(buffer: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = real::channel(buffer);
    (Visible::of(sender), Visible::of(receiver))
}

/// Both ends of a channel that is never full.
pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    let (sender, receiver) = real::unbounded_channel();
    (Visible::of(sender), Visible::of(receiver))
}

#[allow(missing_docs, clippy::missing_errors_doc)]
impl<T> Visible<real::Sender<T>> {
    pub async fn send(&self, value: T) -> Result<(), SendError<T>> {
        VisibleFuture::new(self.real().send(value)).await
    }

    /// The time-out strikes like any other here: where the scenario wants it to.
    pub async fn send_timeout(&self, value: T, after: Duration) -> Result<(), SendTimeoutError<T>> {
        match timeout(after, self.reserve()).await {
            Ok(Ok(permit)) => {
                permit.send(value);
                Ok(())
            }
            Ok(Err(_)) => Err(SendTimeoutError::Closed(value)),
            Err(_) => Err(SendTimeoutError::Timeout(value)),
        }
    }

    pub async fn closed(&self) {
        VisibleFuture::new(self.real().closed()).await;
    }

    pub async fn reserve(&self) -> Result<Permit<'_, T>, SendError<()>> {
        VisibleFuture::new(self.real().reserve()).await.map(VisibleGuard::new)
    }

    pub async fn reserve_many(&self, n: usize) -> Result<PermitIterator<'_, T>, SendError<()>> {
        VisibleFuture::new(self.real().reserve_many(n)).await.map(VisibleGuard::new)
    }

    pub async fn reserve_owned(self) -> Result<OwnedPermit<T>, SendError<()>> {
        VisibleFuture::new(self.into_real().reserve_owned()).await.map(VisibleGuard::new)
    }

    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        point();
        self.real().try_reserve().map(VisibleGuard::new)
    }

    pub fn try_reserve_many(&self, n: usize) -> Result<PermitIterator<'_, T>, TrySendError<()>> {
        point();
        self.real().try_reserve_many(n).map(VisibleGuard::new)
    }

    pub fn try_reserve_owned(self) -> Result<OwnedPermit<T>, TrySendError<Self>> {
        self.into_real().try_reserve_owned().map(VisibleGuard::new).map_err(|error| match error {
            TrySendError::Full(sender) => TrySendError::Full(Visible::of(sender)),
            TrySendError::Closed(sender) => TrySendError::Closed(Visible::of(sender)),
        })
    }

    pub fn same_channel(&self, other: &Self) -> bool {
        self.real().same_channel(other.real())
    }

    pub fn downgrade(&self) -> WeakSender<T> {
        Visible::of(self.real().downgrade())
    }
}

#[allow(missing_docs)]
impl<T> Visible<real::WeakSender<T>> {
    pub fn upgrade(&self) -> Option<Sender<T>> {
        point();
        self.real().upgrade().map(Visible::of)
    }
}

#[allow(missing_docs)]
impl<T> Visible<real::Receiver<T>> {
    pub async fn recv(&mut self) -> Option<T> {
        VisibleFuture::new(self.real_mut().recv()).await
    }

    pub async fn recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        VisibleFuture::new(self.real_mut().recv_many(buffer, limit)).await
    }
}

#[allow(missing_docs)]
impl<T> Visible<real::UnboundedSender<T>> {
    pub async fn closed(&self) {
        VisibleFuture::new(self.real().closed()).await;
    }

    pub fn same_channel(&self, other: &Self) -> bool {
        self.real().same_channel(other.real())
    }

    pub fn downgrade(&self) -> WeakUnboundedSender<T> {
        Visible::of(self.real().downgrade())
    }
}

#[allow(missing_docs)]
impl<T> Visible<real::WeakUnboundedSender<T>> {
    pub fn upgrade(&self) -> Option<UnboundedSender<T>> {
        point();
        self.real().upgrade().map(Visible::of)
    }
}

#[allow(missing_docs)]
impl<T> Visible<real::UnboundedReceiver<T>> {
    pub async fn recv(&mut self) -> Option<T> {
        VisibleFuture::new(self.real_mut().recv()).await
    }

    pub async fn recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        VisibleFuture::new(self.real_mut().recv_many(buffer, limit)).await
    }
}

#[allow(missing_docs)]
impl<T> VisibleGuard<real::Permit<'_, T>> {
    pub fn send(self, value: T) {
        self.into_real().send(value);
    }
}

impl<'a, T> Iterator for VisibleGuard<real::PermitIterator<'a, T>> {
    type Item = Permit<'a, T>;

    fn next(&mut self) -> Option<Self::Item> {
        self.real_mut().next().map(VisibleGuard::new)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.real().size_hint()
    }
}

impl<T> ExactSizeIterator for VisibleGuard<real::PermitIterator<'_, T>> {}

#[allow(missing_docs)]
impl<T> VisibleGuard<real::OwnedPermit<T>> {
    pub fn send(self, value: T) -> Sender<T> {
        Visible::of(self.into_real().send(value))
    }

    pub fn release(self) -> Sender<T> {
        Visible::of(self.into_real().release())
    }
}

by_path! { [T] Sender<T>;
    fn try_send(value: T) -> Result<(), TrySendError<T>>;
    fn is_closed() -> bool;
    fn capacity() -> usize;
    fn max_capacity() -> usize;
    fn strong_count() -> usize;
    fn weak_count() -> usize;
}

by_path! { [T] Receiver<T>;
    fn capacity() -> usize;
    fn max_capacity() -> usize;
    fn is_closed() -> bool;
    fn is_empty() -> bool;
    fn len() -> usize;
    fn sender_strong_count() -> usize;
    fn sender_weak_count() -> usize;
    mut fn close();
    mut fn try_recv() -> Result<T, error::TryRecvError>;
    mut fn poll_recv(context: &mut Context<'_>) -> Poll<Option<T>>;
    mut fn poll_recv_many(context: &mut Context<'_>, buffer: &mut Vec<T>, limit: usize) -> Poll<usize>;
}

by_path! { [T] UnboundedSender<T>;
    fn send(value: T) -> Result<(), SendError<T>>;
    fn is_closed() -> bool;
    fn strong_count() -> usize;
    fn weak_count() -> usize;
}

by_path! { [T] UnboundedReceiver<T>;
    fn is_closed() -> bool;
    fn is_empty() -> bool;
    fn len() -> usize;
    fn sender_strong_count() -> usize;
    fn sender_weak_count() -> usize;
    mut fn close();
    mut fn try_recv() -> Result<T, error::TryRecvError>;
    mut fn poll_recv(context: &mut Context<'_>) -> Poll<Option<T>>;
    mut fn poll_recv_many(context: &mut Context<'_>, buffer: &mut Vec<T>, limit: usize) -> Poll<usize>;
}
