use std::ops::Deref;
use std::sync::{self as real, PoisonError};

use drain_race_tokio::point;
use shuttle::sync::{Mutex, MutexGuard};

/// Set once. Whoever comes while the first is in the initialiser would stop all tasks, and so waits
/// before it.
#[derive(Debug)]
pub struct OnceLock<T> {
    real: real::OnceLock<T>,
    gate: Mutex<()>,
}

#[allow(missing_docs)]
impl<T> OnceLock<T> {
    pub const fn new() -> Self {
        Self { real: real::OnceLock::new(), gate: Mutex::new(()) }
    }

    pub fn get(&self) -> Option<&T> {
        point();
        self.real.get()
    }

    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.real.get_mut()
    }

    /// # Errors
    ///
    /// The value, if there is one already.
    pub fn set(&self, value: T) -> Result<(), T> {
        let _gate = enter(&self.gate);
        self.real.set(value)
    }

    pub fn get_or_init(&self, first: impl FnOnce() -> T) -> &T {
        self.get().unwrap_or_else(|| {
            let _gate = enter(&self.gate);
            self.real.get_or_init(first)
        })
    }

    pub fn into_inner(self) -> Option<T> {
        self.real.into_inner()
    }

    pub fn take(&mut self) -> Option<T> {
        self.real.take()
    }
}

fn enter(gate: &Mutex<()>) -> MutexGuard<'_, ()> {
    gate.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> Self {
        Self { real: value.into(), gate: Mutex::new(()) }
    }
}

/// Set by whoever comes first.
#[derive(Debug)]
pub struct LazyLock<T, F = fn() -> T> {
    real: real::LazyLock<T, F>,
    gate: Mutex<()>,
}

#[allow(missing_docs)]
impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    pub const fn new(first: F) -> Self {
        Self { real: real::LazyLock::new(first), gate: Mutex::new(()) }
    }

    pub fn force(this: &Self) -> &T {
        let _gate = enter(&this.gate);
        real::LazyLock::force(&this.real)
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    fn deref(&self) -> &T {
        Self::force(self)
    }
}
