//! `tokio::sync`: its own primitives, made visible.

pub mod broadcast;
pub mod mpsc;
pub mod oneshot;
pub mod watch;

mod cells;
mod locks;
mod notify;
mod semaphore;

pub use tokio::sync::{
    AcquireError, BarrierWaitResult, SetError, SetOnceError, TryAcquireError, TryLockError,
};

pub use cells::{OnceCell, SetOnce};
pub use locks::{
    Barrier, Mutex, MutexGuard, OwnedMutexGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock,
    RwLockReadGuard, RwLockWriteGuard,
};
pub use notify::Notify;
pub use semaphore::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Futures that have a name.
pub mod futures {
    pub use super::notify::{Notified, OwnedNotified};
}
