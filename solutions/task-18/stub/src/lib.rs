//! Says where a Rust program would wait, hang or lose something while it drains.
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `options` | [`Options`](options::Options): the command line |
//! | `run` | one audit, from the walk to the answer |
//! | `walk` | the files |
//! | `source` | [`Source`](source::Source): a file that parses |
//! | `modules` | [`Modules`](modules::Modules): which file is which module, and what a path means there |
//! | `rule`, `finding` | what is found |
//! | `stop` | which words speak of a stop |
//! | `audit` | the five rules |
//! | `allow` | what is allowed |
//! | `baseline` | what is known |
//! | `report` | the three formats |
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod allow;
pub mod audit;
pub mod baseline;
pub mod finding;
pub mod modules;
pub mod options;
pub mod report;
pub mod rule;
pub mod run;
pub mod source;
pub mod stop;
pub mod walk;
