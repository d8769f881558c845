// case: brought in by name, renamed, by the module renamed
use tokio::spawn;
use tokio::task::spawn as background;
use tokio::task as r#async;
use std::thread::{self as threads, *};

fn names() {
    spawn(work());
//  ^^^^^ detached
    background(work());
//  ^^^^^^^^^^ detached
    r#async::spawn_blocking(work);
//  ^^^^^^^^^^^^^^^^^^^^^^^ detached
    threads::spawn(work);
//  ^^^^^^^^^^^^^^ detached
}

// case: a local function is not it
fn local() {
    spawn(work());
    fn spawn(work: Work) {}
}

// case: a parameter is not it
fn parameter(spawn: impl Fn(Work)) {
    spawn(work());
}

// case: a function of another crate, of a type, of a module
fn others() {
    rayon::spawn(work);
    Handle::spawn(work());
    self::pool::spawn(work());
    async_std::task::spawn(work());
}

// case: drop of somebody else
fn own_drop() {
    fn drop(handle: JoinHandle<()>) {}
    drop(tokio::spawn(work()));
}
