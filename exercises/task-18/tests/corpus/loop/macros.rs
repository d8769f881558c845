// case: in the body of a macro with expressions
fn expressions() {
    let all = vec![
        loop {
//      ^^^^ loop
            work();
        },
        loop {
            break 1;
        },
    ];
}

// case: in the body of a macro with statements
fn statements() -> impl Stream {
    async_stream::stream! {
        let mut count = 0;
        loop {
//      ^^^^ loop
            yield count;
            count += 1;
        }
    }
}

// case: a way out in the argument of a macro
fn way_out() {
    loop {
        println!("{}", match next() {
            Some(job) => job,
            None => break,
        });
    }
    loop {
        try_stream! { let job = next()?; yield job; }
    }
}

// case: no way out in the argument of a macro
fn no_way_out() {
    loop {
//  ^^^^ loop
        println!("{} break", jobs().map(|job| { return job }).count());
    }
}

// case: in a macro that is no Rust, words are words
fn words() {
    loop {
        crossbeam::select! {
            recv(jobs) -> job => work(job),
            recv(shutdown) -> _ => log(),
        }
    }
    loop {
        tracing::info!(%count, ?job, "one more");
        my_macro!(a => return);
    }
    loop {
//  ^^^^ loop
        tracing::info!(%count, ?job, "shutdown, return");
    }
    loop {
//  ^^^^ loop
        my_macro!(a => 'stop: b);
    }
}

// case: what macro_rules! writes down is no code yet
macro_rules! forever {
    ($body:block) => {
        loop $body
    };
}
