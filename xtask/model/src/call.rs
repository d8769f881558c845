//! A call that the script holds, and polls when it likes.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Who sleeps until one of the calls is woken.
#[derive(Clone, Default)]
pub(crate) struct Sleeper(Arc<Mutex<Option<Waker>>>);

impl Sleeper {
    pub(crate) fn set(&self, waker: Option<Waker>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = waker;
    }

    fn wake(&self) {
        let waker = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

struct Flag {
    woken: AtomicBool,
    sleeper: Sleeper,
}

impl Flag {
    fn new(sleeper: &Sleeper) -> Arc<Self> {
        Arc::new(Self { woken: AtomicBool::new(false), sleeper: sleeper.clone() })
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        self.sleeper.wake();
    }
}

/// A call of a future's function that has not returned.
pub(crate) struct Held<T> {
    /// Its number in the book.
    pub(crate) number: usize,
    /// It was made to yield in its last poll, and may hold a lock.
    pub(crate) yielded: bool,
    future: Pin<Box<dyn Future<Output = T> + Send>>,
    flag: Arc<Flag>,
}

impl<T> Held<T> {
    pub(crate) fn new(number: usize, sleeper: &Sleeper, future: crate::Calling<T>) -> Self {
        Self { number, yielded: false, future, flag: Flag::new(sleeper) }
    }

    pub(crate) fn woken(&self) -> bool {
        self.flag.woken.load(Ordering::SeqCst)
    }

    /// For a waker that tokio would have called at the end of a task's poll.
    pub(crate) fn set_woken(&self) {
        self.flag.woken.store(true, Ordering::SeqCst);
    }

    /// Each time with another waker, as a call is that is polled in one task and awaited in the next: it is the
    /// last one that counts.
    pub(crate) fn poll(&mut self) -> Poll<T> {
        self.flag = Flag::new(&self.flag.sleeper);
        let waker = Waker::from(self.flag.clone());
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}
