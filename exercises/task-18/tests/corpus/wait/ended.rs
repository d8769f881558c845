// case: tasks that were aborted end
async fn aborted(mut set: JoinSet<()>) {
    set.abort_all();
    while set.join_next().await.is_some() {}
}

// case: a task that was aborted ends
async fn handle() {
    let handle = tokio::spawn(work());
    handle.abort();
    let _ = handle.await;
}

// case: a child that was killed ends
async fn killed(mut child: Child, mut other: std::process::Child) {
    child.start_kill()?;
    child.wait().await?;
    if other.kill().is_ok() {
        other.wait()?;
    }
}

// case: of a field
async fn field(&mut self) {
    self.tasks.abort_all();
    (&mut self.tasks).join_next().await;
    self.others.join_next().await;
//              ^^^^^^^^^ wait
}

// case: before it was aborted
async fn before(mut set: JoinSet<()>) {
    set.join_next().await;
//      ^^^^^^^^^ wait
    set.abort_all();
}

// case: another one was aborted
async fn another(mut a: JoinSet<()>, mut b: JoinSet<()>) {
    a.abort_all();
    b.join_next().await;
//    ^^^^^^^^^ wait
}

// case: another one of that name
async fn of_that_name(mut set: JoinSet<()>) {
    set.abort_all();
    let mut set = start();
    set.join_next().await;
//      ^^^^^^^^^ wait
}

// case: in another function
async fn in_another_function(mut set: JoinSet<()>) {
    fn inner(set: &mut JoinSet<()>) {
        set.abort_all();
    }
    set.join_next().await;
//      ^^^^^^^^^ wait
}

// case: with a reason it is another method
async fn with_a_reason(mut set: Tasks) {
    set.abort_all("too late");
    set.join_next().await;
//      ^^^^^^^^^ wait
}
