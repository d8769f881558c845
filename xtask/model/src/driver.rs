//! Plays a script on a runtime of its own, whose clock is paused.

use std::any::Any;
use std::fmt::Display;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use drain_kit::ms;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{consume_budget, coop, yield_now};
use tokio::time::{Instant, sleep_until};

use crate::book::{Added, Call, Drain, Name, Shared, Submit, millis};
use crate::call::{Held, Sleeper};
use crate::job::{Job, Lasts, Work};
use crate::promise::{self, Broken};
use crate::script::{Act, Budget, Deadline, Hook, Script, Step, Then};
use crate::search::Played;
use crate::stderr::Stderr;
use crate::{Brief, Outcome, Pool};

/// A little longer than "at once".
const A_MOMENT: Duration = ms(11);
const FAR: Duration = Duration::from_secs(86_400);
/// What tokio lets a task do before it makes it yield.
const FULL_BUDGET: u8 = 128;
/// At one moment; no right pool needs a tenth of it to come to rest.
const MOST_POLLS: usize = 5_000;

/// Plays the script up to its end, or to the first promise that is broken. If it is to be `told`, its steps are
/// written down.
///
/// # Panics
///
/// With the panic of `Pool::start`, for which there is no script to tell.
pub(crate) fn play(
    brief: &'static dyn Brief,
    script: &Script,
    stderr: &mut Option<Stderr>,
    told: bool,
) -> Played {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = Rc::new(runtime.expect("a runtime"));
    let inside = runtime.enter();
    let book = Shared::new(brief, script.workers, script.queue);
    book.lock().told = told;
    if let Some(stderr) = stderr {
        stderr.news();
        book.lock().report = Some(Vec::new());
    }
    book.lock().tell("pool", format_args!("starts: workers {}, queue {}", script.workers, script.queue));
    let mut driver = Driver {
        runtime: runtime.clone(),
        pool: Some(brief.start(script.workers, script.queue)),
        book: book.clone(),
        submits: Vec::new(),
        hooks: Vec::new(),
        drains: Vec::new(),
        sleeper: Sleeper::default(),
        rested: false,
        stderr,
    };
    let played = catch_unwind(AssertUnwindSafe(|| {
        for &step in &script.steps {
            driver.step(step);
            if driver.is_broken() {
                break;
            }
        }
    }));
    let mut played_book = book.lock();
    if let Err(panic) = played {
        let observed = format!("the code panicked: {}", text_of(&*panic));
        played_book.judge(Err(Broken::new("it does not panic", "the call goes on, or returns", observed)));
    }
    played_book.over = true;
    let played = Played { broken: played_book.broken.clone(), steps: std::mem::take(&mut played_book.steps) };
    drop(played_book);
    // A destructor of the code under test may panic; what it has done before is told already.
    let _ = catch_unwind(AssertUnwindSafe(move || drop(driver)));
    drop(inside);
    let _ = catch_unwind(AssertUnwindSafe(move || drop(runtime)));
    played
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("(no message)")
}

struct Driver<'a> {
    runtime: Rc<Runtime>,
    pool: Option<Arc<dyn Pool>>,
    book: Shared,
    /// The calls that have not returned.
    submits: Vec<Held<bool>>,
    hooks: Vec<Held<bool>>,
    drains: Vec<Held<Outcome>>,
    sleeper: Sleeper,
    /// There was a rest since the drain began.
    rested: bool,
    stderr: &'a mut Option<Stderr>,
}

impl Driver<'_> {
    fn step(&mut self, Step { act, then }: Step) {
        match act {
            Act::Submit(work, budget) => self.submit(work, budget),
            Act::Poll(number, budget) => self.poll(number, budget),
            Act::GiveUp(number) => self.give_up(number),
            Act::End(number) => self.end_one(number),
            Act::EndAll => self.end_all(),
            Act::Fill => self.fill(),
            Act::Call(deadline) => self.call(deadline),
            Act::PollDrain(number, budget) => self.poll_one_drain(number, budget),
            Act::DropDrain(number) => self.drop_drain(number),
            Act::Hook(hook) => self.add_hook(hook),
            Act::DropPool => self.drop_pool(),
            Act::Wait(time) => self.rest(ms(time.into())),
        }
        if self.is_broken() {
            return;
        }
        match then {
            Then::Rest => self.rest(A_MOMENT),
            Then::Tasks => {
                self.tell("clock", "stands still; the tasks run, the calls are not polled");
                self.runtime.clone().block_on(async {
                    for _ in 0..3 {
                        yield_now().await;
                    }
                });
            }
            Then::Nothing => {}
        }
    }

    fn submit(&mut self, work: Work, budget: Budget) {
        let Some(pool) = self.pool.clone() else { return };
        let number = self.book.enter(work);
        if self.book.lock().told
            && let Some(words) = work.words()
        {
            self.tell(Name("job", number), format_args!("is one that {words}"));
        }
        self.tell(Name("submit", number), "is called");
        let job = Job::new(number, work, &self.book, &pool);
        self.submits.push(Held::new(number, &self.sleeper, pool.submit(job)));
        self.poll_submit(self.submits.len() - 1, budget);
    }

    fn poll(&mut self, number: u8, budget: Budget) {
        let woken: Vec<usize> = (0..self.submits.len()).filter(|&at| self.submits[at].woken()).collect();
        let Some(at) = pick(number, &woken) else { return };
        self.tell(Name("submit", self.submits[at].number), "is polled");
        self.poll_submit(at, budget);
    }

    fn poll_submit(&mut self, at: usize, budget: Budget) {
        let number = self.submits[at].number;
        let (polled, yielded) = self.once(budget, |driver| driver.submits[at].poll());
        match polled {
            Poll::Ready(accepted) => {
                drop(self.submits.remove(at));
                self.book.submitted(number, accepted);
            }
            Poll::Pending => self.has_yielded(yielded, Name("submit", number), |driver| {
                let call = &mut driver.submits[at];
                call.yielded = yielded;
                if yielded {
                    call.set_woken();
                }
            }),
        }
    }

    fn has_yielded(&mut self, yielded: bool, who: Name, note: impl FnOnce(&mut Self)) {
        note(self);
        if yielded {
            self.tell(who, "is made to yield at an await");
        }
    }

    fn give_up(&mut self, number: u8) {
        let all: Vec<usize> = (0..self.submits.len()).collect();
        let Some(at) = pick(number, &all) else { return };
        let call = self.submits.remove(at);
        let served =
            if call.woken() { "is dropped: it was woken, and not polled since" } else { "is dropped" };
        self.tell(Name("submit", call.number), served);
        let mut book = self.book.lock();
        book.event();
        let kept = promise::never_begun(&book, call.number, "its submit was dropped");
        book.judge(kept);
        book.jobs[call.number].submit = Submit::GivenUp;
        drop(book);
        drop(call);
    }

    fn end_one(&mut self, number: u8) {
        let book = self.book.lock();
        let waits = |&number: &usize| {
            let job = &book.jobs[number];
            !job.told && job.work.lasts == Lasts::UntilTold
        };
        let running: Vec<usize> = book.running().filter(waits).collect();
        drop(book);
        let Some(number) = pick(number, &running) else { return };
        self.tell(Name("job", number), "may come to its end");
        self.book.lock().event();
        end(&self.book, number);
    }

    fn end_all(&mut self) {
        let book = self.book.lock();
        let untold = (0..book.jobs.len()).filter(|&number| !book.jobs[number].told).count();
        drop(book);
        if untold > 0 {
            self.tell("all jobs", "may come to their end");
            end_all(&self.book);
        }
    }

    fn fill(&mut self) {
        if self.has_begun() || self.pool.is_none() || !self.submits.is_empty() {
            return;
        }
        self.rest(A_MOMENT);
        let free = |driver: &Self| {
            let book = driver.book.lock();
            book.places.saturating_sub(book.held())
        };
        for _ in 0..free(self) {
            self.submit(Work::PLAIN, None);
        }
        self.rest(A_MOMENT);
        self.submit(Work::PLAIN, None);
    }

    fn call(&mut self, deadline: Deadline) {
        let Some(pool) = self.pool.clone() else { return };
        let number = self.book.lock().calls.len();
        if number >= self.book.lock().brief.words().drains {
            return;
        }
        let now = Instant::now();
        let (deadline, words) = match deadline {
            Deadline::Far => (now + FAR, "far away".to_owned()),
            Deadline::Past => (now - ms(3), "3 ms ago".to_owned()),
            Deadline::Now => (now, "now".to_owned()),
            Deadline::Micros(micros) => {
                (now + Duration::from_micros(micros.into()), format!("in {} ms", f64::from(micros) / 1e3))
            }
        };
        self.tell(drain_name(number), format_args!("is called, its deadline is {words}"));
        self.book.lock().calls.push(Call { deadline, polled: None, returned: None, dropped: false });
        let mut call = Held::new(number, &self.sleeper, pool.drain(deadline));
        // This only calls the function: see `called`.
        let polled = call.poll();
        debug_assert!(polled.is_pending(), "`called` is pending once");
        self.drains.push(call);
    }

    fn poll_one_drain(&mut self, number: u8, budget: Budget) {
        let book = self.book.lock();
        // A second call that comes while the first waits for a lock might be the one that begins the drain.
        let unsure = book.drain.is_some_and(|drain| drain.unsure);
        let fresh = |call: &Held<Outcome>| !unsure && book.calls[call.number].polled.is_none();
        let newest =
            self.drains.len().checked_sub(1).filter(|&at| number == u8::MAX && fresh(&self.drains[at]));
        let ready: Vec<usize> =
            (0..self.drains.len()).filter(|&at| self.drains[at].woken() || fresh(&self.drains[at])).collect();
        drop(book);
        let Some(at) = newest.or_else(|| pick(number, &ready)) else { return };
        self.poll_drain(at, budget);
    }

    fn poll_drain(&mut self, at: usize, budget: Budget) {
        let number = self.drains[at].number;
        let begins = !self.has_begun();
        let first = self.book.lock().calls[number].polled.is_none();
        if first {
            self.tell(drain_name(number), "is polled for the first time");
            self.first_poll(number);
        }
        // Which of two calls has begun the drain must be known: only where there is one may it yield.
        let budget = budget.filter(|_| self.book.lock().brief.words().drains == 1);
        let (polled, yielded) = self.once(budget, |driver| driver.drains[at].poll());
        self.look();
        match polled {
            Poll::Pending => {
                let lock_held = self.submits.iter().any(|call| call.yielded);
                self.has_yielded(yielded, drain_name(number), |driver| {
                    if yielded {
                        driver.drains[at].set_woken();
                    }
                    if begins && let Some(drain) = &mut driver.book.lock().drain {
                        drain.unsure = yielded || lock_held;
                    }
                });
            }
            Poll::Ready(outcome) => {
                drop(self.drains.remove(at));
                let mut book = self.book.lock();
                book.event();
                let now = Instant::now();
                if book.told {
                    let at = book.at(now);
                    book.tell(drain_name(number), format_args!("returns {outcome}, at {at}"));
                }
                book.calls[number].returned = Some((now, outcome));
                if let Some(drain) = &mut book.drain {
                    drain.unsure = false;
                }
                let kept = book.brief.returned(&book, number, outcome);
                book.judge(kept);
            }
        }
    }

    fn first_poll(&mut self, number: usize) {
        let mut book = self.book.lock();
        let now = Instant::now();
        book.calls[number].polled = Some(now);
        if book.drain.is_none() {
            let (deadline, free) = (book.calls[number].deadline, book.places.saturating_sub(book.held()));
            let real = std::time::Instant::now();
            book.drain = Some(Drain { begun: now, deadline, unsure: false, free, real });
        }
    }

    fn drop_drain(&mut self, number: u8) {
        // Dropped at once, it may not have begun, if it has to wait for a lock.
        let unsure = self.book.lock().drain.is_some_and(|drain| drain.unsure);
        let one = self.book.lock().brief.words().drains == 1;
        if unsure || (one && !self.rested) {
            return;
        }
        let all: Vec<usize> = (0..self.drains.len()).collect();
        let Some(at) = pick(number, &all) else { return };
        let call = self.drains.remove(at);
        self.tell(drain_name(call.number), "is dropped");
        self.book.lock().calls[call.number].dropped = true;
        self.book.lock().event();
        drop(call);
    }

    fn add_hook(&mut self, hook: Hook) {
        let Some(pool) = self.pool.clone() else { return };
        // Two that wait might be added in any order.
        if !self.hooks.is_empty() {
            return;
        }
        let number = self.book.lock().hooks.len();
        self.book.lock().hooks.push(Added { hook, added: None, called: false });
        let does = match hook {
            Hook::Plain => "",
            Hook::Panics => ", which panics,",
            Hook::EndsJobs => ", which lets all jobs end,",
        };
        self.tell(hook_name(number), format!("{does} is added").trim_start_matches([',', ' ']));
        let book = self.book.clone();
        let call = pool.on_drain(Box::new(move || call_hook(&book, number)));
        self.hooks.push(Held::new(number, &self.sleeper, call));
        self.poll_hooks();
    }

    fn poll_hooks(&mut self) {
        let mut calls = std::mem::take(&mut self.hooks);
        calls.retain_mut(|call| match call.poll() {
            Poll::Pending => true,
            Poll::Ready(added) => {
                let mut book = self.book.lock();
                book.event();
                book.tell(hook_name(call.number), if added { "Ok(()): added" } else { "Err(Closed)" });
                book.hooks[call.number].added = Some(added);
                let begun = book.drain.is_some_and(|drain| !drain.unsure);
                let what = "once the drain has begun, `on_drain` returns `Err(Closed)`";
                let (expected, observed) = if added {
                    ("Err(Closed): the drain has begun", "Ok(())")
                } else {
                    ("Ok(()): no drain has begun", "Err(Closed)")
                };
                let holds = if added { !begun } else { book.drain.is_some() };
                let kept = promise::promise(holds, what, expected, observed);
                book.judge(kept);
                false
            }
        });
        self.hooks = calls;
    }

    fn drop_pool(&mut self) {
        let calls = self.submits.is_empty() && self.hooks.is_empty() && self.drains.is_empty();
        // Another handle to the pool is with a job that is to submit.
        if !calls || self.book.lock().jobs.iter().any(|job| job.work.submits) {
            return;
        }
        let Some(pool) = self.pool.take() else { return };
        self.tell("pool", "is dropped");
        let mut book = self.book.lock();
        book.dropped = true;
        book.event();
        drop(book);
        drop(pool);
    }

    /// Does something while no task runs; with a budget, as one poll of a task that has as much left.
    ///
    /// Outside of a task, wakers that tokio defers to the end of a poll are woken at once. Inside, they
    /// would be lost: then whoever has yielded counts as woken.
    fn once<T>(&mut self, budget: Budget, f: impl FnOnce(&mut Self) -> T) -> (T, bool) {
        let Some(left) = budget else { return (f(self), false) };
        self.runtime.clone().block_on(async {
            for _ in 0..FULL_BUDGET - left {
                consume_budget().await;
            }
            let done = f(self);
            (done, !coop::has_budget_remaining())
        })
    }

    /// Time passes, and everybody who is woken is polled, until nothing has happened for a moment.
    fn rest(&mut self, at_least: Duration) {
        let begun = Instant::now();
        let mut until = begun + at_least.max(A_MOMENT);
        let mut polls = (begun, 0);
        loop {
            if self.wait_until(until) {
                let now = Instant::now();
                polls = (now, if now == polls.0 { polls.1 + 1 } else { 0 });
                if polls.1 > MOST_POLLS {
                    let expected = "a call that waits";
                    let broken = Broken::new("it comes to rest", expected, "it is woken again and again");
                    return self.book.lock().judge(Err(broken));
                }
                self.poll_woken();
                if self.is_broken() {
                    return;
                }
                continue;
            }
            let calm = self.calm();
            if calm <= Instant::now() {
                break;
            }
            until = calm;
        }
        let passed = millis(Instant::now() - begun);
        self.tell("clock", format_args!("has gone on by {passed} ms, and all is at rest"));
        self.rested = self.has_begun();
        self.judge_rest();
    }

    /// Waits until somebody is woken, which it says, or until this moment.
    fn wait_until(&mut self, until: Instant) -> bool {
        let runtime = self.runtime.clone();
        let woken = runtime.block_on(async {
            let mut timer = pin!(sleep_until(until));
            poll_fn(|context| {
                self.sleeper.set(Some(context.waker().clone()));
                if self.is_woken() {
                    return Poll::Ready(true);
                }
                timer.as_mut().poll(context).map(|()| false)
            })
            .await
        });
        self.sleeper.set(None);
        woken
    }

    fn is_woken(&self) -> bool {
        self.submits.iter().any(Held::woken)
            || self.hooks.iter().any(Held::woken)
            || self.drains.iter().any(|call| self.is_ready(call))
    }

    /// A call that nobody has polled yet is not polled by the passing of time.
    fn is_ready(&self, call: &Held<Outcome>) -> bool {
        call.woken() && self.book.lock().calls[call.number].polled.is_some()
    }

    /// The drains come last, so that they meet what they have to wait for.
    fn poll_woken(&mut self) {
        for at in (0..self.submits.len()).rev() {
            if self.submits[at].woken() {
                self.poll_submit(at, None);
            }
        }
        if self.hooks.iter().any(Held::woken) {
            self.poll_hooks();
        }
        for at in (0..self.drains.len()).rev() {
            if self.is_ready(&self.drains[at]) {
                self.poll_drain(at, None);
            }
        }
    }

    /// From when on all is as the model says.
    fn calm(&self) -> Instant {
        let book = self.book.lock();
        let now = Instant::now();
        let waits = book.calls.iter().filter(|call| call.waits()).map(|call| call.deadline);
        let deadlines =
            waits.chain(book.drain.map(|drain| drain.deadline)).filter(|deadline| *deadline <= now);
        deadlines.max().map_or(book.last_event, |deadline| deadline.max(book.last_event)) + A_MOMENT
    }

    fn judge_rest(&mut self) {
        self.look();
        let mut book = self.book.lock();
        if let Some(drain) = &mut book.drain {
            drain.unsure = false;
        }
        let (running, workers) = (book.running().count(), book.workers);
        for job in book.jobs.iter_mut().filter(|job| job.held()) {
            job.queued = running >= workers && !job.begun;
        }
        let kept = book.brief.at_rest(&book);
        book.judge(kept);
    }

    /// What is seen from outside at any moment.
    fn look(&mut self) {
        let mut book = self.book.lock();
        book.tasks = self.runtime.metrics().num_alive_tasks();
        if let (Some(stderr), Some(report)) = (self.stderr.as_mut(), &mut book.report) {
            let news = stderr.news();
            report.extend(news.lines().filter(|line| line.contains("drain outcome=")).map(str::to_owned));
        }
    }

    fn tell(&self, who: impl Display, what: impl Display) {
        self.book.lock().tell(who, what);
    }

    fn has_begun(&self) -> bool {
        self.book.lock().drain.is_some()
    }

    fn is_broken(&self) -> bool {
        self.book.lock().broken.is_some()
    }
}

fn pick(number: u8, of: &[usize]) -> Option<usize> {
    (!of.is_empty()).then(|| of[usize::from(number) % of.len()])
}

fn drain_name(number: usize) -> Name {
    Name("drain", number)
}

fn hook_name(number: usize) -> Name {
    Name("hook", number)
}

fn end(book: &Shared, number: usize) {
    let mut entries = book.lock();
    let job = &mut entries.jobs[number];
    job.told = true;
    let waker = job.waker.take();
    drop(entries);
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn end_all(book: &Shared) {
    book.lock().event();
    let jobs = book.lock().jobs.len();
    for number in 0..jobs {
        end(book, number);
    }
}

fn call_hook(book: &Shared, number: usize) {
    let mut entries = book.lock();
    entries.event();
    entries.tell(hook_name(number), "is called");
    let kept = entries.brief.hook(&entries, number);
    entries.judge(kept);
    entries.hooks[number].called = true;
    let held = entries.held();
    entries.held_at_hooks.get_or_insert(held);
    let hook = entries.hooks[number].hook;
    drop(entries);
    match hook {
        Hook::Plain => {}
        Hook::Panics => resume_unwind(Box::new("a hook that panics")),
        Hook::EndsJobs => end_all(book),
    }
}
