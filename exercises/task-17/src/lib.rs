//! A parent and its child: two programs, one drain.
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `main` | the parent: start-up in the right order, and the exit code |
//! | `settings` | [`Settings`](settings::Settings): what the parent reads from the environment |
//! | `parent` | start the child, wait for it or for the signal, drain |
//! | `ending` | [`Ending`](ending::Ending): how it ended, as an exit code and as a line |
//! | `child` | the child: the server of task 3 |
//! | `tether` | the child ends when its parent has gone |
//! | the others | as in task 3 |
#![forbid(unsafe_code)]

pub mod budget;
pub mod config;
pub mod ending;
pub mod environment;
pub mod in_flight;
pub mod parent;
pub mod report;
pub mod routes;
pub mod server;
pub mod settings;
pub mod signals;
pub mod tether;
