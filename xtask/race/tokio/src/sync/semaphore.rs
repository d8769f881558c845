use std::sync::Arc;

use tokio::sync as real;

use crate::visible::{Visible, VisibleFuture, VisibleGuard, by_path, point};

use super::{AcquireError, TryAcquireError};

/// Behind an `Arc`, because of the permits that are owned.
pub type Semaphore = Visible<Arc<real::Semaphore>>;
/// Given back when it is dropped.
pub type SemaphorePermit<'a> = VisibleGuard<real::SemaphorePermit<'a>>;
/// The same, and borrows nothing.
pub type OwnedSemaphorePermit = VisibleGuard<real::OwnedSemaphorePermit>;

#[allow(missing_docs)]
impl Semaphore {
    pub const MAX_PERMITS: usize = real::Semaphore::MAX_PERMITS;

    pub fn new(permits: usize) -> Self {
        Visible::of(Arc::new(real::Semaphore::new(permits)))
    }

    pub async fn acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        VisibleFuture::new(self.real().acquire()).await.map(VisibleGuard::new)
    }

    pub async fn acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        VisibleFuture::new(self.real().acquire_many(n)).await.map(VisibleGuard::new)
    }

    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        point();
        self.real().try_acquire().map(VisibleGuard::new)
    }

    pub fn try_acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        point();
        self.real().try_acquire_many(n).map(VisibleGuard::new)
    }

    pub async fn acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        VisibleFuture::new(self.real().clone().acquire_owned()).await.map(VisibleGuard::new)
    }

    pub async fn acquire_many_owned(self: Arc<Self>, n: u32) -> Result<OwnedSemaphorePermit, AcquireError> {
        VisibleFuture::new(self.real().clone().acquire_many_owned(n)).await.map(VisibleGuard::new)
    }

    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        point();
        self.real().clone().try_acquire_owned().map(VisibleGuard::new)
    }

    pub fn try_acquire_many_owned(self: Arc<Self>, n: u32) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        point();
        self.real().clone().try_acquire_many_owned(n).map(VisibleGuard::new)
    }
}

#[allow(missing_docs)]
impl SemaphorePermit<'_> {
    pub fn forget(self) {
        self.into_real().forget();
    }

    /// # Panics
    ///
    /// If the other one is of another semaphore.
    pub fn merge(&mut self, other: Self) {
        self.real_mut().merge(other.into_real());
    }

    pub fn split(&mut self, n: usize) -> Option<Self> {
        self.real_mut().split(n).map(VisibleGuard::new)
    }

    pub fn num_permits(&self) -> usize {
        self.real().num_permits()
    }
}

#[allow(missing_docs)]
impl OwnedSemaphorePermit {
    pub fn forget(self) {
        self.into_real().forget();
    }

    /// # Panics
    ///
    /// If the other one is of another semaphore.
    pub fn merge(&mut self, other: Self) {
        self.real_mut().merge(other.into_real());
    }

    pub fn split(&mut self, n: usize) -> Option<Self> {
        self.real_mut().split(n).map(VisibleGuard::new)
    }

    pub fn num_permits(&self) -> usize {
        self.real().num_permits()
    }
}

by_path! { [] Semaphore;
    fn available_permits() -> usize;
    fn add_permits(n: usize);
    fn forget_permits(n: usize) -> usize;
    fn close();
    fn is_closed() -> bool;
}
