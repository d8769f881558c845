//! A drain that is measured: how long it took and how it ended, for who was not there to see it.
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `in_flight` | [`Entered`]: one piece of work, as long as it is in flight |
//! | `drain_metrics` | [`DrainMetrics`]: what is registered, and the drain that leaves its sample there |
//! | `outcome` | [`DrainError`]: why a drain was not complete |
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod drain_metrics;
mod in_flight;
mod outcome;

pub use drain_metrics::DrainMetrics;
pub use in_flight::Entered;
pub use outcome::DrainError;
