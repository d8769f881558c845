//! Was the machine itself late?
//!
//! An upper bound on time can be missed by a program that is right, on a machine that is busy with
//! something else. The meter answers two questions: how late could the machine have made something
//! that lies between two moments, and was it others who kept the machine busy? Only if both say so is
//! a missed bound "unknown" and not red.
//!
//! Lateness is the largest of several measures: by how much short sleeps of a thread of ours
//! overslept, and how long a thread of one of the programs under test, or of the test, stood ready to
//! run and was not running (`/proc/PID/task/*/schedstat`). They are kept as samples: what was late
//! before the moments in question, or after, excuses nothing; and twenty programs that were each a
//! little late do not add up to one that was very late.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::proc;

const TICK: Duration = Duration::from_millis(5);
/// A test may have hundreds of threads: they are looked at once in so many ticks.
const TICKS_BETWEEN_LOOKS_AT_OURS: usize = 10;
/// Below this share of the machine, others cannot have been the reason.
const BUSY_SHARE: f64 = 0.2;

pub(crate) struct Meter {
    state: Arc<Mutex<State>>,
    before: (u64, u64),
    own_before: u64,
}

struct State {
    samples: Vec<Sample>,
    /// Until when there are samples.
    sampled: Instant,
    programs: Vec<Watched>,
}

/// By how much the machine may have delayed one process in this span of time.
struct Sample {
    from: Instant,
    to: Instant,
    pid: u32,
    late: Duration,
}

/// No process has this number: it stands for the short sleeps.
const SLEEPER: u32 = 0;

struct Watched {
    pid: u32,
    delays: HashMap<u32, Duration>,
    ticks: u64,
}

impl Watched {
    fn new(pid: u32) -> Self {
        Self { pid, delays: HashMap::new(), ticks: 0 }
    }

    /// The longest that one thread has been kept waiting since the last look.
    fn look(&mut self) -> Duration {
        let mut longest = Duration::ZERO;
        for (thread, delay) in proc::run_delays(self.pid) {
            let before = self.delays.insert(thread, delay).unwrap_or_default();
            longest = longest.max(delay.saturating_sub(before));
        }
        longest
    }
}

impl Meter {
    pub(crate) fn start() -> Self {
        let state = State { samples: Vec::new(), sampled: Instant::now(), programs: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let weak = Arc::downgrade(&state);
        thread::spawn(move || sample(&weak));
        Self { state, before: proc::machine_ticks(), own_before: proc::ticks(std::process::id()) }
    }

    /// Also watches a program under test, from its start on.
    pub(crate) fn watch(&self, pid: u32) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.programs.push(Watched::new(pid));
    }

    /// By how much the machine may have delayed what lies between these moments; zero if nobody else
    /// kept it busy.
    pub(crate) fn late(&self, from: Instant, to: Instant) -> Duration {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (busy, all) = proc::machine_ticks();
        let own = proc::ticks(std::process::id()).saturating_sub(self.own_before);
        let programs: u64 = state.programs.iter().map(|program| program.ticks).sum();
        let others = busy.saturating_sub(self.before.0).saturating_sub(own + programs);
        let share = others as f64 / (all.saturating_sub(self.before.1)).max(1) as f64;
        if share < BUSY_SHARE {
            return Duration::ZERO;
        }
        let mut late: HashMap<u32, Duration> = HashMap::new();
        for sample in state.samples.iter().filter(|sample| sample.to >= from && sample.from <= to) {
            *late.entry(sample.pid).or_default() += sample.late;
        }
        // The thread that takes the samples may itself be late just now.
        let overdue = to.saturating_duration_since(state.sampled).saturating_sub(TICK);
        late.into_values().max().unwrap_or_default() + overdue
    }
}

fn sample(state: &Weak<Mutex<State>>) {
    let mut ours = Watched::new(std::process::id());
    let mut ours_from = Instant::now();
    ours.look();
    for tick in 1.. {
        let from = Instant::now();
        thread::sleep(TICK);
        let Some(state) = state.upgrade() else { return };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let to = Instant::now();
        // Timers fire a little late on any machine.
        let overslept = (to - from).saturating_sub(TICK + Duration::from_millis(1));
        let mut late = vec![(SLEEPER, from, overslept)];
        for program in &mut state.programs {
            late.push((program.pid, from, program.look()));
            // A program that has exited answers with zero: keep what was seen last.
            program.ticks = program.ticks.max(proc::ticks(program.pid));
        }
        if tick % TICKS_BETWEEN_LOOKS_AT_OURS == 0 {
            late.push((ours.pid, ours_from, ours.look()));
            ours_from = to;
        }
        let late = late.into_iter().filter(|(_, _, late)| !late.is_zero());
        state.samples.extend(late.map(|(pid, from, late)| Sample { from, to, pid, late }));
        state.sampled = to;
    }
}
