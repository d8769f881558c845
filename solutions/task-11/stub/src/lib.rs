//! Counts what is in flight, and waits until nothing has been in flight for a while.
//!
//! Each piece of work holds a guard of an [`InFlight`] for as long as it takes. [`wait_idle`](InFlight::wait_idle) returns
//! when there has been no guard for [`QUIET`].
//!
//! # Examples
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use task_11::{InFlight, Kind};
//! use tokio::time::{Instant, sleep};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let in_flight = Arc::new(InFlight::new());
//!
//! // Somewhere a request comes in, and a probe.
//! let guard = in_flight.enter_owned(Kind::Work);
//! tokio::spawn(async move {
//!     let _guard = guard;
//!     sleep(Duration::from_millis(50)).await;
//! });
//! let _probe = in_flight.enter(Kind::Probe);
//! assert_eq!(in_flight.count(), 1);
//!
//! // The load balancer knows that we are going. Who has an old address still comes; when nobody does, we go.
//! match in_flight.wait_idle(Instant::now() + Duration::from_secs(5)).await {
//!     Ok(idle) => assert!(idle.duration >= Duration::from_millis(250), "{idle}"),
//!     Err(busy) => panic!("{busy}"),
//! }
//! # }
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod in_flight;
mod outcome;

pub use in_flight::{Guard, InFlight, Kind, OwnedGuard, QUIET};
pub use outcome::{DeadlineExceeded, Idle};
