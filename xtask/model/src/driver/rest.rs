//! Time that passes until all is at rest, and what is judged then.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use drain_kit::ms;
use tokio::time::{Instant, sleep_until};

use super::Driver;
use crate::Outcome;
use crate::book::millis;
use crate::call::Held;
use crate::promise::Broken;

/// A little longer than "at once".
pub(super) const A_MOMENT: Duration = ms(11);
/// At one moment; no right pool needs a tenth of it to come to rest.
const MOST_POLLS: usize = 5_000;

impl Driver<'_> {
    /// Time passes, and everybody who is woken is polled, until nothing has happened for a moment.
    pub(super) fn rest(&mut self, at_least: Duration) {
        if !self.has_begun() {
            self.attend();
        }
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
        (self.rested, self.still) = (self.has_begun(), true);
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
        self.submits.iter().any(|call| self.is_attended(call))
            || self.hooks.iter().any(Held::woken)
            || self.drains.iter().any(|call| self.is_ready(call))
    }

    fn is_attended(&self, submit: &Held<bool>) -> bool {
        submit.woken() && !self.book.lock().jobs[submit.number].neglected
    }

    /// A call that nobody has polled yet is not polled by the passing of time.
    fn is_ready(&self, call: &Held<Outcome>) -> bool {
        call.woken() && self.book.lock().calls[call.number].waits()
    }

    /// The drains come last, so that they meet what they have to wait for.
    fn poll_woken(&mut self) {
        for at in (0..self.submits.len()).rev() {
            if self.is_attended(&self.submits[at]) {
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
    pub(super) fn look(&mut self) {
        let mut book = self.book.lock();
        book.tasks = self.runtime.metrics().num_alive_tasks();
        if let (Some(stderr), Some(report)) = (self.stderr.as_mut(), &mut book.report) {
            let news = stderr.news();
            report.extend(news.lines().filter(|line| line.contains("drain outcome=")).map(str::to_owned));
        }
    }
}
