//! Stands in for tokio and tokio-util in a race check.
//!
//! What synchronises is not rebuilt: channels, semaphores, tokens and trackers are those of tokio itself,
//! which need no runtime. They behave as they always do, then, in whatever order they are closed, dropped
//! and cancelled. Around each stands a [`Visible`], which lets the scheduler decide who goes on before
//! every use. What does need tokio's runtime is done with [shuttle](https://docs.rs/shuttle)'s: tasks, and
//! a time that is not modelled.
//!
//! A lock of `std` inside a primitive of tokio is never held across a switch, because nothing in there is
//! a scheduling point. Only a `watch` calls the code under test while it holds one; it has a gate of its own.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod runtime;
pub mod sync;
pub mod task;
pub mod time;
pub mod util;

mod visible;

pub use shuttle_tokio::*;
pub use task::spawn;
pub use visible::{Visible, VisibleFuture, VisibleGuard, point};
