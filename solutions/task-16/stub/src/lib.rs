//! Work that is shut down in two phases: first long work is refused, then all of it, and what is left is drained.
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `phase` | [`Work`], [`Phase`], and what is [`Refused`] in which phase |
//! | `jobs` | [`Jobs`]: submit, quiesce, drain |
//! | `outcome` | [`DeadlineExceeded`], and the report |
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod jobs;
mod outcome;
mod phase;

pub use jobs::Jobs;
pub use outcome::DeadlineExceeded;
pub use phase::{Phase, Refused, Work};
