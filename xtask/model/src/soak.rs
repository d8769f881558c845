//! What a pool keeps of the jobs that it has run.

use std::panic::resume_unwind;
use std::sync::Arc;

use drain_kit::Scenario;

use crate::Brief;

/// Placeholder.
pub fn leaves_nothing_behind(_scenario: &Scenario, _brief: &'static dyn Brief) {
    let _ = (resume_unwind as fn(_) -> _, Arc::<u8>::default());
}
