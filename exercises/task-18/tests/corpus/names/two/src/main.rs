// case: another crate has other names
mod clock;
use clock::nap;
use tokio::{
    self,
    time::{self, sleep as r#await, timeout as at_most},
    *,
};

async fn all(tracker: TaskTracker, token: Token) {
    nap(PERIOD).await;
    clock::nap(PERIOD).await;
    r#await(PERIOD).await;
//  ^^^^^^^ sleep
    time::sleep(PERIOD).await;
//  ^^^^^^^^^^^ sleep
    spawn(work());
//  ^^^^^ detached
    at_most(PERIOD, tracker.wait()).await;
    select! {
        () = time::sleep(PERIOD) => {}
        () = token.cancelled() => {}
    }
}

fn main() {
    std::process::exit(0)
}
