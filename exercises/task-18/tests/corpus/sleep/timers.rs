use std::time::Duration;
use tokio::time::{sleep, sleep_until, Instant};

// case: a timer that is kept
fn kept(period: Duration) -> Idle {
    self.timer = Some(Box::pin(sleep(period)));
    Idle { timer: sleep(period), period }
}

// case: a timer that is returned
fn returned(end: Instant) -> Sleep {
    sleep_until(end)
}

// case: a timer with a name that is handed on
fn handed_on(period: Duration) -> Timer {
    let nap = sleep(period);
    Timer::new(nap)
}

// case: a timer with a name, set again before it is awaited
async fn set_again(period: Duration) {
    let mut nap = Box::pin(sleep(period));
//                         ^^^^^ sleep
    nap.as_mut().reset(Instant::now());
    nap.as_mut().await;
}

// case: what is awaited gets it
async fn gets_it(period: Duration) {
    futures::future::join(sleep(period), work()).await;
//                        ^^^^^ sleep
}

// case: a closure that makes a timer, and a block
async fn makes(period: Duration) {
    retry(|| sleep(period)).await;
    work(async { Idle { timer: sleep(period) } }).await;
}

// case: in join!
async fn joined(period: Duration) {
    tokio::join!(sleep(period), work());
//               ^^^^^ sleep
    let nap = sleep(period);
//            ^^^^^ sleep
    tokio::join!(nap, work());
}

// case: whichever it is, it is awaited
async fn whichever(busy: bool, period: Duration) {
    match busy {
        true => sleep(period),
//              ^^^^^ sleep
        false => sleep_until(NEVER),
//               ^^^^^^^^^^^ sleep
    }
    .await;
}

// case: in a block with a name that is awaited, a timer with a name that is not
async fn in_a_block(period: Duration) {
    let block = async {
        let nap = sleep(period);
        keep(nap);
    };
    block.await;
}

// case: a thread does not make one, it sleeps
fn of_a_thread(period: Duration) {
    self.nap = std::thread::sleep(period);
//             ^^^^^^^^^^^^^^^^^^ sleep
}
