//! Stands in for tokio-util in a race check. It lies in `drain-race-tokio`, beside what it is made of.
#![forbid(unsafe_code)]

pub use drain_race_tokio::util::*;
