use tokio::task;

// case: a bare statement
fn bare() {
    tokio::spawn(work());
//  ^^^^^^^^^^^^ detached
    task::spawn(async {
//  ^^^^^^^^^^^ detached
        work().await;
    });
}

// case: the other functions
fn others() {
    task::spawn_local(work());
//  ^^^^^^^^^^^^^^^^^ detached
    tokio::task::spawn_blocking(|| work());
//  ^^^^^^^^^^^^^^^^^^^^^^^^^^^ detached
    std::thread::spawn(move || work());
//  ^^^^^^^^^^^^^^^^^^ detached
}

// case: dropped by a pattern
fn pattern() {
    let _ = tokio::spawn(work());
//          ^^^^^^^^^^^^ detached
    _ = tokio::spawn(work());
//      ^^^^^^^^^^^^ detached
}

// case: dropped by drop
fn dropped() {
    drop(tokio::spawn(work()));
//       ^^^^^^^^^^^^ detached
    std::mem::drop(task::spawn(work()));
//                 ^^^^^^^^^^^ detached
}

// case: in brackets
fn brackets() {
    (tokio::spawn(work()));
//   ^^^^^^^^^^^^ detached
}

// case: with a turbofish
fn turbofish() {
    tokio::spawn::<Work>(work());
//  ^^^^^^^^^^^^^^^^^^^^ detached
    std::thread::spawn::<_, ()>(work);
//  ^^^^^^^^^^^^^^^^^^^^^^^^^^^ detached
}

// case: kept in a variable
fn kept() {
    let handle = tokio::spawn(work());
    let _handle = tokio::spawn(work());
    self.handle = tokio::spawn(work());
}

// case: handed on
fn handed_on() -> JoinHandle<()> {
    handles.push(tokio::spawn(work()));
    Worker { handle: tokio::spawn(work()) };
    watch(tokio::spawn(work()));
    tokio::spawn(work())
}

// case: returned
fn returned() -> JoinHandle<()> {
    return tokio::spawn(work());
}

// case: awaited
async fn awaited() {
    tokio::spawn(work()).await.unwrap();
    let _ = tokio::spawn(work()).await;
}

// case: something else is done with the handle
fn something_else() {
    tokio::spawn(work()).abort();
    let abort = tokio::spawn(work()).abort_handle();
}

// case: methods keep their tasks
fn methods(tracker: TaskTracker, mut set: JoinSet<()>, scope: Scope) {
    tracker.spawn(work());
    set.spawn(work());
    scope.spawn(|| work());
}

// case: in a closure, and in what is spawned
fn nested() {
    let start = || {
        tokio::spawn(work());
//      ^^^^^^^^^^^^ detached
    };
    let outer = tokio::spawn(async {
        tokio::spawn(work());
//      ^^^^^^^^^^^^ detached
    });
}

// case: what a closure returns
fn value_of_a_closure() {
    let start = || tokio::spawn(work());
    let start = || { tokio::spawn(work()) };
}

// case: in a loop that accepts
async fn accepts(listener: Listener) -> Result<(), Error> {
    loop {
        let (connection, _) = listener.accept().await?;
        tokio::spawn(serve(connection));
//      ^^^^^^^^^^^^ detached
    }
}

// case: a task that hears of the stop is detached all the same
fn hears(token: Token) {
    tokio::spawn(async move {
//  ^^^^^^^^^^^^ detached
        tokio::select! {
            () = token.cancelled() => {}
            () = work() => {}
        }
    });
}

// case: in an arm and behind an else
async fn arms(kind: Kind) {
    match kind {
        Kind::One => {
            tokio::spawn(work());
//          ^^^^^^^^^^^^ detached
        }
        _ => drop(tokio::spawn(work())),
//                ^^^^^^^^^^^^ detached
    }
    let Some(job) = next() else {
        tokio::spawn(work());
//      ^^^^^^^^^^^^ detached
        return;
    };
}

// case: in main
fn main() {
    std::thread::spawn(work);
//  ^^^^^^^^^^^^^^^^^^ detached
}
