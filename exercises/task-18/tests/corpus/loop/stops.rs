// case: it looks at a token, a flag, a channel
async fn looks(token: Token, flag: Flag, receiver: Receiver) {
    loop {
        if token.is_cancelled() {
            log();
        }
    }
    loop {
        work(flag.stopping.load(Ordering::Acquire));
    }
    loop {
        work(receiver.recv().await);
    }
    loop {
        work(receiver.try_recv());
    }
    loop {
        match receiver.has_changed() {
            Ok(_) => {}
            Err(_) => {}
        }
    }
}

// case: while let with a receiver
async fn while_let(mut jobs: Receiver) {
    while let Some(job) = jobs.recv().await {
        work(job).await;
    }
}

// case: a stop word in a longer name
fn long_names() {
    loop {
        work(SHUTDOWN_REQUESTED);
    }
    loop {
        work(isTerminated());
    }
    loop {
        tell(Message::Quit);
    }
}

// case: no stop word in a longer word
fn longer_words() {
    loop {
//  ^^^^ loop
        determine(terminal, stopwatch, exited_early);
    }
}

// case: to empty a vector is no stop
fn empties() {
    loop {
//  ^^^^ loop
        for job in queue.drain(..) {
            work(job);
        }
    }
}

// case: a variable of that name is one
fn a_drain(drain: Drain) {
    loop {
        work(&drain);
    }
}

// case: text is no stop signal
fn text() {
    loop {
//  ^^^^ loop
        // stop, shutdown, token.cancelled()
        log("shutdown", 's', r"stop");
        work();
    }
}

// case: the label is no stop signal
fn label() {
    'shutdown: loop {
//             ^^^^ loop
        work();
        continue 'shutdown;
    }
}

// case: a type is no stop signal
fn a_type() {
    loop {
//  ^^^^ loop
        let reason: Option<StopReason> = work::<Shutdown>();
    }
}

// case: what is spawned inside hears of the stop, the loop does not
async fn accepts(listener: Listener, token: Token) {
    loop {
//  ^^^^ loop
        let connection = listener.accept().await;
        tokio::spawn(serve(connection, token.clone().cancelled_owned()));
        set.spawn(async move { token.cancelled().await });
    }
}

// case: a select! that has no stop
async fn select_without() {
    loop {
//  ^^^^ loop
        tokio::select! {
            () = work() => {}
            () = tick() => continue,
        }
    }
}

// case: a select! that leaves the loop
async fn select_with() {
    loop {
        tokio::select! {
            () = work() => {}
            () = tick() => break,
        }
    }
    loop {
        tokio::select! {
            () = work() => {}
            () = tick() => {
                return;
            }
        }
    }
}

// case: a biased select! with a stop
async fn select_biased(token: Token) {
    loop {
        tokio::select! {
            biased;
            () = token.cancelled() => log(),
            () = work() => {}
        }
    }
}

// case: the loop of a future that is dropped at the stop
async fn dropped(token: Token) {
    tokio::select! {
        () = async {
            loop {
                work().await;
            }
        } => {}
        () = token.cancelled() => {}
    }
    token.run_until_cancelled(async { loop { work().await } }).await;
}

// case: the loop of a block with a name that is dropped at the stop
async fn dropped_by_name(token: Token) {
    let poll = async {
        loop {
            work().await;
        }
    };
    tokio::select! {
        () = poll => {}
        () = token.cancelled() => {}
    }
}

// case: the loop of a future that is dropped at a deadline
async fn timed(period: Duration) {
    let _ = tokio::time::timeout(period, async {
        loop {
//      ^^^^ loop
            work().await;
        }
    })
    .await;
}

// case: a loop in a handler
async fn in_a_handler(token: Token) {
    tokio::select! {
        () = work() => loop {
//                     ^^^^ loop
            work().await;
        },
        () = token.cancelled() => {}
    }
}

// case: the stop has a name without a stop word
async fn with_a_name(token: Token) {
    let over = token.is_cancelled();
    loop {
        work(over);
    }
}
