//! Ends a scenario that hangs, and says what it waited for.
//!
//! Runs on a plain thread, so that a blocked runtime cannot hold it up. It ends the whole test
//! process: there is no way to stop somebody else's thread.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

pub(crate) struct Watchdog(Arc<(Mutex<bool>, Condvar)>);

impl Watchdog {
    /// Calls `bark` on a thread of its own if the watchdog is still there after `limit`.
    pub(crate) fn start(limit: Duration, bark: impl FnOnce() + Send + 'static) -> Self {
        let over = Arc::new((Mutex::new(false), Condvar::new()));
        let watched = over.clone();
        thread::spawn(move || {
            let (over, changed) = &*watched;
            let over = over.lock().unwrap_or_else(PoisonError::into_inner);
            let (over, _) = changed
                .wait_timeout_while(over, limit, |over| !*over)
                .unwrap_or_else(PoisonError::into_inner);
            if !*over {
                bark();
            }
        });
        Self(over)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }
}
