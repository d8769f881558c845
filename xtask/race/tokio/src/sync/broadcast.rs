//! Each value, to all.

use tokio::sync::broadcast as real;

pub use tokio::sync::broadcast::error;

use crate::visible::{Visible, VisibleFuture, by_path, point};

/// Sends to all.
pub type Sender<T> = Visible<real::Sender<T>>;
/// Does not keep the channel open.
pub type WeakSender<T> = Visible<real::WeakSender<T>>;
/// Receives what is sent from now on.
pub type Receiver<T> = Visible<real::Receiver<T>>;

/// Both ends of a channel that keeps so many values for those who are slow.
pub fn channel<T: Clone>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = real::channel(capacity);
    (Visible::of(sender), Visible::of(receiver))
}

#[allow(missing_docs)]
impl<T: Clone> Visible<real::Sender<T>> {
    pub fn new(capacity: usize) -> Self {
        Visible::of(real::Sender::new(capacity))
    }

    pub fn subscribe(&self) -> Receiver<T> {
        point();
        Visible::of(self.real().subscribe())
    }

    pub fn downgrade(&self) -> WeakSender<T> {
        Visible::of(self.real().downgrade())
    }

    pub async fn closed(&self) {
        VisibleFuture::new(self.real().closed()).await;
    }

    pub fn same_channel(&self, other: &Self) -> bool {
        self.real().same_channel(other.real())
    }
}

#[allow(missing_docs)]
impl<T> Visible<real::WeakSender<T>> {
    pub fn upgrade(&self) -> Option<Sender<T>> {
        point();
        self.real().upgrade().map(Visible::of)
    }
}

#[allow(missing_docs, clippy::missing_errors_doc)]
impl<T: Clone> Visible<real::Receiver<T>> {
    pub async fn recv(&mut self) -> Result<T, error::RecvError> {
        VisibleFuture::new(self.real_mut().recv()).await
    }

    pub fn resubscribe(&self) -> Self {
        point();
        Visible::of(self.real().resubscribe())
    }

    pub fn same_channel(&self, other: &Self) -> bool {
        self.real().same_channel(other.real())
    }
}

by_path! { [T: Clone] Sender<T>;
    fn send(value: T) -> Result<usize, error::SendError<T>>;
    fn len() -> usize;
    fn is_empty() -> bool;
    fn receiver_count() -> usize;
}

by_path! { [T: Clone] Receiver<T>;
    fn len() -> usize;
    fn is_empty() -> bool;
    fn is_closed() -> bool;
    mut fn try_recv() -> Result<T, error::TryRecvError>;
}
