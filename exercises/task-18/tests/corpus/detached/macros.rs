// case: in a handler of select!
async fn handler(token: Token) {
    tokio::select! {
        job = work() => {
            tokio::spawn(work(job));
//          ^^^^^^^^^^^^ detached
        }
        () = token.cancelled() => {
            let _ = tokio::spawn(work());
//                  ^^^^^^^^^^^^ detached
        }
    }
}

// case: in the future of a branch
async fn future(token: Token) {
    tokio::select! {
        () = async {
            tokio::spawn(work());
//          ^^^^^^^^^^^^ detached
        } => {}
        () = token.cancelled() => {}
    }
}

// case: in a macro with statements
fn statements() -> impl Stream {
    stream! {
        tokio::spawn(work());
//      ^^^^^^^^^^^^ detached
        yield tokio::spawn(work());
    }
}

// case: in a macro with expressions
fn expressions() {
    println!("{}", {
        tokio::spawn(work());
//      ^^^^^^^^^^^^ detached
        1
    });
    let all = vec![tokio::spawn(work()), tokio::spawn(work())];
    tokio::join!(tokio::spawn(work()));
}

// case: what macro_rules! writes down is no code yet
macro_rules! background {
    ($work:expr) => {
        tokio::spawn($work);
    };
}

// case: text
/// tokio::spawn(work());
fn text() {
    let code = "tokio::spawn(work());";
    // tokio::spawn(work());
}
