//! A service that asks another one, and does not let it decide when the drain is over.
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `as_it_was` | the service as it was found: a program of its own, with the bug |
//! | `main` | start-up in the right order, and the exit code |
//! | [`config`] | [`Config`](config::Config): what is read from the environment, and what does not fit together |
//! | [`environment`], [`budget`] | how a variable is read, and what is said of a bad one |
//! | [`signals`] | [`Signals`](signals::Signals): SIGINT and SIGTERM |
//! | [`drain`] | [`Drain`](drain::Drain): whether it has begun, and how long calls have then |
//! | [`downstream`] | [`Downstream`](downstream::Downstream): one call, with an end |
//! | [`routes`] | what the server answers |
//! | [`in_flight`] | [`InFlight`](in_flight::InFlight): how many requests are being answered |
//! | [`server`] | serve until the signal, then drain |
//! | [`report`] | [`Report`](report::Report): how the drain went |
#![forbid(unsafe_code)]

pub mod budget;
pub mod config;
pub mod downstream;
pub mod drain;
pub mod environment;
pub mod in_flight;
pub mod report;
pub mod routes;
pub mod server;
pub mod signals;
