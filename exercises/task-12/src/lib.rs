//! Starts the components of a service in order, and drains them in reverse.
//!
//! A component is anything that is [`Drainable`]: a type of its own, one in an [`Arc`](std::sync::Arc),
//! or a closure. A [`Lifecycle`] walks through those that are registered with it, forwards to start them, backwards to
//! drain them, and says of each that failed which it was, and how.
//!
//! # Examples
//!
//! ```
//! use std::io;
//! use std::time::Duration;
//!
//! use task_12::{Cause, Lifecycle, Refused};
//! use tokio::time::Instant;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Refused> {
//! let lifecycle = Lifecycle::new();
//! lifecycle.register("database", async |_deadline| Ok(()))?;
//! lifecycle.register("mailer", async |_deadline| Err(io::Error::other("mailbox full").into()))?;
//! lifecycle.start().await.expect("a closure has nothing to start");
//!
//! // The signal comes, and then: the mailer first, and the database although the mailer fails.
//! let report = lifecycle.drain(Instant::now() + Duration::from_secs(5)).await;
//!
//! let [failure] = report.failures.as_slice() else { panic!("{report}") };
//! assert_eq!(failure.component, "mailer");
//! assert!(matches!(failure.cause, Cause::Failed(_)));
//! assert_eq!(failure.to_string(), "mailer: mailbox full");
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod drainable;
mod failure;
mod lifecycle;
mod report;

pub use drainable::{Drainable, Error, Step};
pub use failure::{Cause, Failure, Refused, StartError};
pub use lifecycle::Lifecycle;
pub use report::Report;
