//! Random scripts against a small model of the brief: what is done, and how a script is drawn, played and shrunk.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use drain_kit::{Scenario, ms};
use drain_model::promise::Broken;
use drain_model::{Dice, Played, search, shrink_steps};
use task_12::Lifecycle;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, sleep, sleep_until};

use crate::book::Shared;
use crate::parts::{Does, Part};

/// A little longer than "at once".
const A_MOMENT: Duration = ms(11);
const FAR: Duration = Duration::from_secs(86_400);
const MOST_STEPS: usize = 16;

/// One thing that is done. A number picks one of those with which it can be done.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    Register {
        start: Does,
        drain: Does,
    },
    /// Registers another component with the name of one that is there.
    Twin(u8),
    Start,
    /// Calls `start`, polls it once, and keeps it.
    KeepStart,
    DropStart(u8),
    /// Calls `drain`, with so many milliseconds until its deadline.
    Drain(Option<i32>),
    DropDrain(u8),
    Wait(u8),
}

/// What happens before the next step.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    /// Time passes until nothing happens any more.
    Rest,
    /// The tasks run, and no time passes.
    Tasks,
    Nothing,
}

type Step = (Act, Then);

/// Fails `scenario` with the shortest script that breaks a promise.
pub(crate) fn check(scenario: &Scenario) {
    let found = search(
        scenario,
        draw,
        |steps, fails| shrink_steps(steps, simpler, fails),
        |steps, told| play(steps, told),
    );
    if let Some(race) = found {
        scenario.scripted(&race);
    }
}

fn draw(seed: u64) -> Vec<Step> {
    let mut dice = Dice::new(seed);
    let opening = dice.below(4);
    let mut steps: Vec<Step> = (0..opening).map(|_| (register(&mut dice), Then::Nothing)).collect();
    if opening > 0 && dice.chance(60) {
        steps.push((Act::Start, then(&mut dice)));
    }
    for _ in 0..4 + dice.below(MOST_STEPS) {
        let act = match dice.below(100) {
            0..25 => register(&mut dice),
            25..30 => Act::Twin(dice.below(8) as u8),
            30..50 => Act::Start,
            50..55 => Act::KeepStart,
            55..60 => Act::DropStart(dice.below(4) as u8),
            60..75 => Act::Drain(match dice.below(10) {
                0..4 => None,
                4..5 => Some(-3),
                5..6 => Some(0),
                _ => Some(1 + dice.below(40) as i32),
            }),
            75..82 => Act::DropDrain(dice.below(4) as u8),
            _ => Act::Wait(1 + dice.below(30) as u8),
        };
        steps.push((act, then(&mut dice)));
    }
    steps
}

fn then(dice: &mut Dice) -> Then {
    dice.of(&[Then::Rest, Then::Rest, Then::Tasks, Then::Nothing, Then::Nothing])
}

fn register(dice: &mut Dice) -> Act {
    Act::Register { start: does(dice), drain: does(dice) }
}

fn does(dice: &mut Dice) -> Does {
    let time = ms(dice.of(&[1, 3, 5, 10, 25]));
    match dice.below(100) {
        0..35 => Does::Nothing,
        35..70 => Does::Takes(time),
        70..80 => Does::FailsAfter(time),
        80..85 => Does::PanicsAfter(time),
        85..90 => Does::PanicsWhenCalled,
        90..96 => Does::Hangs,
        _ => Does::PanicsWhenCutOff,
    }
}

/// The simplest first.
fn simpler(step: &Step) -> Vec<Step> {
    let (act, then) = *step;
    let mut all = Vec::new();
    let rank = |then| [Then::Rest, Then::Nothing, Then::Tasks].iter().position(|other| *other == then);
    all.extend(
        [Then::Rest, Then::Nothing]
            .into_iter()
            .filter(|other| rank(*other) < rank(then))
            .map(|then| (act, then)),
    );
    let acts = match act {
        Act::Register { start, drain } => {
            let mut acts = vec![Act::Register { start: Does::Nothing, drain: Does::Nothing }];
            acts.extend(simpler_does(start).into_iter().map(|start| Act::Register { start, drain }));
            acts.extend(simpler_does(drain).into_iter().map(|drain| Act::Register { start, drain }));
            acts
        }
        Act::KeepStart => vec![Act::Start],
        Act::Drain(Some(_)) => vec![Act::Drain(None), Act::Drain(Some(20))],
        Act::Wait(_) => vec![Act::Wait(1), Act::Wait(10)],
        Act::DropStart(_) => vec![Act::DropStart(0)],
        Act::DropDrain(_) => vec![Act::DropDrain(0)],
        Act::Twin(_) => vec![Act::Twin(0)],
        Act::Start | Act::Drain(None) => Vec::new(),
    };
    all.extend(acts.into_iter().take_while(|other| *other != act).map(|act| (act, then)));
    all
}

fn simpler_does(does: Does) -> Vec<Does> {
    let ladder = [
        Does::Nothing,
        Does::Takes(ms(10)),
        Does::FailsAfter(ms(10)),
        Does::PanicsAfter(ms(10)),
        Does::Hangs,
        Does::PanicsWhenCalled,
        Does::PanicsWhenCutOff,
    ];
    ladder.into_iter().take_while(|other| *other != does).collect()
}

/// Plays a script on a runtime of its own, whose clock is paused, up to its end or the first promise that is broken.
fn play(steps: &[Step], told: bool) -> Played {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let inside = runtime.enter();
    let book = Shared::new(told);
    let mut driver = Driver::new(&runtime, &book);
    let played = catch_unwind(AssertUnwindSafe(|| {
        for (act, then) in
            steps.iter().copied().chain([(Act::Start, Then::Rest), (Act::Drain(Some(30)), Then::Rest)])
        {
            driver.act(act);
            driver.then(then);
            if book.lock().broken.is_some() {
                return;
            }
        }
        driver.require_no_task();
    }));
    if played.is_err() {
        book.lock().break_promise(Broken::new("it does not panic", "a call that returns", "it panicked"));
    }
    let mut entries = book.lock();
    entries.over = true;
    let played = Played { broken: entries.broken.clone(), steps: std::mem::take(&mut entries.steps) };
    drop(entries);
    let _ = catch_unwind(AssertUnwindSafe(move || drop(driver)));
    drop(inside);
    let _ = catch_unwind(AssertUnwindSafe(move || drop(runtime)));
    played
}

type Call = (usize, JoinHandle<()>);

struct Driver<'a> {
    runtime: &'a Runtime,
    lifecycle: Arc<Lifecycle>,
    book: Shared,
    starts: Vec<Call>,
    drains: Vec<Call>,
    kept: Vec<Pin<Box<dyn Future<Output = ()>>>>,
}

impl<'a> Driver<'a> {
    fn new(runtime: &'a Runtime, book: &Shared) -> Self {
        Self {
            runtime,
            lifecycle: Arc::new(Lifecycle::new()),
            book: book.clone(),
            starts: Vec::new(),
            drains: Vec::new(),
            kept: Vec::new(),
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Register { start, drain } => {
                let name = self.book.lock().enter(start, drain);
                let part = Part { name: name.clone(), start, drain, witness: Arc::new(self.book.clone()) };
                let registered = self.lifecycle.register(&name, part);
                self.book.lock().registered(&name, registered);
            }
            Act::Twin(number) => {
                let Some(name) = self.book.lock().pick(number) else { return };
                let part = Part {
                    name: format!("twin of {name}"),
                    start: Does::Nothing,
                    drain: Does::Nothing,
                    witness: Arc::new(self.book.clone()),
                };
                let refused = self.lifecycle.register(&name, part);
                self.book.lock().twin(&name, refused);
            }
            Act::Start => {
                let (lifecycle, book) = (self.lifecycle.clone(), self.book.clone());
                let number = book.lock().start_called();
                let call = tokio::spawn(async move {
                    book.lock().start_polled(number);
                    let started = lifecycle.start().await;
                    book.lock().start_returned(number, &started);
                });
                self.starts.push((number, call));
            }
            Act::KeepStart => {
                let (lifecycle, book) = (self.lifecycle.clone(), self.book.clone());
                let number = book.lock().start_called();
                book.lock().start_polled(number);
                let mut call = Box::pin(async move {
                    let started = lifecycle.start().await;
                    book.lock().start_returned(number, &started);
                });
                let polled = self
                    .runtime
                    .block_on(async { call.as_mut().poll(&mut Context::from_waker(Waker::noop())) });
                if polled.is_pending() {
                    self.book.lock().start_dropped(number, "is kept, and not polled any more");
                    self.kept.push(call);
                }
            }
            Act::DropStart(number) => {
                let Some((number, call)) = take(&mut self.starts, number) else { return };
                call.abort();
                self.book.lock().start_dropped(number, "is dropped");
            }
            Act::Drain(limit) => {
                let (lifecycle, book) = (self.lifecycle.clone(), self.book.clone());
                let now = Instant::now();
                let deadline = match limit {
                    None => now + FAR,
                    Some(limit) if limit < 0 => now - ms(limit.unsigned_abs().into()),
                    Some(limit) => now + ms(limit.unsigned_abs().into()),
                };
                let number = book.lock().drain_called(limit);
                let call = tokio::spawn(async move {
                    book.lock().drain_polled(number, deadline);
                    let report = lifecycle.drain(deadline).await;
                    book.lock().drain_returned(number, &report);
                });
                self.drains.push((number, call));
            }
            Act::DropDrain(number) => {
                let Some((number, call)) = take(&mut self.drains, number) else { return };
                call.abort();
                self.book.lock().drain_dropped(number);
            }
            Act::Wait(time) => {
                self.runtime.block_on(sleep(ms(time.into())));
                self.book.lock().tell("clock", format_args!("goes on by {time} ms"));
            }
        }
    }

    fn then(&mut self, then: Then) {
        match then {
            Then::Rest => self.rest(),
            Then::Tasks => self.runtime.block_on(async {
                for _ in 0..3 {
                    yield_now().await;
                }
            }),
            Then::Nothing => {}
        }
    }

    /// Time passes until nothing has happened for a moment.
    fn rest(&mut self) {
        let mut until = Instant::now() + A_MOMENT;
        while until > Instant::now() && self.book.lock().broken.is_none() {
            self.runtime.block_on(sleep_until(until));
            until = self.book.lock().calm() + A_MOMENT;
        }
        for calls in [&mut self.starts, &mut self.drains] {
            for (_, call) in calls.extract_if(.., |(_, call)| call.is_finished()) {
                // One that was dropped is not here any more.
                if self.runtime.block_on(call).is_err() {
                    let broken = Broken::new("it does not panic", "a call that returns", "it panicked");
                    self.book.lock().break_promise(broken);
                }
            }
        }
        let mut book = self.book.lock();
        book.tell("clock", "goes on until all is at rest");
        book.at_rest();
    }

    /// All is over, or will be at a deadline that is far away.
    fn require_no_task(&mut self) {
        self.kept.clear();
        self.runtime.block_on(sleep(FAR));
        self.book.lock().tell("clock", "goes on by a day");
        self.rest();
        let tasks = self.runtime.metrics().num_alive_tasks();
        if tasks > 0 {
            let what = "when the drain is over, no task is left";
            self.book.lock().break_promise(Broken::new(what, "no task left", format!("{tasks} left")));
        }
    }
}

fn take(calls: &mut Vec<Call>, number: u8) -> Option<Call> {
    calls.retain(|(_, call)| !call.is_finished());
    (!calls.is_empty()).then(|| calls.remove(usize::from(number) % calls.len()))
}
