use tokio::task::{self, JoinHandle};
use tokio::time::timeout;

// case: a handle with a name
async fn named() {
    let handle = tokio::spawn(work());
    handle.await.unwrap();
//  ^^^^^^ wait
}

// case: a handle that is borrowed
async fn borrowed() {
    let mut handle = task::spawn(work());
    (&mut handle).await.ok();
//        ^^^^^^ wait
}

// case: a handle without a name
async fn at_once() {
    tokio::spawn(work()).await.unwrap();
//  ^^^^^^^^^^^^ wait
    task::spawn_local(work()).await.unwrap();
//  ^^^^^^^^^^^^^^^^^ wait
}

// case: a handle in a time-out
async fn in_a_timeout() {
    let handle = tokio::spawn(work());
    timeout(PERIOD, handle).await??;
    let mut handle = tokio::spawn(work());
    timeout(PERIOD, async { (&mut handle).await }).await??;
    timeout(PERIOD, tokio::spawn(work())).await??;
}

// case: a parameter that is declared as a handle
async fn parameter(handle: JoinHandle<()>, other: &mut tokio::task::JoinHandle<u8>) {
    handle.await.unwrap();
//  ^^^^^^ wait
    other.await.unwrap();
//  ^^^^^ wait
}

// case: a variable that is declared as a handle
async fn declared() {
    let handle: JoinHandle<()> = start();
    handle.await.unwrap();
//  ^^^^^^ wait
}

// case: a future that is no handle
async fn future() {
    let handle = work();
    handle.await;
    let other: Pending<()> = start();
    other.await;
}

// case: a name that is used again
async fn again() {
    let handle = tokio::spawn(work());
    timeout(PERIOD, handle).await??;
    let handle = work();
    handle.await;
}

// case: of a blocking call the answer is awaited
async fn blocking() {
    task::spawn_blocking(|| read()).await?;
    let read = task::spawn_blocking(read);
    read.await?;
}

// case: several handles at once
async fn several() {
    let a = tokio::spawn(work());
    let b = tokio::spawn(work());
    let c = work();
    let _ = tokio::join!(a, c);
//                       ^ wait
    tokio::try_join!(b, tokio::spawn(work()))?;
//                   ^ wait
//                      ^^^^^^^^^^^^ wait
}

// case: several handles in a time-out
async fn several_in_a_timeout() {
    let a = tokio::spawn(work());
    timeout(PERIOD, async { tokio::join!(a, work()) }).await?;
}

// case: a handle as a branch of select!
async fn branch(token: Token) {
    let mut a = tokio::spawn(work());
    tokio::select! {
        _ = &mut a => {}
        () = token.cancelled() => {}
    }
    let mut b = tokio::spawn(work());
    tokio::select! {
        _ = &mut b => {}
//               ^ wait
        () = work() => {}
    }
}

// case: the handle of another crate
async fn of_another_crate() {
    let handle = async_std::task::spawn(work());
    handle.await;
}

// case: a function that is called spawn
async fn own(spawn: Spawner) {
    let handle = spawn(work());
    handle.await;
    let handle = spawner.spawn(work());
    handle.await;
}

// case: in a nested function the variables around it are not seen
async fn nested() {
    let handle = tokio::spawn(work());
    async fn inside(handle: Pending<()>) {
        handle.await;
    }
    timeout(PERIOD, handle).await??;
}

// case: text
fn text() {
    let code = "handle.await; set.join_next().await; child.wait()";
    // tracker.wait().await;
}
