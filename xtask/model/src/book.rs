//! What has happened so far, as it is seen from outside of the pool.

use std::fmt::{self, Display};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use drain_kit::DrainReport;
use tokio::task;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::job::Work;
use crate::promise::{Broken, Kept};
use crate::script::Hook;
use crate::{AT_ONCE, Brief, Outcome, TICK};

/// What has happened so far. All times are those of the paused clock.
pub struct Book {
    pub(crate) brief: &'static dyn Brief,
    /// How many jobs may run at once.
    pub workers: usize,
    /// How many jobs the pool may hold, running or waiting.
    pub places: usize,
    /// One for each call of `submit`, those inside of jobs included.
    pub jobs: Vec<Job>,
    /// One for each call of `on_drain`.
    pub hooks: Vec<Added>,
    /// How many accepted jobs were not done when the first hook was called.
    pub held_at_hooks: Option<usize>,
    /// One for each call of `drain`.
    pub calls: Vec<Call>,
    /// From the first poll of a call on.
    pub drain: Option<Drain>,
    /// How many tasks there are.
    pub tasks: usize,
    /// The lines of the drain on stderr; `None` where stderr is not this test's own.
    pub report: Option<Vec<String>>,
    /// The pool was dropped: its jobs go on.
    pub dropped: bool,
    pub(crate) start: Instant,
    /// Most scripts are fine, and their steps are told to nobody.
    pub(crate) told: bool,
    pub(crate) steps: Vec<(String, String)>,
    pub(crate) broken: Option<Broken>,
    pub(crate) last_event: Instant,
    /// How many jobs were accepted whose `submit` was served before the drain and looked at after it.
    pub(crate) late: usize,
    /// The script is over: what is dropped now is no part of it.
    pub(crate) over: bool,
}

/// A call of `submit`, and its job.
pub struct Job {
    /// What has become of the call.
    pub submit: Submit,
    /// What has become of the job.
    pub run: Run,
    /// What the job does.
    pub work: Work,
    /// When it saw that its token was cancelled.
    pub saw: Option<Instant>,
    /// The token that the pool gave it.
    pub token: Option<CancellationToken>,
    /// Nobody polls its `submit`, though it is woken.
    pub neglected: bool,
    /// At rest it was waiting for its turn: there was no worker for it.
    pub queued: bool,
    /// It was begun, whatever came then.
    pub begun: bool,
    /// The job, or its future, has not been dropped.
    pub alive: bool,
    /// It has panicked, and what it has panicked with has not been dropped.
    pub thrown: bool,
    pub(crate) task: Option<task::Id>,
    pub(crate) before_drain: bool,
    pub(crate) told: bool,
    pub(crate) waker: Option<Waker>,
}

/// What has become of a call of `submit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submit {
    /// It has not returned.
    Waits,
    /// `Ok(())`.
    Accepted,
    /// `Err(Closed)`.
    Refused,
    /// It was dropped.
    GivenUp,
}

/// What has become of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// It has not begun.
    Not,
    /// It has begun.
    Running,
    /// It came to its end, or has panicked.
    Ended(Instant),
    /// It was dropped before that.
    Cut(Instant),
}

/// A hook.
pub struct Added {
    /// What the hook does.
    pub hook: Hook,
    /// `Ok(())` or `Err(Closed)`; `None` while `on_drain` has not returned.
    pub added: Option<bool>,
    /// It has been called.
    pub called: bool,
}

/// A call of `drain`.
pub struct Call {
    /// What it was called with.
    pub deadline: Instant,
    /// When it was first polled.
    pub polled: Option<Instant>,
    /// When it returned, and what.
    pub returned: Option<(Instant, Outcome)>,
    /// It was dropped before it returned.
    pub dropped: bool,
    /// Nobody polls it, though it is woken.
    pub neglected: bool,
    /// It is, or was, neglected: it may return later than the pool could have told it.
    pub was_neglected: bool,
}

/// The drain that has begun.
#[derive(Clone, Copy)]
pub struct Drain {
    /// The first poll of a call.
    pub begun: Instant,
    /// The deadline of that call.
    pub deadline: Instant,
    /// That poll was made to yield, or met somebody who was: it may or may not have begun.
    pub unsure: bool,
    /// How many places there were then.
    pub free: usize,
    pub(crate) real: std::time::Instant,
}

impl Drain {
    /// The deadline, or the beginning if it was over by then.
    pub fn due(&self) -> Instant {
        self.deadline.max(self.begun)
    }
}

impl Call {
    /// Somebody waits for it.
    pub fn waits(&self) -> bool {
        self.polled.is_some() && self.returned.is_none() && !self.dropped && !self.neglected
    }
}

impl Job {
    fn new(work: Work, before_drain: bool) -> Self {
        Self {
            submit: Submit::Waits,
            run: Run::Not,
            work,
            saw: None,
            token: None,
            neglected: false,
            queued: false,
            begun: false,
            alive: true,
            thrown: false,
            task: None,
            before_drain,
            told: false,
            waker: None,
        }
    }

    /// It was accepted and is not done.
    pub fn held(&self) -> bool {
        self.submit == Submit::Accepted && matches!(self.run, Run::Not | Run::Running)
    }

    /// When an accepted job came to its end.
    pub fn ended(&self) -> Option<Instant> {
        match self.run {
            Run::Ended(at) if self.submit == Submit::Accepted => Some(at),
            _ => None,
        }
    }
}

impl Book {
    /// Now, on the paused clock.
    pub fn now(&self) -> Instant {
        Instant::now()
    }

    /// How many accepted jobs are not done.
    pub fn held(&self) -> usize {
        self.jobs.iter().filter(|job| job.held()).count()
    }

    /// How many jobs were accepted.
    pub fn accepted(&self) -> usize {
        self.jobs.iter().filter(|job| job.submit == Submit::Accepted).count()
    }

    /// The jobs that run.
    pub fn running(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.jobs.len()).filter(|&number| self.jobs[number].run == Run::Running)
    }

    /// The calls of `submit` that have not returned.
    pub fn waiting(&self) -> Vec<usize> {
        (0..self.jobs.len()).filter(|&number| self.jobs[number].submit == Submit::Waits).collect()
    }

    /// Those of them that somebody polls when they are woken.
    pub fn attended(&self) -> Vec<usize> {
        self.waiting().into_iter().filter(|&number| !self.jobs[number].neglected).collect()
    }

    /// When the last of the accepted jobs that are done came to its end.
    pub fn last_end(&self) -> Option<Instant> {
        self.jobs.iter().filter_map(Job::ended).max()
    }

    /// How many accepted jobs were not done at a moment that has passed: at least, and at most. An end in
    /// the same millisecond may go either way, and a `submit` that has not been looked at since it may have
    /// been accepted.
    pub fn left_at(&self, moment: Instant) -> (usize, usize) {
        let ends = |job: &Job| job.ended().or_else(|| matches!(job.run, Run::Cut(_)).then_some(moment));
        let accepted = || self.jobs.iter().filter(|job| job.submit == Submit::Accepted);
        let least = accepted().filter(|job| ends(job).is_none_or(|end| end > moment + TICK)).count();
        let most = accepted().filter(|job| ends(job).is_none_or(|end| end + TICK > moment)).count();
        (least, most + self.waiting().len())
    }

    /// Whether the deadline of the drain has come.
    pub fn is_due(&self) -> bool {
        self.drain.is_some_and(|drain| drain.due() <= self.now())
    }

    /// The time of the script, in milliseconds.
    pub fn at(&self, moment: Instant) -> String {
        let time = match moment.checked_duration_since(self.start) {
            Some(after) => millis(after),
            None => -millis(self.start - moment),
        };
        format!("{time} ms")
    }

    /// The line of the drain, if there is one and no more; `None` where stderr is not this test's own.
    pub fn line(&self) -> Result<Option<DrainReport>, Broken> {
        const PROMISE: &str = "the drain writes one line to stderr";
        let Some(report) = &self.report else { return Ok(None) };
        let expected = "one line `drain outcome=... duration=... abandoned=...` on stderr";
        match report.as_slice() {
            [line] => match DrainReport::parse(line) {
                Some(report) => Ok(Some(report)),
                None => Err(Broken::new(PROMISE, expected, format!("`{line}`"))),
            },
            lines => Err(Broken::new(PROMISE, expected, format!("{} such lines", lines.len()))),
        }
    }

    /// How long the drain has taken by now, on the clock that is the later one.
    pub fn took_at_most(&self) -> Duration {
        self.drain
            .map_or(Duration::ZERO, |drain| (self.now() - drain.begun).max(drain.real.elapsed()) + AT_ONCE)
    }

    pub(crate) fn judge(&mut self, kept: Kept) {
        if let Err(broken) = kept
            && self.broken.is_none()
            && !self.over
        {
            self.broken = Some(broken);
        }
    }

    pub(crate) fn tell(&mut self, who: impl Display, what: impl Display) {
        if self.told && self.broken.is_none() && !self.over {
            self.steps.push((who.to_string(), what.to_string()));
        }
    }

    pub(crate) fn event(&mut self) {
        self.last_event = Instant::now();
    }
}

/// To the microsecond.
pub(crate) fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// `job 1` is the one with the number 0.
pub(crate) struct Name(pub(crate) &'static str, pub(crate) usize);

impl Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.1 + 1)
    }
}

/// The book, for the jobs too.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<Book>>);

impl Shared {
    pub(crate) fn new(brief: &'static dyn Brief, workers: usize, queue: usize) -> Self {
        let now = Instant::now();
        Self(Arc::new(Mutex::new(Book {
            brief,
            workers,
            places: workers + queue,
            jobs: Vec::new(),
            hooks: Vec::new(),
            held_at_hooks: None,
            calls: Vec::new(),
            drain: None,
            tasks: 0,
            report: None,
            dropped: false,
            start: now,
            told: false,
            steps: Vec::new(),
            broken: None,
            last_event: now,
            late: 0,
            over: false,
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call of `submit` that is about to be made.
    pub(crate) fn enter(&self, work: Work) -> usize {
        let mut book = self.lock();
        let before_drain = book.drain.is_none_or(|drain| drain.unsure);
        book.jobs.push(Job::new(work, before_drain));
        book.jobs.len() - 1
    }

    /// A new job in the place of one that is over: a long book would be taken for a pool that grows.
    pub(crate) fn renew(&self, number: usize, work: Work) {
        let jobs = &mut self.lock().jobs;
        match jobs.get_mut(number) {
            Some(job) => *job = Job::new(work, true),
            None => jobs.push(Job::new(work, true)),
        }
    }

    /// `submit` has returned.
    pub(crate) fn submitted(&self, number: usize, accepted: bool) {
        let mut book = self.lock();
        book.event();
        let (submit, word) =
            if accepted { (Submit::Accepted, "Ok(()): accepted") } else { (Submit::Refused, "Err(Closed)") };
        book.tell(Name("submit", number), word);
        book.jobs[number].submit = submit;
        if accepted && book.drain.is_some_and(|drain| !drain.unsure) {
            book.late += 1;
        }
        let brief = book.brief;
        let kept = if accepted { brief.accepted(&book, number) } else { brief.refused(&book, number) };
        book.judge(kept);
    }
}
