use std::process::exit;
use std::time::Duration;
use tokio::time::{sleep, sleep_until, Instant};

// case: a loop that cannot end
async fn goes_on() {
    loop {
//  ^^^^ loop
        work().await;
    }
}

// case: an exit in what is spawned
fn beside_others() {
    let task = tokio::spawn(async { exit(1) });
//                                  ^^^^ exit
    scope.spawn(|| work().unwrap_or_else(|_| exit(2)));
//                                           ^^^^ exit
}

// case: an exit of which only the caller knows when it comes
fn at_the_start(config: Option<Config>) -> Config {
    config.unwrap_or_else(|| exit(1))
//                           ^^^^ exit*
}

// case: a function in what is spawned is a function like others
fn nested() {
    set.spawn(async {
        fn end() {
            exit(1);
//          ^^^^ exit*
        }
    });
}

// case: somebody has thought of the drain, and sleeps
async fn hears(token: Token, period: Duration) {
    while !token.is_cancelled() {
        work().await;
        sleep(period).await;
//      ^^^^^ sleep
    }
}

// case: somebody has thought of the drain, in a handler
async fn in_a_handler(shutdown: Shutdown, listener: Listener) {
    loop {
        tokio::select! {
            () = shutdown.wait_for() => break,
            connection = listener.accept() => match connection {
                Ok(connection) => serve(connection),
                Err(_) => std::thread::sleep(PAUSE),
//                        ^^^^^^^^^^^^^^^^^^ sleep
            },
        }
    }
}

// case: nobody has thought of a drain
async fn hears_nothing(period: Duration) {
    retry().await;
    sleep(period).await;
//  ^^^^^ sleep*
    std::thread::sleep(period);
//  ^^^^^^^^^^^^^^^^^^ sleep*
}

// case: a stop word is in another function, in a type, in what is spawned
async fn elsewhere(period: Duration) -> Shutdown {
    fn inside(shutdown: Shutdown) {
        shutdown.begin();
    }
    set.spawn(shutdown());
    sleep(period).await;
//  ^^^^^ sleep*
}

// case: a method `drain` is no stop word, and `recv` is none
async fn of_a_collection(mut jobs: Receiver<Job>, period: Duration) {
    while let Some(job) = jobs.recv().await {
        job.parts.drain(..).for_each(work);
        sleep(period).await;
//      ^^^^^ sleep*
    }
}

// case: what ends is something else: a task, a channel, a process
async fn of_others(mut child: Child, task: AbortHandle, sender: Sender<()>, period: Duration) {
    task.abort();
    child.kill().await;
    while !sender.is_closed() && child.exit_status().is_none() {
        sleep(period).await;
//      ^^^^^ sleep*
    }
}

// case: a sleep that is the time limit of the others
async fn time_limit(shutdown: Shutdown, mut set: JoinSet<()>, period: Duration) {
    shutdown.begun().await;
    tokio::select! {
        () = work() => {}
        () = sleep(period) => {}
//           ^^^^^ sleep*
    }
}

// case: a time limit with a name
async fn named_time_limit(shutdown: Shutdown, end: Instant) {
    shutdown.begun().await;
    let over = sleep_until(end);
//             ^^^^^^^^^^^ sleep*
    tokio::pin!(over);
    tokio::select! {
        () = work() => {}
        () = &mut over => {}
    }
}

// case: a sleep in a block is no time limit
async fn in_a_block(shutdown: Shutdown, period: Duration) {
    shutdown.begun().await;
    tokio::select! {
        () = work() => {}
        () = async { sleep(period).await; more().await } => {}
//                   ^^^^^ sleep
    }
    let nap = sleep(period);
//            ^^^^^ sleep
    nap.await;
}

// case: a wait, for often enough somebody further out has a deadline
async fn waits(token: Token, tracker: TaskTracker) {
    token.cancel();
    tracker.wait().await;
//          ^^^^ wait*
    let last = tokio::spawn(work());
    last.await.unwrap();
//  ^^^^ wait*
    tokio::spawn(work()).await.unwrap();
//  ^^^^^^^^^^^^ wait*
}

// case: somebody waits for each task in another way, or not
fn detached(shutdown: Shutdown) {
    tokio::spawn(serve(shutdown));
//  ^^^^^^^^^^^^ detached*
}

// case: an allow that allows something that is not sure
fn allowed() {
    std::thread::sleep(PAUSE); // drain-audit: allow(sleep): one tick
}
