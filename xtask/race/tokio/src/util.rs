//! `tokio_util`: its own tokens and trackers, made visible.

pub mod sync;
pub mod task;

/// Extensions of futures.
pub mod future {
    pub use super::sync::FutureExt;
}
