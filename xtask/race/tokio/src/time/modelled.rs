//! A clock that goes on from one sleep or time-out to the next, when nobody else can go on.

use std::cell::Cell;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::runtime::{Builder, EnterGuard, Runtime};

thread_local! {
    static MODELLED: Cell<bool> = const { Cell::new(false) };
}

/// Nothing runs on it. Who is inside of it sees a clock that is paused.
static PAUSED: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
});

/// Time is modelled on this thread until this is dropped.
pub struct Modelled(#[expect(dead_code, reason = "it is dropped")] EnterGuard<'static>);

/// From now on each sleep and each tick comes in its moment, as a time-out does, and `Instant::now` says how late it is.
pub fn modelled() -> Modelled {
    MODELLED.set(true);
    Modelled(PAUSED.enter())
}

impl Drop for Modelled {
    fn drop(&mut self) {
        MODELLED.set(false);
    }
}

pub(super) fn is_modelled() -> bool {
    MODELLED.get()
}

/// It is later now.
pub(super) fn advance(by: Duration) {
    if is_modelled() {
        let _ = pin!(tokio::time::advance(by)).poll(&mut Context::from_waker(Waker::noop()));
    }
}
