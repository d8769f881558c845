use tokio::time::{sleep, timeout};

// case: with a stop beside it
async fn with_a_stop(tracker: TaskTracker, token: Token) {
    tokio::select! {
        () = tracker.wait() => {}
        () = token.cancelled() => {}
    }
}

// case: with a sleep beside it
async fn with_a_deadline(tracker: TaskTracker, period: Duration) {
    tokio::select! {
        () = tracker.wait() => {}
        () = sleep(period) => {}
    }
}

// case: with a sleep that has a name beside it
async fn with_a_name(mut set: JoinSet<()>, period: Duration) {
    let end = sleep(period);
    tokio::pin!(end);
    loop {
        tokio::select! {
            ended = set.join_next() => if ended.is_none() { break },
            () = &mut end => break,
        }
    }
}

// case: with nothing of that kind beside it
async fn with_work(tracker: TaskTracker) {
    tokio::select! {
        () = tracker.wait() => {}
//                   ^^^^ wait
        () = work() => {}
    }
}

// case: in the handler
async fn in_the_handler(tracker: TaskTracker, token: Token) {
    tokio::select! {
        () = token.cancelled() => tracker.wait().await,
//                                        ^^^^ wait
        () = sleep(PERIOD) => {}
    }
}

// case: with conditions, else, biased and patterns of many kinds
async fn grammar(mut set: JoinSet<u8>, token: Token) {
    tokio::select! {
        biased;
        Some(Ok(1 | 2)) = set.join_next(), if !set.is_empty() => {}
        (a, b) = async { (1, 2) } => log(a + b),
        Some(x) | Ok(x) = work() => log(x),
        _ = token.cancelled() => return Err(set.join_next().await.into()),
//                                              ^^^^^^^^^ wait
        else => { set.join_all().await; }
//                    ^^^^^^^^ wait
    }
}

// case: in a select! of futures
async fn of_futures(tracker: TaskTracker, token: Token) {
    use futures::{select, FutureExt as _};
    select! {
        () = tracker.wait().fuse() => {}
        () = token.cancelled().fuse() => {}
    }
    select! {
        () = tracker.wait().fuse() => {}
//                   ^^^^ wait
        complete => {}
    }
}

// case: a select! in a time-out
async fn in_a_timeout(a: TaskTracker, b: TaskTracker) {
    timeout(PERIOD, async {
        tokio::select! {
            () = a.wait() => b.wait().await,
            () = work() => {}
        }
    })
    .await?;
}

// case: a select! of somebody else
macro_rules! select {
    ($($all:tt)*) => {};
}
async fn of_somebody_else(tracker: TaskTracker, token: Token) {
    select!(tracker.wait(), token.cancelled());
//                  ^^^^ wait
}
