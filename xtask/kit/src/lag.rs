//! Was the machine itself late?
//!
//! An upper bound on time can be missed by a program that is right, on a machine that is busy with
//! something else. The meter answers two questions: how late could the machine have made something
//! that lies between two moments, and was it others who kept the machine busy? Only if both say so is
//! a missed bound "unknown" and not red.
//!
//! How late, is a sum of what the kernel and a thread of ours have seen between the moments:
//!
//! - how long a thread of the program under test stood ready to run and was not running
//!   (`/proc/PID/task/*/schedstat`), of several programs the one that waited longest;
//! - the same for a thread of the test, which sends the signal and reads the answer;
//! - by how much short sleeps overslept without standing in a queue: the whole machine stood still;
//! - twice the longest that one short sleep overslept. Of a thread that is gone the kernel says
//!   nothing any more; it may have waited as long as ours.
//!
//! What was late before the moments in question, or after, excuses nothing; and twenty programs that
//! were each a little late do not add up to one that was very late.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::gettid;

use crate::proc;

const TICK: Duration = Duration::from_millis(5);
/// Timers fire a little late on any machine.
const NORMAL: Duration = Duration::from_millis(1);
/// A test may have hundreds of threads: they are looked at once in so many ticks.
const TICKS_BETWEEN_LOOKS_AT_OURS: usize = 10;
/// Below this share of the machine, others cannot have been the reason.
const BUSY_SHARE: f64 = 0.2;

/// The threads that take samples, in all scenarios of this process: what they wait for delays nobody.
static SAMPLERS: Mutex<Vec<u32>> = Mutex::new(Vec::new());

pub(crate) struct Meter {
    state: Arc<Mutex<State>>,
    before: (u64, u64),
    own_before: u64,
}

struct State {
    /// How long a thread of a process was kept waiting, by the process.
    delays: Vec<(u32, Sample)>,
    /// By how much a short sleep overslept.
    overslept: Vec<Sample>,
    /// How much of that was not spent in a queue.
    stalled: Vec<Sample>,
    /// Until when there are short sleeps.
    sampled: Instant,
    programs: Vec<Watched>,
    /// Processor time of programs that have exited.
    gone_ticks: u64,
    ours: Watched,
}

/// So much was lost somewhere in this span of time.
#[derive(Clone, Copy)]
struct Sample {
    from: Instant,
    to: Instant,
    late: Duration,
}

/// A process of which the waits are watched.
struct Watched {
    pid: u32,
    since: Instant,
    delays: HashMap<u32, Duration>,
    ticks: u64,
}

impl Watched {
    fn new(pid: u32) -> Self {
        Self { pid, since: Instant::now(), delays: HashMap::new(), ticks: 0 }
    }

    /// The longest that one thread has been kept waiting since the last look.
    fn look(&mut self) -> Sample {
        let samplers = SAMPLERS.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut late = Duration::ZERO;
        for (thread, delay) in proc::run_delays(self.pid) {
            let before = self.delays.insert(thread, delay).unwrap_or_default();
            if !samplers.contains(&thread) {
                late = late.max(delay.saturating_sub(before));
            }
        }
        self.ticks = self.ticks.max(proc::ticks(self.pid));
        let (from, to) = (self.since, Instant::now());
        self.since = to;
        Sample { from, to, late }
    }
}

impl State {
    fn look_at_programs(&mut self) {
        let looks = self.programs.iter_mut().map(|program| (program.pid, program.look()));
        self.delays.extend(looks.filter(|(_, sample)| !sample.late.is_zero()));
    }

    fn look_at_ours(&mut self) {
        self.delays.push((self.ours.pid, self.ours.look()));
    }

    fn late(&self, from: Instant, to: Instant) -> Duration {
        let touches = |sample: &Sample| sample.to >= from && sample.from <= to;
        let mut programs: HashMap<u32, Duration> = HashMap::new();
        let mut ours = Duration::ZERO;
        for (pid, sample) in self.delays.iter().filter(|(_, sample)| touches(sample)) {
            if *pid == self.ours.pid {
                ours += sample.late;
            } else {
                *programs.entry(*pid).or_default() += sample.late;
            }
        }
        let program = programs.into_values().max().unwrap_or_default();
        let stalled: Duration = self.stalled.iter().filter(|s| touches(s)).map(|s| s.late).sum();
        let overslept = self.overslept.iter().filter(|s| touches(s)).map(|s| s.late).max();
        // The thread that takes the samples may itself be late just now.
        let overdue = to.saturating_duration_since(self.sampled).saturating_sub(TICK + NORMAL);
        program + ours + stalled + 2 * overslept.unwrap_or_default() + overdue
    }
}

impl Meter {
    pub(crate) fn start() -> Self {
        let mut ours = Watched::new(std::process::id());
        ours.look();
        let state = State {
            delays: Vec::new(),
            overslept: Vec::new(),
            stalled: Vec::new(),
            sampled: Instant::now(),
            programs: Vec::new(),
            gone_ticks: 0,
            ours,
        };
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

    /// Takes a last look at a program that has exited and has not been waited for: then its number may
    /// be somebody else's.
    pub(crate) fn exited(&self, pid: u32) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = state.programs.iter().position(|program| program.pid == pid) {
            let mut program = state.programs.swap_remove(index);
            state.delays.push((pid, program.look()));
            state.gone_ticks += program.ticks;
        }
    }

    /// By how much the machine may have delayed what lies between these moments; zero if nobody else
    /// kept it busy.
    pub(crate) fn late(&self, from: Instant, to: Instant) -> Duration {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.look_at_programs();
        state.look_at_ours();
        let (busy, all) = proc::machine_ticks();
        let others = busy.saturating_sub(self.before.0).saturating_sub(self.own_ticks(&state));
        let share = others as f64 / (all.saturating_sub(self.before.1)).max(1) as f64;
        if share < BUSY_SHARE { Duration::ZERO } else { state.late(from, to) }
    }

    /// Whether the machine may be to blame that something was not over after so long: for half of that
    /// time one thread stood ready and was not run, or nothing was.
    ///
    /// What has had the processor itself for a tenth of the time has no such excuse. An endless loop
    /// keeps the machine busy, and waits for it.
    pub(crate) fn starved(&self, after: Duration) -> Option<Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.look_at_programs();
        state.look_at_ours();
        let used = Duration::from_millis(10) * u32::try_from(self.own_ticks(&state)).unwrap_or(u32::MAX);
        // Not the sum over threads: of a hundred that sleep, one has always just woken up.
        let samplers = SAMPLERS.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let ours = state.ours.delays.iter().filter(|(thread, _)| !samplers.contains(thread));
        let threads = ours.chain(state.programs.iter().flat_map(|program| &program.delays));
        let waited = threads.map(|(_, delay)| *delay).max().unwrap_or_default();
        let stalled: Duration = state.stalled.iter().map(|sample| sample.late).sum();
        let late = waited.max(stalled);
        (late >= after / 2 && used < after / 10).then_some(late)
    }

    fn own_ticks(&self, state: &State) -> u64 {
        let programs: u64 = state.programs.iter().map(|program| program.ticks).sum();
        state.ours.ticks.saturating_sub(self.own_before) + programs + state.gone_ticks
    }
}

fn sample(state: &Weak<Mutex<State>>) {
    let thread = gettid().as_raw().cast_unsigned();
    SAMPLERS.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
    let mut queued = proc::run_delay_of_this_thread();
    for tick in 1.. {
        let from = Instant::now();
        thread::sleep(TICK);
        let to = Instant::now();
        let Some(state) = state.upgrade() else { break };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let queued_before = std::mem::replace(&mut queued, proc::run_delay_of_this_thread());
        let late = (to - from).saturating_sub(TICK + NORMAL);
        if !late.is_zero() {
            state.overslept.push(Sample { from, to, late });
            let late = late.saturating_sub(queued.saturating_sub(queued_before));
            state.stalled.push(Sample { from, to, late });
        }
        state.sampled = to;
        state.look_at_programs();
        if tick % TICKS_BETWEEN_LOOKS_AT_OURS == 0 {
            state.look_at_ours();
        }
    }
    SAMPLERS.lock().unwrap_or_else(PoisonError::into_inner).retain(|&sampler| sampler != thread);
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn counts_what_lies_between_the_moments_and_keeps_programs_apart() {
        let zero = Instant::now();
        let sample = |from: u64, to: u64, late: u64| Sample {
            from: zero + ms(from),
            to: zero + ms(to),
            late: ms(late),
        };
        let state = State {
            delays: vec![
                (1, sample(0, 50, 40)),
                (1, sample(100, 150, 30)),
                (2, sample(100, 150, 20)),
                (2, sample(150, 200, 20)),
                (99, sample(100, 150, 5)),
            ],
            overslept: vec![sample(0, 50, 30), sample(100, 110, 4), sample(120, 130, 3)],
            stalled: vec![sample(120, 130, 2)],
            sampled: zero + ms(300),
            programs: Vec::new(),
            gone_ticks: 0,
            ours: Watched { pid: 99, since: zero, delays: HashMap::new(), ticks: 0 },
        };
        // Program 2 waited 40 ms, longer than program 1; we 5 ms; 2 ms stood still; 2 times 4 ms.
        assert_eq!(state.late(zero + ms(100), zero + ms(300)), ms(55));
        assert_eq!(state.late(zero + ms(250), zero + ms(300)), ms(0));
        assert_eq!(state.late(zero + ms(250), zero + ms(316)), ms(10), "no sample for 16 ms");
    }
}
