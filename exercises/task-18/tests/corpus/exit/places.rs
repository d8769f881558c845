use std::process;
use std::process::exit;

// case: main may
fn main() {
    if arguments().is_err() {
        process::exit(2);
    }
    match run() {
        Ok(()) => exit(0),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1)
        }
    }
    // case: a closure in main is not main
    let fail = |code| process::exit(code);
//                    ^^^^^^^^^^^^^ exit
    load().unwrap_or_else(|error| {
        eprintln!("{error}");
        process::exit(1)
//      ^^^^^^^^^^^^^ exit
    });
    // case: an async block in main is not main
    runtime().block_on(async {
        work().await;
        exit(1);
//      ^^^^ exit
    });
    // case: a function in main is not main
    fn usage() -> ! {
        exit(2)
//      ^^^^ exit
    }
    // case: a handler in main
    ctrlc::set_handler(move || process::exit(130));
//                             ^^^^^^^^^^^^^ exit
    // case: the arguments of a macro in main are in main
    println!("{}", if run().is_ok() { 0 } else { process::exit(3) });
    // case: handed on in main, it is called in main
    load().unwrap_or_else(exit);
}

// case: a function that main calls
fn run() -> Result<(), Error> {
    process::exit(1)
//  ^^^^^^^^^^^^^ exit
}

// case: a method, also if it is called main
impl Program {
    fn main(&self) {
        exit(1);
//      ^^^^ exit
    }
}

// case: main of a module is another function
mod program {
    fn main() {
        std::process::exit(1);
//      ^^^^^^^^^^^^^^^^^^ exit
    }
}

// case: main in a function is another function
fn around() {
    fn main() {
        exit(1);
//      ^^^^ exit
    }
    main();
}

// case: handed on as a value
fn handed_on(load: Load) {
    load.unwrap_or_else(exit);
//                      ^^^^ exit
    let die: fn(i32) -> ! = process::exit;
//                          ^^^^^^^^^^^^^ exit
}

// case: in a macro
fn in_a_macro(config: Config) {
    println!("{}", config.port().unwrap_or_else(|| process::exit(2)));
//                                                 ^^^^^^^^^^^^^ exit
    assert!(config.is_valid(), "{}", exit(2));
//                                   ^^^^ exit
}

// case: in a handler of select!
async fn in_select(token: Token) {
    tokio::select! {
        () = work() => {}
        () = token.cancelled() => exit(0),
//                                ^^^^ exit
    }
}

// case: in a spawned task
fn in_a_task() {
    let handle = tokio::spawn(async {
        process::exit(0);
//      ^^^^^^^^^^^^^ exit
    });
}

// case: in a static
static DIE: fn(i32) -> ! = process::exit;
//                         ^^^^^^^^^^^^^ exit

// case: other ways to end
fn others(mut child: Child) {
    process::abort();
    panic!("exit(1)");
    child.exit(1);
    let code = process::ExitCode::from(1);
    let exit_code = exit_code();
    event_loop.exit();
}

// case: a variable is not the function
fn a_variable(exit: bool) -> bool {
    exit
}

// case: text that looks like code
fn text() {
    // process::exit(1);
    /* process::exit(1); /* exit(2) */ */
    let help = "call process::exit(1)";
    let raw = r#"std::process::exit("1")"#;
    let bytes = b"process::exit(1)";
    let quote = '"'; let more = "// exit(1)";
}

/// Do not:
///
/// ```
/// std::process::exit(1);
/// ```
// case: code in a comment of documentation
#[doc = "std::process::exit(1)"]
fn documented() {}

// case: what macro_rules! writes down is no code yet
macro_rules! die {
    ($code:expr) => {
        std::process::exit($code)
    };
}
