//! Was the machine itself late?
//!
//! An upper bound on time can be missed by a program that is right, on a machine that is busy with
//! something else. The meter answers how late the machine may have made something that lies between two
//! moments. If that is as much as what was too much, a missed bound is "unknown" and not red.
//!
//! # What is excused
//!
//! Of each process, only the time in which a thread of it *stood ready to run and was not run*. A thread
//! that sleeps, or waits for a lock or an answer, is late by itself, however busy the machine is. The
//! answer is the sum of
//!
//! - what the program under test waited; of several, the one that waited longest. Twenty programs that
//!   were each a little late do not add up to one that was very late;
//! - what the test waited, which sends the signal and reads the answer;
//! - by how much short sleeps overslept without standing in a queue: the whole machine stood still;
//! - the longest that one short sleep overslept: so long may a thread have waited that began and ended
//!   while nobody looked.
//!
//! What was late before the moments in question, or after, excuses nothing.
//!
//! # How a wait is seen
//!
//! The kernel counts for each thread how long it has waited (`/proc/PID/task/*/schedstat`). It does so
//! only once the wait is over, and forgets it when the thread ends; and looks may be far apart, for
//! whoever looks is kept waiting too. So
//!
//! - a thread that was ready at one look, and has not run at the next, has waited in between;
//! - one that is gone at the next look may have waited until then. Our own threads say it themselves;
//! - of threads that waited in the same gap, one may have waited for the other, so their waits add up,
//!   as far as there was time for it;
//! - threads of one process wait for each other, too. So what they ran in the gap is taken off: a program
//!   with too much to do has no excuse.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::gettid;

use crate::proc::{self, Schedule};

const TICK: Duration = Duration::from_millis(5);
/// Timers fire a little late on any machine.
const NORMAL: Duration = Duration::from_millis(1);
/// A test may have hundreds of threads: they are looked at once in so many ticks.
const TICKS_BETWEEN_LOOKS_AT_OURS: usize = 10;

/// The threads that take samples, in all scenarios of this process: what they wait for delays nobody.
static SAMPLERS: Mutex<Vec<u32>> = Mutex::new(Vec::new());

pub(crate) struct Meter {
    state: Arc<Mutex<State>>,
    /// Processor time of the test process before.
    ticks_before: u64,
}

struct State {
    /// How long a process was kept waiting, by its number.
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
    threads: HashMap<u32, Thread>,
}

/// What is known of a thread.
#[derive(Default)]
struct Thread {
    last: Schedule,
    /// Since when it has been seen ready, and has not been run.
    ready_since: Option<Instant>,
    /// Of its waits, what has been counted.
    counted: Duration,
    /// All that it has waited, if it has said so as the last thing that it did.
    in_the_end: Option<Duration>,
}

impl Thread {
    /// How long it has waited that has not been counted yet.
    fn look(&mut self, now: Instant, schedule: Schedule) -> Duration {
        let stands = schedule.ready && schedule == self.last;
        self.ready_since = schedule.ready.then(|| self.ready_since.filter(|_| stands).unwrap_or(now));
        self.last = schedule;
        let waits_still = self.ready_since.map_or(Duration::ZERO, |since| now - since);
        self.count(schedule.delay + waits_still)
    }

    fn count(&mut self, waited: Duration) -> Duration {
        let more = waited.saturating_sub(self.counted);
        self.counted += more;
        more
    }
}

impl Watched {
    fn new(pid: u32) -> Self {
        Self { pid, since: Instant::now(), threads: HashMap::new() }
    }

    /// How long the process has been kept waiting since the last look.
    fn look(&mut self) -> Sample {
        self.see(Instant::now(), &proc::schedules(self.pid))
    }

    fn see(&mut self, now: Instant, schedules: &[(u32, Schedule)]) -> Sample {
        let (from, to) = (self.since, now);
        let mut gone = std::mem::take(&mut self.threads);
        let mut waits = Vec::new();
        let mut ran = Duration::ZERO;
        for &(number, schedule) in schedules {
            let mut thread = gone.remove(&number).unwrap_or_default();
            ran += schedule.ran.saturating_sub(thread.last.ran);
            waits.push(thread.look(now, schedule));
            self.threads.insert(number, thread);
        }
        for mut thread in gone.into_values() {
            waits.push(match thread.in_the_end {
                Some(waited) => thread.count(waited),
                None => to - from,
            });
        }
        self.since = to;
        Sample { from, to, late: together(&waits, to - from).saturating_sub(ran) }
    }
}

/// The time that these waits, which ended in a span of this length, have taken together: one after the
/// other as far as there was time for that, else side by side.
fn together(waits: &[Duration], span: Duration) -> Duration {
    let longest = waits.iter().max().copied().unwrap_or_default();
    waits.iter().sum::<Duration>().min(longest.max(span))
}

impl State {
    fn look_at_programs(&mut self) {
        let looks = self.programs.iter_mut().map(|program| (program.pid, program.look()));
        self.delays.extend(looks.filter(|(_, sample)| !sample.late.is_zero()));
    }

    fn look_at_ours(&mut self) {
        let mut schedules = proc::schedules(self.ours.pid);
        let samplers = SAMPLERS.lock().unwrap_or_else(PoisonError::into_inner);
        schedules.retain(|(thread, _)| !samplers.contains(thread));
        self.delays.push((self.ours.pid, self.ours.see(Instant::now(), &schedules)));
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
        let late = program + ours + stalled + overslept.unwrap_or_default() + overdue;
        // Program and test may have waited side by side.
        late.min(to - from)
    }
}

impl Meter {
    pub(crate) fn start() -> Self {
        let mut state = State {
            delays: Vec::new(),
            overslept: Vec::new(),
            stalled: Vec::new(),
            sampled: Instant::now(),
            programs: Vec::new(),
            gone_ticks: 0,
            ours: Watched::new(std::process::id()),
        };
        // What our threads have waited before is no part of this.
        state.look_at_ours();
        state.delays.clear();
        let state = Arc::new(Mutex::new(state));
        let weak = Arc::downgrade(&state);
        thread::spawn(move || sample(&weak));
        Self { state, ticks_before: proc::ticks(std::process::id()) }
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
            state.gone_ticks += proc::ticks(pid);
        }
    }

    /// Called by a thread of the test as the last thing that it does.
    pub(crate) fn thread_ends(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let thread = state.ours.threads.entry(gettid().as_raw().cast_unsigned()).or_default();
        thread.in_the_end = Some(proc::run_delay_of_this_thread());
    }

    /// By how much the machine may have delayed what lies between these moments.
    pub(crate) fn late(&self, from: Instant, to: Instant) -> Duration {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.look_at_programs();
        state.look_at_ours();
        state.late(from, to)
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
        let watched = state.programs.iter().chain([&state.ours]);
        let threads = watched.flat_map(|watched| watched.threads.values());
        let waited = threads.map(|thread| thread.counted).max().unwrap_or_default();
        let stalled: Duration = state.stalled.iter().map(|sample| sample.late).sum();
        let late = waited.max(stalled);
        (late >= after / 2 && used < after / 10).then_some(late)
    }

    fn own_ticks(&self, state: &State) -> u64 {
        let running: u64 = state.programs.iter().map(|program| proc::ticks(program.pid)).sum();
        proc::ticks(state.ours.pid).saturating_sub(self.ticks_before) + running + state.gone_ticks
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

    /// What the scheduler says of a thread that has run and waited so many milliseconds.
    const fn thread(number: u32, ran: u64, delay: u64, ready: bool) -> (u32, Schedule) {
        (number, Schedule { ran: ms(ran), delay: ms(delay), ready })
    }

    /// How late a process was made between looks that are so many milliseconds apart.
    fn looks(apart: u64, schedules: &[&[(u32, Schedule)]]) -> Vec<Duration> {
        let mut process = Watched::new(1);
        let mut now = process.since;
        let looks = schedules.iter().map(|schedules| {
            now += ms(apart);
            process.see(now, schedules).late
        });
        looks.collect()
    }

    #[test]
    fn sleep_is_no_excuse() {
        assert_eq!(looks(5, &[&[thread(1, 0, 3, false)], &[thread(1, 0, 3, false)]]), [ms(3), ms(0)]);
    }

    #[test]
    fn a_wait_counts_while_it_lasts_and_once() {
        let seen = looks(
            50,
            &[
                &[thread(1, 7, 0, false)],
                &[thread(1, 7, 0, true)],
                &[thread(1, 7, 0, true)],
                &[thread(1, 7, 60, true)],
            ],
        );
        assert_eq!(seen, [ms(0), ms(0), ms(50), ms(10)]);
    }

    #[test]
    fn one_thread_may_have_waited_for_the_other() {
        let both = [thread(1, 0, 30, false), thread(2, 0, 40, false)];
        assert_eq!(looks(100, &[&both]), [ms(70)], "one after the other");
        assert_eq!(looks(5, &[&both]), [ms(40)], "there was no time for that");
    }

    #[test]
    fn a_thread_that_is_gone_may_have_waited_until_then() {
        assert_eq!(looks(300, &[&[thread(1, 0, 0, false)], &[]]), [ms(0), ms(300)]);
    }

    #[test]
    fn a_thread_of_ours_says_itself_what_it_has_waited() {
        let mut ours = Watched::new(1);
        ours.see(ours.since + ms(50), &[thread(1, 0, 20, false)]);
        ours.threads.entry(1).or_default().in_the_end = Some(ms(25));
        let at_its_end = [thread(1, 0, 24, true)];
        assert_eq!(ours.see(ours.since + ms(50), &at_its_end).late, ms(4));
        assert_eq!(ours.see(ours.since + ms(50), &[]).late, ms(1));
    }

    #[test]
    fn threads_that_wait_for_each_other_have_no_excuse() {
        let crowd: Vec<_> = (1..=8).map(|number| thread(number, 10, 70, true)).collect();
        assert_eq!(looks(40, &[&crowd]), [ms(0)], "two processors, 80 ms of work in 40 ms");
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
            ours: Watched { pid: 99, since: zero, threads: HashMap::new() },
        };
        // Program 2 waited 40 ms, longer than program 1; we 5 ms; 2 ms stood still; once 4 ms.
        assert_eq!(state.late(zero + ms(100), zero + ms(300)), ms(51));
        assert_eq!(state.late(zero + ms(250), zero + ms(300)), ms(0));
        assert_eq!(state.late(zero + ms(250), zero + ms(316)), ms(10), "no sample for 16 ms");
    }
}
