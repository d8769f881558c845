// case: a re-export
pub use tokio::time::sleep as nap;
// case: a module re-exported
pub use tokio::time as timer;
// case: a glob re-exported
pub use std::process::*;
// case: re-exports that lead in a circle
pub use crate::uses::round;

// case: a function of its own
pub async fn pause() {}
