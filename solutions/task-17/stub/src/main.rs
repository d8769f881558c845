//! Starts a child, and drains it before it exits itself.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use task_17::parent::{self, Failed};
use task_17::settings::Settings;

// One thread, and the child is started on it: the signal that ends the child with its parent comes when
// the *thread* ends that started it.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let settings = match Settings::from_env() {
        Ok(settings) => settings,
        Err(bad) => {
            eprintln!("{bad}");
            return ExitCode::from(2);
        }
    };
    match parent::run(&settings).await {
        Ok(ending) => {
            eprintln!("{ending}");
            ending.exit_code()
        }
        Err(Failed::Start(bad)) => {
            eprintln!("{bad}");
            ExitCode::from(2)
        }
        Err(Failed::System(error)) => {
            eprintln!("cannot watch over a child: {error}");
            ExitCode::FAILURE
        }
    }
}
