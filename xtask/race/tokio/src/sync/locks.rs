use std::sync::Arc;

use tokio::sync as real;

use crate::visible::{Visible, VisibleFuture, VisibleGuard, point};

use super::{BarrierWaitResult, TryLockError};

/// Behind an `Arc`, because of the guards that are owned.
pub type Mutex<T> = Visible<Arc<real::Mutex<T>>>;
/// Unlocks when it is dropped.
pub type MutexGuard<'a, T> = VisibleGuard<real::MutexGuard<'a, T>>;
/// The same, and borrows nothing.
pub type OwnedMutexGuard<T> = VisibleGuard<real::OwnedMutexGuard<T>>;
/// Behind an `Arc`, because of the guards that are owned.
pub type RwLock<T> = Visible<Arc<real::RwLock<T>>>;
/// Unlocks when it is dropped.
pub type RwLockReadGuard<'a, T> = VisibleGuard<real::RwLockReadGuard<'a, T>>;
/// Unlocks when it is dropped.
pub type RwLockWriteGuard<'a, T> = VisibleGuard<real::RwLockWriteGuard<'a, T>>;
/// The same, and borrows nothing.
pub type OwnedRwLockReadGuard<T> = VisibleGuard<real::OwnedRwLockReadGuard<T>>;
/// The same, and borrows nothing.
pub type OwnedRwLockWriteGuard<T> = VisibleGuard<real::OwnedRwLockWriteGuard<T>>;
/// Lets nobody pass before all have come.
pub type Barrier = Visible<real::Barrier>;

/// Nobody else has the `Arc` of a lock whose guards have all been dropped.
fn alone<T>(lock: Arc<T>) -> T {
    Arc::into_inner(lock).expect("an owned guard keeps the stand-in for a lock alive")
}

#[allow(missing_docs)]
impl<T> Visible<Arc<real::Mutex<T>>> {
    pub fn new(value: T) -> Self {
        Visible::of(Arc::new(real::Mutex::new(value)))
    }

    pub async fn lock(&self) -> MutexGuard<'_, T> {
        VisibleGuard::new(VisibleFuture::new(self.real().lock()).await)
    }

    pub async fn lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        VisibleGuard::new(VisibleFuture::new(self.real().clone().lock_owned()).await)
    }

    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        point();
        self.real().try_lock().map(VisibleGuard::new)
    }

    pub fn try_lock_owned(self: Arc<Self>) -> Result<OwnedMutexGuard<T>, TryLockError> {
        point();
        self.real().clone().try_lock_owned().map(VisibleGuard::new)
    }

    pub fn get_mut(&mut self) -> &mut T {
        Arc::get_mut(self.real_mut()).expect("it is borrowed by nobody else").get_mut()
    }

    pub fn into_inner(self) -> T {
        alone(self.into_real()).into_inner()
    }
}

impl<T> From<T> for Visible<Arc<real::Mutex<T>>> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

#[allow(missing_docs)]
impl<T> Visible<Arc<real::RwLock<T>>> {
    pub fn new(value: T) -> Self {
        Visible::of(Arc::new(real::RwLock::new(value)))
    }

    pub async fn read(&self) -> RwLockReadGuard<'_, T> {
        VisibleGuard::new(VisibleFuture::new(self.real().read()).await)
    }

    pub async fn write(&self) -> RwLockWriteGuard<'_, T> {
        VisibleGuard::new(VisibleFuture::new(self.real().write()).await)
    }

    pub async fn read_owned(self: Arc<Self>) -> OwnedRwLockReadGuard<T> {
        VisibleGuard::new(VisibleFuture::new(self.real().clone().read_owned()).await)
    }

    pub async fn write_owned(self: Arc<Self>) -> OwnedRwLockWriteGuard<T> {
        VisibleGuard::new(VisibleFuture::new(self.real().clone().write_owned()).await)
    }

    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError> {
        point();
        self.real().try_read().map(VisibleGuard::new)
    }

    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError> {
        point();
        self.real().try_write().map(VisibleGuard::new)
    }

    pub fn get_mut(&mut self) -> &mut T {
        Arc::get_mut(self.real_mut()).expect("it is borrowed by nobody else").get_mut()
    }

    pub fn into_inner(self) -> T {
        alone(self.into_real()).into_inner()
    }
}

impl<T> From<T> for Visible<Arc<real::RwLock<T>>> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

#[allow(missing_docs)]
impl Barrier {
    pub fn new(n: usize) -> Self {
        Visible::of(real::Barrier::new(n))
    }

    pub async fn wait(&self) -> BarrierWaitResult {
        VisibleFuture::new(self.real().wait()).await
    }
}
