use std::process;

// case: main of a runtime is main
#[tokio::main(flavor = "current_thread")]
async fn main() {
    if run().await.is_err() {
        process::exit(1);
    }
    // case: a task that main spawns
    let handle = tokio::spawn(async {
        process::exit(1);
//      ^^^^^^^^^^^^^ exit
    });
    // case: the future of a branch is in main, a block in it is not
    tokio::select! {
        () = run() => process::exit(0),
        () = async { process::exit(1) } => {}
//                   ^^^^^^^^^^^^^ exit
    }
    // case: an unsafe block, a labelled block and a loop are in main
    unsafe { process::exit(4) };
    'out: {
        for _ in 0..3 {
            process::exit(5);
        }
    }
}
