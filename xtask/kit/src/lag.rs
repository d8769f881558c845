//! Was the machine itself late?
//!
//! An upper bound on time can be missed by a program that is right, on a machine that is busy with
//! something else. The meter answers two questions about the time since it started: how late could
//! the machine have made this scenario, and was it others who kept the machine busy? Only if both
//! say so is a missed bound "unknown" and not red.
//!
//! Lateness is the larger of two measures: by how much short sleeps of a thread of ours overslept,
//! and how long a thread of the program under test stood ready to run and was not running
//! (`/proc/PID/task/*/schedstat`).

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::proc;

const TICK: Duration = Duration::from_millis(5);
/// Below this share of the machine, others cannot have been the reason.
const BUSY_SHARE: f64 = 0.2;

pub(crate) struct Meter {
    state: Arc<Mutex<State>>,
    before: (u64, u64),
    own_before: u64,
}

#[derive(Default)]
struct State {
    overslept: Duration,
    programs: Vec<Watched>,
}

struct Watched {
    pid: u32,
    delay: Duration,
    ticks: u64,
}

impl Meter {
    pub(crate) fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let weak = Arc::downgrade(&state);
        thread::spawn(move || sample(&weak));
        Self { state, before: proc::machine_ticks(), own_before: proc::ticks(std::process::id()) }
    }

    /// Also watches a program under test, from its start on.
    pub(crate) fn watch(&self, pid: u32) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.programs.push(Watched { pid, delay: Duration::ZERO, ticks: 0 });
    }

    /// By how much the machine may have delayed this scenario; zero if nobody else kept it busy.
    pub(crate) fn late(&self) -> Duration {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (busy, all) = proc::machine_ticks();
        let own = proc::ticks(std::process::id()).saturating_sub(self.own_before);
        let programs: u64 = state.programs.iter().map(|program| program.ticks).sum();
        let others = busy.saturating_sub(self.before.0).saturating_sub(own + programs);
        let share = others as f64 / (all.saturating_sub(self.before.1)).max(1) as f64;
        if share < BUSY_SHARE {
            return Duration::ZERO;
        }
        let ready = state.programs.iter().map(|program| program.delay).max().unwrap_or_default();
        let ours = proc::run_delay(std::process::id());
        state.overslept.max(ready).max(ours)
    }
}

fn sample(state: &Weak<Mutex<State>>) {
    loop {
        let before = Instant::now();
        thread::sleep(TICK);
        let overslept = before.elapsed() - TICK;
        let Some(state) = state.upgrade() else { return };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        // Timers fire a little late on any machine.
        state.overslept += overslept.saturating_sub(Duration::from_millis(1));
        for program in &mut state.programs {
            // A program that has exited answers with zero: keep what was seen last.
            program.delay = program.delay.max(proc::run_delay(program.pid));
            program.ticks = program.ticks.max(proc::ticks(program.pid));
        }
    }
}
