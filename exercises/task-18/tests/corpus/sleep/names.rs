use std::time::Duration;
use tokio::time::sleep;

// case: pinned, and a branch beside the stop
async fn pinned(token: Token, period: Duration) {
    let nap = sleep(period);
    tokio::pin!(nap);
    loop {
        tokio::select! {
            () = &mut nap => break,
            () = token.cancelled() => return,
        }
    }
}

// case: pinned where it is made
async fn pinned_at_once(token: Token, period: Duration) {
    let mut nap = std::pin::pin!(sleep(period));
    let mut boxed = Box::pin(sleep(period));
    tokio::select! {
        () = &mut nap => {}
        () = boxed.as_mut() => {}
        () = token.cancelled() => {}
    }
}

// case: pinned as a statement of pin!
async fn pinned_inside(token: Token, period: Duration) {
    tokio::pin! {
        let nap = sleep(period);
    }
    tokio::select! {
        () = &mut nap => {}
        () = token.cancelled() => {}
    }
}

// case: with a name, and awaited by itself
async fn awaited(period: Duration) {
    let nap = sleep(period);
//            ^^^^^ sleep
    work().await;
    nap.await;
}

// case: with a name, used in a handler only
async fn used_in_the_handler(token: Token, period: Duration) {
    let nap = sleep(period);
//            ^^^^^ sleep
    tokio::select! {
        () = work() => nap.await,
        () = token.cancelled() => {}
    }
}

// case: a name of another function
async fn another_function(token: Token, nap: Sleep) {
    tokio::select! {
        () = nap => {}
        () = token.cancelled() => {}
    }
}

// case: that function
async fn that_function(period: Duration) {
    let nap = sleep(period);
//            ^^^^^ sleep
    another_function(token(), nap).await;
}

// case: what stops has a name
async fn stop_with_a_name(token: Token, period: Duration) {
    let over = token.cancelled();
    tokio::pin!(over);
    tokio::select! {
        () = sleep(period) => {}
        () = &mut over => {}
    }
}

// case: a variable is not the function
fn a_variable(period: Duration) {
    let sleep = |period| log(period);
    sleep(period);
}

// case: before the variable it is the function
async fn before_the_variable(period: Duration) {
    sleep(period).await;
//  ^^^^^ sleep
    let sleep = period;
    work(sleep).await;
}

// case: the variable of another block
async fn of_another_block(period: Duration) {
    {
        let sleep = |period| log(period);
        sleep(period);
    }
    sleep(period).await;
//  ^^^^^ sleep
}

// case: a parameter
async fn a_parameter(sleep: impl AsyncFn(Duration), period: Duration) {
    sleep(period).await;
}

// case: the parameter of a closure
fn of_a_closure() {
    retry(|sleep, period| sleep(period));
}

// case: a name that a pattern brings in
async fn of_a_pattern(clock: Option<Clock>, period: Duration) {
    if let Some(Clock { sleep }) = clock {
        sleep(period).await;
    } else {
        sleep(period).await;
//      ^^^^^ sleep
    }
    match clock {
        Some(Clock { sleep, .. }) => sleep(period).await,
        None => sleep(period).await,
//              ^^^^^ sleep
    }
    for sleep in clock {
        sleep(period).await;
    }
}

// case: a function in the function
async fn a_local_function(period: Duration) {
    sleep(period).await;
    async fn sleep(_: Duration) {}
}

// case: in a nested function the variables around it are not seen
fn nested(sleep: impl Fn(Duration), period: Duration) {
    sleep(period);
    async fn inside(period: Duration) {
        sleep(period).await;
//      ^^^^^ sleep
    }
}
