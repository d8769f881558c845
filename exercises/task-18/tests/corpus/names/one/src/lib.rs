// case: re-exports of a crate
pub mod clock;
mod deep;
mod uses;
#[path = "elsewhere/odd.rs"]
mod placed;
pub use clock::nap as rest;
pub use self::clock::*;
