//! The two phases, from the first signal on.

use std::process::ExitCode;

use task_16::{DeadlineExceeded, Jobs};
use tokio::time::Instant;

use crate::config::Config;
use crate::signals::Signals;

/// The shutdown is over.
pub struct Ended {
    /// Whether all that was accepted has been done.
    pub outcome: Result<(), DeadlineExceeded>,
    /// When the budget is used up.
    pub deadline: Instant,
}

impl Ended {
    /// 0 if all went well, else 1.
    pub fn exit_code(&self) -> ExitCode {
        if self.outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Waits for a signal, and then shuts down: quiesces, for a period or until the next signal, and drains. All of it within the
/// budget, counted from the first signal.
pub async fn in_two_phases(jobs: &Jobs, signals: &mut Signals, config: &Config) -> Ended {
    signals.recv().await;
    let (period, budget) = (config.quiesce_period, config.drain_budget);
    let _ = jobs;
    todo!("quiesce for {period:?}, or until the next signal, and then drain, all within {budget:?}")
}
