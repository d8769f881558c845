//! What is done to a pool, and when: drawn with dice, and the same for the same seed.

use crate::dice::Dice;
use crate::job::{Ending, Lasts, Token, Work};

/// A pool of this size, and what is done to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Script {
    pub(crate) workers: usize,
    pub(crate) queue: usize,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) act: Act,
    pub(crate) then: Then,
}

/// What happens before the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Time passes, and whoever is woken is polled, until nothing happens any more: the model is exact.
    Rest,
    /// The tasks of the pool run; the calls are not polled, and no time passes.
    Tasks,
    /// Nothing: the next step comes at once.
    Nothing,
}

/// How many awaits of tokio go through before the poll is made to yield, as a task is whose budget is spent.
pub(crate) type Budget = Option<u8>;

/// One thing that is done. A number picks one of those with which it can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Calls `submit`, and polls it once.
    Submit(Work, Budget),
    /// Polls one `submit`, whether it was woken or not.
    Poll(u8, Budget),
    /// Drops one `submit` that has not returned.
    GiveUp(u8),
    /// Leaves one `submit` alone that waits: if the drain begins next, it is not polled when it is woken, until the script
    /// polls it.
    Neglect(u8),
    /// Lets one running job come to its end.
    End(u8),
    EndAll,
    /// Submits until the pool is full, and once more.
    Fill,
    /// Calls `drain`, and does not poll it.
    Call(Deadline),
    /// Polls one call of `drain`, whether it was woken or not.
    PollDrain(u8, Budget),
    DropDrain(u8),
    /// Leaves one call of `drain` alone.
    NeglectDrain(u8),
    Hook(Hook),
    /// Drops the last handle to the pool outside of its jobs and calls.
    DropPool,
    Wait(u16),
}

/// From the call of `drain` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deadline {
    Far,
    Past,
    Now,
    Micros(u32),
}

/// What a hook does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Nothing but to be called.
    Plain,
    /// It panics.
    Panics,
    /// It lets all jobs come to their end.
    EndsJobs,
}

/// What may stand in the scripts of a drill.
#[derive(Clone, Copy, Debug, Default)]
pub struct Words {
    /// Jobs get a token, and there is one deadline for all of them.
    pub tokens: bool,
    /// The pool has `on_drain`.
    pub hooks: bool,
    /// How often `drain` is called at most.
    pub drains: usize,
}

impl Script {
    /// The script of this number.
    pub(crate) fn draw(seed: u64, words: Words) -> Self {
        let mut dice = Dice::new(seed);
        let (workers, queue) = (1 + dice.below(3), 1 + dice.below(3));
        let mut draft = Draft { dice, words, steps: Vec::new(), calls: 0 };
        draft.opening(workers + queue);
        for _ in 0..4 + draft.dice.below(18) {
            draft.act();
        }
        draft.ending();
        Self { workers, queue, steps: draft.steps }
    }
}

struct Draft {
    dice: Dice,
    words: Words,
    steps: Vec<Step>,
    /// How often `drain` was called.
    calls: usize,
}

impl Draft {
    /// Half of the pools are full, or nearly so, when the rest begins.
    fn opening(&mut self, places: usize) {
        if self.words.hooks {
            for _ in 0..self.dice.below(4) {
                let hook = self.hook();
                self.push(Act::Hook(hook), Then::Nothing);
            }
        }
        if self.dice.chance(50) {
            for _ in 0..places + self.dice.below(3) {
                let work = self.work();
                self.push(Act::Submit(work, None), Then::Nothing);
            }
            self.push(Act::Wait(1), Then::Nothing);
        }
    }

    fn act(&mut self) {
        let number = self.number();
        let budget = self.budget();
        let act = match self.dice.below(100) {
            0..30 => Act::Submit(self.work(), budget),
            30..50 => Act::End(number),
            50..59 => Act::GiveUp(number),
            59..65 => Act::Poll(number, budget),
            65..70 => Act::EndAll,
            70..84 if self.calls < self.words.drains => return self.call(),
            70..81 if self.calls > 0 => Act::PollDrain(number, budget),
            81..86 if self.calls > 0 => Act::DropDrain(number),
            86..88 if self.calls > 0 => Act::NeglectDrain(number),
            86..94 => Act::Wait(self.dice.of(&[1, 2, 5, 20, 50, 300, 60_000])),
            94..97 if self.words.hooks => Act::Hook(self.hook()),
            97 if self.dice.chance(40) => Act::DropPool,
            _ => Act::Fill,
        };
        let then = self.then();
        if matches!(act, Act::Submit(_, Some(_)) | Act::Poll(_, Some(_))) && self.dice.chance(60) {
            return self.interrupted(act, number);
        }
        self.push(act, then);
        if matches!(act, Act::DropDrain(_)) && self.dice.chance(25) {
            self.push(Act::DropPool, Then::Nothing);
        }
    }

    /// Somebody was made to yield in the middle of something: what else may happen now?
    fn interrupted(&mut self, act: Act, number: u8) {
        self.push(act, Then::Nothing);
        match self.dice.below(4) {
            0 | 1 => self.push(Act::End(number), Then::Tasks),
            2 if self.calls == 0 => {
                self.calls += 1;
                let deadline = self.deadline();
                self.push(Act::Call(deadline), Then::Nothing);
                self.push(Act::PollDrain(0, None), Then::Tasks);
            }
            _ => self.push(Act::GiveUp(number), Then::Nothing),
        }
    }

    fn call(&mut self) {
        self.calls += 1;
        if self.dice.chance(25) {
            let number = self.number();
            self.push(Act::Neglect(number), Then::Nothing);
        }
        let deadline = self.deadline();
        let then = if self.dice.chance(80) { Then::Nothing } else { self.then() };
        self.push(Act::Call(deadline), then);
        if self.dice.chance(90) {
            let (budget, then) = (self.budget(), self.then());
            self.push(Act::PollDrain(u8::MAX, budget), then);
        }
        if self.words.drains > 1 && self.dice.chance(15) {
            self.looks_when_all_is_over();
        }
    }

    /// A call of `drain` is polled again when the drain is over, and its own deadline, too.
    fn looks_when_all_is_over(&mut self) {
        self.push(Act::NeglectDrain(u8::MAX), Then::Nothing);
        self.push(Act::EndAll, Then::Rest);
        self.push(Act::Wait(60), Then::Nothing);
        let number = self.number();
        self.push(Act::PollDrain(number, None), Then::Rest);
    }

    /// Are all workers and places back? Then the end.
    fn ending(&mut self) {
        if self.calls == 0 {
            let drain = [Act::Call(Deadline::Far), Act::PollDrain(u8::MAX, None)];
            for act in [Act::EndAll, Act::Fill].into_iter().chain(drain) {
                self.push(act, Then::Rest);
            }
        }
        self.push(Act::EndAll, Then::Rest);
        self.push(Act::Poll(0, None), Then::Rest);
        if self.words.drains > 1 {
            for _ in 0..3 {
                self.push(Act::PollDrain(0, None), Then::Nothing);
            }
            self.push(Act::Call(Deadline::Far), Then::Nothing);
            self.push(Act::PollDrain(u8::MAX, None), Then::Rest);
        }
    }

    fn push(&mut self, act: Act, then: Then) {
        self.steps.push(Step { act, then });
    }

    fn number(&mut self) -> u8 {
        self.dice.below(256) as u8
    }

    fn budget(&mut self) -> Budget {
        self.dice.chance(25).then(|| self.dice.below(4) as u8)
    }

    fn then(&mut self) -> Then {
        match self.dice.below(10) {
            0..5 => Then::Rest,
            5..7 => Then::Tasks,
            _ => Then::Nothing,
        }
    }

    fn work(&mut self) -> Work {
        if self.dice.chance(50) {
            return Work::PLAIN;
        }
        let lasts = match self.dice.below(10) {
            0..6 => Lasts::UntilTold,
            6..9 => Lasts::Millis(1 + self.dice.below(40) as u16),
            _ => Lasts::NoTime,
        };
        let mut endings = vec![
            Ending::Done,
            Ending::Done,
            Ending::Panic,
            Ending::Panic,
            Ending::Destructor,
            Ending::LateDestructor,
        ];
        let mut tokens = vec![Token::Ignored];
        if self.words.tokens {
            endings.push(Ending::PanicWhenCalled);
            tokens.extend([Token::Heeded, Token::Heeded, Token::Outstayed, Token::Cancelled]);
        }
        Work {
            lasts,
            ending: self.dice.of(&endings),
            token: self.dice.of(&tokens),
            submits: self.dice.chance(15),
        }
    }

    fn hook(&mut self) -> Hook {
        self.dice.of(&[Hook::Plain, Hook::Plain, Hook::Panics, Hook::EndsJobs])
    }

    fn deadline(&mut self) -> Deadline {
        match self.dice.below(10) {
            0..3 => Deadline::Far,
            3 => Deadline::Past,
            4 => Deadline::Now,
            5..7 => Deadline::Micros(1_000 * (1 + self.dice.below(60) as u32)),
            _ => Deadline::Micros(1 + self.dice.below(60_000) as u32),
        }
    }
}
