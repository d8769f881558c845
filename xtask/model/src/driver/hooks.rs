//! Hooks that are added, and called by the pool.

use std::panic::resume_unwind;
use std::task::Poll;

use super::Driver;
use super::jobs::end_all;
use crate::book::{Added, Name, Shared};
use crate::call::Held;
use crate::promise;
use crate::script::Hook;

impl Driver<'_> {
    pub(super) fn add_hook(&mut self, hook: Hook) {
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

    pub(super) fn poll_hooks(&mut self) {
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

fn hook_name(number: usize) -> Name {
    Name("hook", number)
}
