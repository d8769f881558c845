//! Says of a service, from outside, whether it drains.
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `options` | [`Options`](options::Options): what is to be tried |
//! | `trial` | one trial: everything up to the signal |
//! | `drain` | the signal, and what came of it |
//! | `output` | what the service prints |
//! | `load` | the requests, and what became of them |
//! | `probes` | new connections during the drain |
//! | `http` | how a request is sent, and a response read |
//! | `service` | [`Service`](service::Service): the processes |
//! | `sockets` | [`Sockets`](sockets::Sockets): who listens, and what has been read |
//! | `report` | [`Report`](report::Report): the result, for people and for machines |
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod drain;
pub mod http;
pub mod load;
pub mod options;
pub mod output;
pub mod probes;
pub mod report;
pub mod service;
pub mod sockets;
pub mod trial;
