//! Stands in for std in a race check: the scheduler sees its locks and its atomics, and each task has a thread of its
//! own, as far as `std::thread_local!` goes.
//!
//! The package of a race check depends on this one *as* `std`, so that each path of std in the code under
//! test leads here. Whoever must not be seen, as a scenario that only counts, takes `core`.
#![forbid(unsafe_code)]

pub use shuttle::thread_local;
pub use std::*;

/// `std::sync`: what can make somebody wait, or be seen by others, is shuttle's.
pub mod sync {
    pub use shuttle::sync::{
        Barrier, BarrierWaitResult, Condvar, Mutex, MutexGuard, Once, OnceState, RwLock, RwLockReadGuard,
        RwLockWriteGuard, WaitTimeoutResult, atomic, mpsc,
    };
    pub use std::sync::*;

    pub use crate::once::{LazyLock, OnceLock};
}

mod once;
