use std::time::Duration;
use tokio::time::{timeout, timeout_at, Instant};

// case: a tracker, a child
async fn tracker_and_child(tracker: TaskTracker, mut child: Child) {
    tracker.wait().await;
//          ^^^^ wait
    child.wait().await?;
//        ^^^^ wait
}

// case: a child that blocks the thread
fn blocking(mut child: std::process::Child) -> i32 {
    child.wait().unwrap().code()
//        ^^^^ wait
}

// case: a thread
fn thread(handle: std::thread::JoinHandle<()>) {
    handle.join().unwrap();
//         ^^^^ wait
}

// case: to join texts and paths is no wait
fn texts(words: Vec<String>, path: PathBuf) {
    let line = words.join(", ");
    let file = path.join("name");
}

// case: a condition variable waits for a guard
fn condition(pair: Pair) {
    let guard = pair.1.wait(pair.0.lock()).unwrap();
}

// case: the tasks of a set
async fn set(mut set: JoinSet<()>) {
    set.join_next().await;
//      ^^^^^^^^^ wait
    while let Some(ended) = set.join_next().await {
//                              ^^^^^^^^^ wait
        log(ended);
    }
    set.join_all().await;
//      ^^^^^^^^ wait
}

// case: join_all of futures is a function
async fn function(futures: Vec<Future>) {
    futures::future::join_all(futures).await;
    join_all(futures).await;
}

// case: a message that may never come
async fn message(mut done: Receiver<()>) {
    done.recv().await;
//       ^^^^ wait
}

// case: a message that blocks the thread
fn blocking_message(done: std::sync::mpsc::Receiver<()>) {
    let _ = done.recv();
//               ^^^^ wait
}

// case: the intake of a worker
async fn intake(mut jobs: Receiver<Job>) {
    while let Some(job) = jobs.recv().await {
        work(job).await;
    }
    loop {
        let Some(job) = jobs.recv().await else { break };
        work(job).await;
    }
    for _ in 0..3 {
        work(jobs.recv().await).await;
    }
}

// case: the loop is around the closure, and not in it
fn around_the_closure(jobs: Receiver<Job>) {
    for job in all() {
        run(|| jobs.recv());
//                  ^^^^ wait
        run(async { jobs.recv().await });
//                       ^^^^ wait
    }
}

// case: to wait for a stop is what it is for
async fn stops(mut shutdown: Receiver<()>, mut term: Signal) {
    shutdown.recv().await;
    self.stop_rx.recv().await;
    term.recv().await;
    signal(SignalKind::hangup())?.recv().await;
}

// case: other waits of a stop do not end with it
async fn shutdown_tracker(shutdown_tracker: TaskTracker) {
    shutdown_tracker.wait().await;
//                   ^^^^ wait
}

// case: in a time-out
async fn timed(tracker: TaskTracker, mut set: JoinSet<()>, deadline: Instant) {
    timeout(PERIOD, tracker.wait()).await?;
    timeout_at(deadline, set.join_next()).await?;
    tokio::time::timeout(PERIOD, async {
        while let Some(ended) = set.join_next().await {
            log(ended);
        }
    })
    .await?;
    timeout(PERIOD, run(|| async { tracker.wait().await })).await?;
}

// case: behind a time-out
async fn behind(tracker: TaskTracker) {
    if timeout(PERIOD, tracker.wait()).await.is_err() {
        tracker.wait().await;
//              ^^^^ wait
    }
}

// case: the time-out of somebody else
async fn another_timeout(tracker: TaskTracker) {
    my::timeout(PERIOD, tracker.wait()).await;
//                              ^^^^ wait
    tracker.wait().timeout(PERIOD).await;
//          ^^^^ wait
}

// case: what is spawned in a time-out is not in it
async fn spawned(tracker: TaskTracker) {
    let handle = timeout(PERIOD, async {
        tokio::spawn(async move { tracker.wait().await })
//                                        ^^^^ wait
    });
}

// case: with a name, and in a time-out
async fn named(tracker: TaskTracker, other: TaskTracker) {
    let all = tracker.wait();
    timeout(PERIOD, all).await?;
    let rest = other.wait();
//                   ^^^^ wait
    rest.await;
}

// case: a block with a name, beside a sleep
async fn named_block(mut set: JoinSet<()>, tracker: TaskTracker, period: Duration) {
    let cleanup = async {
        while let Some(ended) = set.join_next().await {
            log(ended);
        }
        tokio::spawn(async move { tracker.wait().await }).abort();
//                                        ^^^^ wait
    };
    tokio::select! {
        () = cleanup => {}
        () = tokio::time::sleep(period) => {}
    }
}

// case: a block with a name that is awaited by itself
async fn named_block_by_itself(tracker: TaskTracker) {
    let cleanup = async {
        let all = tracker.wait();
//                        ^^^^ wait
        all.await;
    };
    cleanup.await;
}

// case: a name in a block with a name
async fn name_in_a_block(tracker: TaskTracker) {
    let cleanup = async {
        let all = tracker.wait();
        all.await;
    };
    timeout(PERIOD, cleanup).await?;
}

// case: arguments make another method of it
async fn arguments(barrier: Barrier) {
    barrier.wait(3).await;
    handle.join(" ").await;
}

// case: a field of that name
fn field(stats: Stats) -> u64 {
    stats.wait + stats.recv
}

// case: awaited or not, it is handed on to be awaited
async fn joined(a: TaskTracker, b: JoinSet<()>) {
    tokio::join!(a.wait(), b.join_next());
//                 ^^^^ wait
//                           ^^^^^^^^^ wait
    futures::future::join(a.wait(), work()).await;
//                          ^^^^ wait
}
