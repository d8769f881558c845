use std::time::Duration;
use futures::FutureExt;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

// case: a branch of select! with a token beside it
async fn with_a_token(token: CancellationToken, period: Duration) {
    tokio::select! {
        () = sleep(period) => {}
        () = token.cancelled() => {}
    }
}

// case: the token is in the first branch, and select! is biased
async fn biased(token: CancellationToken, period: Duration) {
    tokio::select! {
        biased;
        () = token.cancelled() => return,
        () = sleep(period) => work().await,
    }
}

// case: a branch of select! with nothing that stops beside it
async fn with_work(period: Duration) {
    tokio::select! {
        () = sleep(period) => {}
//           ^^^^^ sleep
        () = work() => {}
    }
}

// case: in the handler it is no part of the waiting
async fn in_the_handler(token: CancellationToken, period: Duration) {
    tokio::select! {
        () = work() => sleep(period).await,
//                     ^^^^^ sleep
        () = token.cancelled() => {}
    }
}

// case: in a handler that is a block, without a comma behind it
async fn in_a_block(token: CancellationToken, period: Duration) {
    tokio::select! {
        () = work() => {
            sleep(period).await;
//          ^^^^^ sleep
        }
        () = token.cancelled() => {}
    }
}

// case: in else
async fn in_else(mut stop: Receiver, period: Duration) {
    tokio::select! {
        Some(job) = stop.recv() => work(job).await,
        else => sleep(period).await,
//              ^^^^^ sleep
    }
}

// case: two sleeps
async fn two(long: Duration, short: Duration) {
    tokio::select! {
        () = sleep(long) => {}
//           ^^^^^ sleep
        () = sleep(short) => {}
//           ^^^^^ sleep
    }
}

// case: an async block is a future like any other
async fn async_block(token: CancellationToken, period: Duration) {
    tokio::select! {
        () = async {
            work().await;
            sleep(period).await;
        } => {}
        () = token.cancelled() => {}
    }
}

// case: a stop with a condition
async fn condition(token: CancellationToken, period: Duration) {
    tokio::select! {
        () = sleep(period) => {}
        () = token.cancelled(), if !token.is_done() => {}
    }
}

// case: the stop word is in the condition only
async fn word_in_a_condition(stopping: bool, period: Duration) {
    tokio::select! {
        () = sleep(period) => {}
//           ^^^^^ sleep
        () = work(), if !stopping => {}
    }
}

// case: the stop word is in the pattern and the handler only
async fn word_elsewhere(period: Duration) {
    tokio::select! {
        () = sleep(period) => {}
//           ^^^^^ sleep
        _stop = work() => shutdown(),
    }
}

// case: a watch channel, a notification, a signal
async fn others_that_stop(mut watch: Watch, notify: Notify, period: Duration) {
    tokio::select! { () = sleep(period) => {}, _ = watch.changed() => {} }
    tokio::select! { () = sleep(period) => {}, () = notify.notified() => {} }
    tokio::select! { () = sleep(period) => {}, _ = tokio::signal::ctrl_c() => {} }
    tokio::select! { () = sleep(period) => {}, () = &mut self.shutdown => {} }
}

// case: the stop is spawned, and stops something else
async fn spawned_beside(token: CancellationToken, period: Duration) {
    tokio::select! {
        () = sleep(period) => {}
//           ^^^^^ sleep
        _ = tokio::spawn(async move { token.cancelled().await }) => {}
    }
}

// case: what is spawned in a branch is not dropped with it
async fn spawned_inside(token: CancellationToken, period: Duration) {
    tokio::select! {
        () = async { set.spawn(async { sleep(period).await }) } => {}
//                                     ^^^^^ sleep
        () = token.cancelled() => {}
    }
}

// case: select! in select!
async fn nested(token: CancellationToken, period: Duration) {
    tokio::select! {
        () = async { tokio::select! { () = sleep(period) => {}, () = work() => {} } } => {}
        () = token.cancelled() => {}
    }
}

// case: select! of futures, where futures are fused
async fn of_futures(token: CancellationToken, period: Duration) {
    futures::select! {
        () = sleep(period).fuse() => {}
        () = token.cancelled().fuse() => {}
        complete => {}
    }
    futures_util::select_biased! {
        () = token.cancelled().fuse() => {}
        () = sleep(period).fuse() => {}
        default => {}
    }
}

// case: run until cancelled
async fn run_until(token: CancellationToken, period: Duration) {
    token.run_until_cancelled(sleep(period)).await;
    token.run_until_cancelled_owned(async { sleep(period).await }).await;
    token.run_until(sleep(period)).await;
//                  ^^^^^ sleep
}

// case: a handler that is a match
async fn handler_is_a_match(token: CancellationToken, period: Duration) {
    tokio::select! {
        job = work() => match job {
            Some(_) => sleep(period).await,
//                     ^^^^^ sleep
            None => {}
        },
        () = token.cancelled() => {}
    }
}
