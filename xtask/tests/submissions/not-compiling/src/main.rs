//! Does not compile: the handler is awaited outside an async function.
#![forbid(unsafe_code)]

fn main() {
    tokio::signal::ctrl_c().await;
    println!("draining")
}
