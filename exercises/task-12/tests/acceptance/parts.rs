//! Components that do what they are told to, and say what becomes of them.

use std::fmt;
use std::future::{pending, ready};
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use drain_kit::panic_unseen;
use task_12::{Drainable, Step};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

/// What a start or a drain does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Does {
    /// It returns `Ok` at once.
    Nothing,
    /// It returns `Ok` when others have had a turn.
    Yields,
    /// It returns `Ok` after this time.
    Takes(Duration),
    /// It returns an error after this time.
    FailsAfter(Duration),
    /// It panics after this time.
    PanicsAfter(Duration),
    /// It panics before there is a future.
    PanicsWhenCalled,
    /// It never returns.
    Hangs,
    /// It never returns, and when it is cut off its destructor panics.
    PanicsWhenCutOff,
}

/// What has become of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Start,
    /// Its start has been polled, and has to wait.
    StartWaits,
    Ready,
    StartFailed,
    StartPanicked,
    StartCut,
    /// `drain` was called with this deadline.
    Drain(Instant),
    /// Its drain has been polled, and has to wait.
    DrainWaits,
    Drained,
    DrainFailed,
    DrainPanicked,
    DrainCut,
}

/// Who is told.
pub(crate) trait Witness: Send + Sync + 'static {
    fn saw(&self, part: &str, event: Event);
}

/// A component.
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) start: Does,
    pub(crate) drain: Does,
    pub(crate) witness: Arc<dyn Witness>,
}

impl Drainable for Part {
    fn start(&self) -> Step<'_> {
        let events =
            [Event::StartWaits, Event::Ready, Event::StartFailed, Event::StartPanicked, Event::StartCut];
        self.witness.saw(&self.name, Event::Start);
        self.step(self.start, events)
    }

    fn drain(&self, deadline: Instant) -> Step<'_> {
        let events =
            [Event::DrainWaits, Event::Drained, Event::DrainFailed, Event::DrainPanicked, Event::DrainCut];
        self.witness.saw(&self.name, Event::Drain(deadline));
        self.step(self.drain, events)
    }
}

impl Part {
    /// The words of the error with which it fails.
    pub(crate) fn error_of(name: &str) -> String {
        format!("{name} is broken")
    }

    fn step(&self, does: Does, [waits, ok, failed, panicked, cut]: [Event; 5]) -> Step<'_> {
        if does == Does::PanicsWhenCalled {
            self.witness.saw(&self.name, panicked);
            panic_unseen();
        }
        let mut whole = Whole { part: self, cut: Some(cut), bomb: does == Does::PanicsWhenCutOff };
        Box::pin(async move {
            match does {
                Does::Nothing => ready(()).await,
                Does::Yields => yield_now().await,
                Does::Takes(time) | Does::FailsAfter(time) | Does::PanicsAfter(time) => {
                    self.witness.saw(&self.name, waits);
                    sleep(time).await;
                }
                Does::Hangs | Does::PanicsWhenCutOff | Does::PanicsWhenCalled => {
                    self.witness.saw(&self.name, waits);
                    pending().await
                }
            }
            whole.ends();
            match does {
                Does::FailsAfter(_) => {
                    self.witness.saw(&self.name, failed);
                    Err(Self::error_of(&self.name).into())
                }
                Does::PanicsAfter(_) => {
                    self.witness.saw(&self.name, panicked);
                    panic_unseen()
                }
                _ => {
                    self.witness.saw(&self.name, ok);
                    Ok(())
                }
            }
        })
    }
}

/// Dropped before its end, a step was cut off.
struct Whole<'a> {
    part: &'a Part,
    cut: Option<Event>,
    bomb: bool,
}

impl Whole<'_> {
    fn ends(&mut self) {
        self.cut = None;
    }
}

impl Drop for Whole<'_> {
    fn drop(&mut self) {
        let Some(event) = self.cut.take() else { return };
        self.part.witness.saw(&self.part.name, event);
        if mem::take(&mut self.bomb) && !std::thread::panicking() {
            panic_unseen();
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "start",
            Self::StartWaits => "start waits",
            Self::Ready => "ready",
            Self::StartFailed => "start failed",
            Self::StartPanicked => "start panicked",
            Self::StartCut => "start cut off",
            Self::Drain(_) => "drain",
            Self::DrainWaits => "drain waits",
            Self::Drained => "drained",
            Self::DrainFailed => "drain failed",
            Self::DrainPanicked => "drain panicked",
            Self::DrainCut => "drain cut off",
        })
    }
}
