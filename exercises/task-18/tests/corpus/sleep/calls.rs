use std::thread;
use std::time::Duration;
use tokio::time::{self, sleep, sleep_until, Instant};

// case: by its whole path
async fn whole_path(period: Duration) {
    tokio::time::sleep(period).await;
//  ^^^^^^^^^^^^^^^^^^ sleep
}

// case: by the path of its module
async fn module_path(period: Duration) {
    time::sleep(period).await;
//  ^^^^^^^^^^^ sleep
}

// case: by its name
async fn name(period: Duration) {
    sleep(period).await;
//  ^^^^^ sleep
}

// case: until a point in time
async fn until(end: Instant) {
    sleep_until(end).await;
//  ^^^^^^^^^^^ sleep
}

// case: of a thread
fn of_a_thread(period: Duration) {
    thread::sleep(period);
//  ^^^^^^^^^^^^^ sleep
    std::thread::sleep(period);
//  ^^^^^^^^^^^^^^^^^^ sleep
}

// case: with a leading colon
async fn leading_colon(period: Duration) {
    ::tokio::time::sleep(period).await;
//  ^^^^^^^^^^^^^^^^^^^^ sleep
}

// case: in a method
impl Poller {
    async fn pause(&self) {
        sleep(self.period).await;
//      ^^^^^ sleep
    }
}

// case: in the default method of a trait
trait Poll {
    fn pause(&self, period: Duration) {
        thread::sleep(period);
//      ^^^^^^^^^^^^^ sleep
    }
}

// case: in a closure
fn in_a_closure(period: Duration) {
    retry(|| thread::sleep(period));
//           ^^^^^^^^^^^^^ sleep
}

// case: in an async block
fn in_an_async_block(period: Duration) -> impl Future<Output = ()> {
    async move { sleep(period).await }
//               ^^^^^ sleep
}

// case: in an async closure
fn in_an_async_closure(period: Duration) {
    retry(async || sleep(period).await);
//                 ^^^^^ sleep
}

// case: in a nested function
fn around(period: Duration) {
    fn inside(period: Duration) {
        thread::sleep(period);
//      ^^^^^^^^^^^^^ sleep
    }
    inside(period);
}

// case: behind a match arm
async fn in_an_arm(state: State) {
    match state {
        State::Idle => sleep(IDLE).await,
//                     ^^^^^ sleep
        State::Busy => {}
    }
}

// case: in a time-out it still takes its time
async fn in_a_timeout(period: Duration) {
    let _ = time::timeout(period, async { sleep(period).await }).await;
//                                        ^^^^^ sleep
}

// case: only handed on, it is not called
fn handed_on() -> Timer {
    Timer::new(sleep)
}

// case: other functions of that module
async fn others(period: Duration) {
    let mut interval = time::interval(period);
    interval.tick().await;
    time::advance(period).await;
}

// case: a method of that name
async fn a_method(device: Device) {
    device.sleep(IDLE).await;
}

// case: a function of a type
async fn of_a_type() {
    Device::sleep(IDLE).await;
    self::device::sleep(IDLE).await;
}
