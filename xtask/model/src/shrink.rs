//! Makes a script that breaks a promise as short as it can be and still break the same one.

use crate::job::{Ending, Lasts, Token, Work};
use crate::script::{Act, Deadline, Hook, Script, Step, Then};

/// Tries fewer steps, smaller pools and simpler steps until none of them `fails` any more.
pub(crate) fn shrink(mut script: Script, mut fails: impl FnMut(&Script) -> bool) -> Script {
    loop {
        let before = script.clone();
        fewer_steps(&mut script, &mut fails);
        smaller_pool(&mut script, &mut fails);
        simpler_steps(&mut script, &mut fails);
        if script == before {
            return script;
        }
    }
}

fn fewer_steps(script: &mut Script, fails: &mut impl FnMut(&Script) -> bool) {
    let mut size = script.steps.len();
    while size > 0 {
        let mut at = 0;
        while at < script.steps.len() {
            let mut smaller = script.clone();
            smaller.steps.drain(at..(at + size).min(script.steps.len()));
            if fails(&smaller) {
                *script = smaller;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
}

fn smaller_pool(script: &mut Script, fails: &mut impl FnMut(&Script) -> bool) {
    for (workers, queue) in [(1, 1), (1, 2), (2, 1), (script.workers, 1), (1, script.queue)] {
        let smaller = workers + queue < script.workers + script.queue;
        if smaller && workers <= script.workers && queue <= script.queue {
            let candidate = Script { workers, queue, steps: script.steps.clone() };
            if fails(&candidate) {
                *script = candidate;
            }
        }
    }
}

fn simpler_steps(script: &mut Script, fails: &mut impl FnMut(&Script) -> bool) {
    for at in 0..script.steps.len() {
        for step in simpler(script.steps[at]) {
            let mut candidate = script.clone();
            candidate.steps[at] = step;
            if fails(&candidate) {
                *script = candidate;
                break;
            }
        }
    }
}

/// The simplest first.
fn simpler(step: Step) -> Vec<Step> {
    let then = [Then::Rest, Then::Nothing].into_iter().filter(|then| rank(*then) < rank(step.then));
    let mut all: Vec<Step> = then.map(|then| Step { then, ..step }).collect();
    all.extend(
        simpler_acts(step.act).into_iter().filter(|act| *act != step.act).map(|act| Step { act, ..step }),
    );
    all
}

/// A rest is told in one line, and whoever reads it need not think of what has not happened yet.
fn rank(then: Then) -> u8 {
    match then {
        Then::Rest => 0,
        Then::Nothing => 1,
        Then::Tasks => 2,
    }
}

fn simpler_acts(act: Act) -> Vec<Act> {
    match act {
        Act::Submit(work, budget) => {
            let mut all = vec![Act::Submit(Work::PLAIN, None), Act::Submit(work, None)];
            all.extend(simpler_work(work).into_iter().map(|work| Act::Submit(work, budget)));
            all
        }
        Act::End(number) if number > 0 => vec![Act::End(0), Act::End(1)],
        Act::Poll(number, budget) => vec![Act::Poll(0, None), Act::Poll(number, None), Act::Poll(0, budget)],
        Act::GiveUp(number) if number > 0 => vec![Act::GiveUp(0)],
        Act::Neglect(number) if number > 0 => vec![Act::Neglect(0)],
        Act::NeglectDrain(number) if number > 0 => vec![Act::NeglectDrain(0)],
        Act::EndAll => vec![Act::End(0)],
        Act::Fill => vec![Act::Submit(Work::PLAIN, None)],
        Act::Call(Deadline::Micros(micros)) => {
            let mut all = vec![Act::Call(Deadline::Far)];
            all.extend(
                [20_000, 20_500]
                    .into_iter()
                    .take_while(|rounder| *rounder != micros)
                    .map(|micros| Act::Call(Deadline::Micros(micros))),
            );
            all
        }
        Act::Call(Deadline::Now | Deadline::Past) => vec![Act::Call(Deadline::Far)],
        Act::PollDrain(number, Some(_)) => vec![Act::PollDrain(number, None)],
        Act::Hook(Hook::Panics | Hook::EndsJobs) => vec![Act::Hook(Hook::Plain)],
        Act::Wait(time) if time > 1 => vec![Act::Wait(1)],
        _ => Vec::new(),
    }
}

fn simpler_work(work: Work) -> Vec<Work> {
    let mut all = vec![
        Work::PLAIN,
        Work { submits: false, ..work },
        Work { lasts: Lasts::UntilTold, ..work },
        Work { token: Token::Ignored, ..work },
        Work { ending: Ending::Done, ..work },
    ];
    if matches!(work.ending, Ending::Destructor | Ending::LateDestructor | Ending::PanicWhenCalled) {
        all.push(Work { ending: Ending::Panic, ..work });
    }
    all.retain(|simpler| *simpler != work);
    all
}
