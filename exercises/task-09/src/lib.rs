//! Says of a service, from outside, whether it drains.
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `options` | [`Options`](options::Options): what is to be tried |
//! | `trial` | one trial |
//! | `service` | [`Service`](service::Service): the processes |
//! | `sockets` | [`Sockets`](sockets::Sockets): who listens, and what has been read |
//! | `report` | [`Report`](report::Report): the result, for people and for machines |
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod options;
pub mod report;
pub mod service;
pub mod sockets;
pub mod trial;
