//! Acceptance tests for task 16.

#[cfg(feature = "solution")]
extern crate task_16_solution as task_16;

mod crowd;
mod model;
mod race;
mod service;
mod trial;

use std::sync::Arc;
use std::time::Duration;

use drain_kit::{DrainReport, Exposition, Moment, Program, Scenario, Signal, ms, program, secs, settled};
use task_16::{DeadlineExceeded, Jobs, Phase, Refused, Work};
use tokio::sync::Barrier;
use tokio::time::{Instant, sleep};

use crate::service::{Caller, LIMIT, LONG, SLOW, SOON, Service, Times};
use crate::trial::{Does, Trial};

/// From the quiesce on, long work is refused, and short work is accepted and done.
///
/// Why: whoever asks for a minute of work now would be cut off, and another instance has that minute.
#[tokio::test(start_paused = true)]
async fn the_quiesce_refuses_long_work_and_takes_short_work() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    trial.require_phase(Phase::Running, "before the quiesce");
    trial.accepted("early short", Work::Short, Does::Ends(ms(100)));
    trial.accepted("early long", Work::Long, Does::Ends(ms(100)));
    trial.jobs.quiesce();
    trial.require_phase(Phase::Quiescing, "from the quiesce on");
    for round in 1..=3 {
        trial.refused(&format!("long {round}"), Work::Long, Refused::Quiescing);
        // What is long is what was told to be, however long it takes.
        trial.accepted(&format!("short {round}"), Work::Short, Does::Ends(secs(3)));
        sleep(secs(1)).await;
    }
    trial.require_phase(Phase::Quiescing, "until the drain");
    sleep(secs(3)).await;
    for name in ["early short", "early long", "short 1", "short 2", "short 3"] {
        trial.require_ended(name);
    }
}

/// From the first poll of the drain on all work is refused, also when the drain is over, and with a quiesce before it or
/// without.
///
/// Why: a drain that takes new work never comes to its end.
#[tokio::test(start_paused = true)]
async fn the_drain_refuses_all_work() {
    let scenario = Scenario::new();
    for quiesced in [true, false] {
        let trial = Trial::new(&scenario);
        trial.accepted("early", Work::Long, Does::Ends(secs(1)));
        if quiesced {
            trial.jobs.quiesce();
        }
        let drain = trial.jobs.drain(Instant::now() + secs(10));
        settled().await;
        // It has been called, and not polled.
        trial.accepted("last", Work::Short, Does::Ends(secs(2)));
        let during = async {
            for name in ["first poll", "later"] {
                trial.require_phase(Phase::Draining, "from the first poll of the drain on");
                for work in [Work::Short, Work::Long] {
                    trial.refused(&format!("{name} {work:?}"), work, Refused::Draining);
                }
                sleep(secs(1)).await;
            }
        };
        let both = async { tokio::join!(drain, during).0 };
        let outcome = scenario.wait_at_most(secs(60), "the drain to return", both).await;
        scenario.require(outcome.is_ok(), "Ok from the drain", format!("{outcome:?}"));
        trial.require_ended("early");
        trial.require_ended("last");
        trial.require_phase(Phase::Draining, "when the drain is over");
        for work in [Work::Short, Work::Long] {
            trial.refused(&format!("after the drain {work:?}"), work, Refused::Draining);
        }
    }
}

/// There is no way back: a second `quiesce`, and one in a drain or after it, changes nothing.
///
/// Why: a signal handler that runs late must not open the door again.
#[tokio::test(start_paused = true)]
async fn there_is_no_way_back() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    trial.jobs.quiesce();
    trial.jobs.quiesce();
    trial.require_phase(Phase::Quiescing, "after a second quiesce");
    trial.refused("long", Work::Long, Refused::Quiescing);
    trial.accepted("short", Work::Short, Does::Ends(secs(1)));
    let late = async {
        sleep(ms(500)).await;
        trial.jobs.quiesce();
        trial.require_phase(Phase::Draining, "after a quiesce in the drain");
        trial.refused("short in the drain", Work::Short, Refused::Draining);
    };
    let (drained, ()) = tokio::join!(trial.drain(secs(10)), late);
    trial.require_drained(&drained, Ok(()), secs(1));
    trial.jobs.quiesce();
    trial.require_phase(Phase::Draining, "after a quiesce after the drain");
    trial.refused("short after the drain", Work::Short, Refused::Draining);
    trial.refused("long after the drain", Work::Long, Refused::Draining);

    // The first one that is too late is not the second one either.
    let trial = Trial::new(&scenario);
    let drained = trial.drain(secs(10)).await;
    trial.require_drained(&drained, Ok(()), secs(0));
    trial.jobs.quiesce();
    trial.require_phase(Phase::Draining, "after the first quiesce, which comes after the drain");
    trial.refused("short", Work::Short, Refused::Draining);
}

/// Long work that was accepted before the quiesce goes on in both phases, and is waited for.
///
/// Why: the quiesce is there so that what has begun can end. To cut it off is what a kill does.
#[tokio::test(start_paused = true)]
async fn accepted_work_goes_on_in_both_phases() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    trial.accepted("ends in the quiesce", Work::Long, Does::Ends(ms(700)));
    trial.accepted("ends in the drain", Work::Long, Does::Ends(ms(3_500)));
    // Accepted, and not begun when the quiesce begins.
    trial.jobs.quiesce();
    trial.accepted("short", Work::Short, Does::Ends(ms(2_000)));
    sleep(secs(1)).await;
    trial.require_ended("ends in the quiesce");
    let drained = trial.drain(secs(10)).await;
    trial.require_drained(&drained, Ok(()), ms(2_500));
    trial.require_ended("short");
    trial.require_ended("ends in the drain");
}

/// No job waits for another one: a hundred that wait for each other all end.
///
/// Why: who is accepted and then queued behind a long job is short work no more.
#[tokio::test(start_paused = true)]
async fn no_job_waits_for_another() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let line = Arc::new(Barrier::new(100));
    for number in 0..100 {
        let line = line.clone();
        let work = if number % 2 == 0 { Work::Long } else { Work::Short };
        let answer = trial.jobs.submit(work, async move {
            line.wait().await;
        });
        scenario.require(answer.is_ok(), "accepted", trial::said(answer));
    }
    let drained = trial.drain(secs(10)).await;
    trial.require_drained(&drained, Ok(()), secs(0));
}

/// A panic costs the job that panics, and it has ended then, wherever the panic comes from.
///
/// Why: a number that is never counted down is a drain that always ends at its deadline.
#[tokio::test(start_paused = true)]
async fn a_panic_costs_one_job() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    trial.accepted("at once", Work::Long, Does::Panics(secs(0)));
    trial.accepted("later", Work::Short, Does::Panics(ms(100)));
    trial.accepted("when dropped", Work::Long, Does::EndsBadly(ms(200)));
    trial.accepted("ends", Work::Short, Does::Ends(ms(500)));
    sleep(ms(300)).await;
    trial.require_in_flight(1, 0, "when the others have panicked");
    let drained = trial.drain(secs(10)).await;
    trial.require_drained(&drained, Ok(()), ms(200));
    trial.require_ended("ends");

    // And at the deadline.
    let trial = Trial::new(&scenario);
    trial.accepted("bad 1", Work::Long, Does::HangsBadly);
    trial.accepted("hangs", Work::Short, Does::Hangs);
    trial.accepted("bad 2", Work::Short, Does::HangsBadly);
    sleep(ms(100)).await;
    let drained = trial.drain(secs(1)).await;
    trial.require_drained(&drained, Err(DeadlineExceeded { abandoned: 3 }), secs(1));
    trial.require_in_flight(0, 0, "when the drain has returned");
    trial.require_at(&drained, trial.book.entry("hangs").gone, secs(1), "the job beside them is gone");
}

/// A job that is refused is dropped, and never polled.
///
/// Why: half a job that was refused is done twice: here by half, and elsewhere.
#[tokio::test(start_paused = true)]
async fn a_refused_job_is_dropped_and_never_polled() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    trial.jobs.quiesce();
    trial.refused("in the quiesce", Work::Long, Refused::Quiescing);
    let drained = trial.drain(secs(1)).await;
    trial.require_drained(&drained, Ok(()), secs(0));
    trial.refused("after the drain", Work::Short, Refused::Draining);
    settled().await;
    for name in ["in the quiesce", "after the drain"] {
        let entry = trial.book.entry(name);
        scenario.require(entry.begins.is_none(), format!("{name}: never polled"), "it was polled");
        scenario.require(entry.gone.is_some(), format!("{name}: dropped"), "it is still held");
    }
    trial.require_in_flight(0, 0, "when all were refused");
}

/// Jobs, and the destructors of what they hold, may call submit, quiesce, phase and in_flight.
///
/// Why: a job that hands its rest to another one does so at its end, and its end may be that it was refused.
#[tokio::test(start_paused = true)]
async fn jobs_and_their_destructors_may_call_back() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    struct Calls(Arc<Jobs>, trial::Book, &'static str);
    impl Drop for Calls {
        fn drop(&mut self) {
            let Self(jobs, book, name) = self;
            jobs.quiesce();
            let rest = jobs.in_flight(Work::Long) + jobs.in_flight(Work::Short);
            if jobs.phase() < Phase::Draining && rest < 100 {
                let _ = jobs.submit(Work::Short, book.job(name, Does::Ends(ms(100))));
            }
        }
    }
    let calls = |name| Calls(trial.jobs.clone(), trial.book.clone(), name);
    let job = |name, takes| {
        let calls = calls(name);
        async move {
            let Calls(jobs, book, name) = &calls;
            let _ = jobs.submit(Work::Short, book.job(&format!("{name}, begun"), Does::Ends(ms(100))));
            sleep(takes).await;
        }
    };
    let answer = trial.jobs.submit(Work::Long, job("after the end", ms(200)));
    scenario.require(answer.is_ok(), "accepted", trial::said(answer));
    let answer = trial.jobs.submit(Work::Long, job("after the cut", secs(3_600)));
    scenario.require(answer.is_ok(), "accepted", trial::said(answer));
    sleep(ms(500)).await;
    trial.require_phase(Phase::Quiescing, "when a destructor has called quiesce");
    let answer = trial.jobs.submit(Work::Long, job("after the refusal", ms(200)));
    scenario.require(answer == Err(Refused::Quiescing), "refused with Quiescing", trial::said(answer));
    sleep(ms(500)).await;
    for name in ["after the end, begun", "after the end", "after the cut, begun", "after the refusal"] {
        trial.require_ended(name);
    }
    let drained = trial.drain(secs(1)).await;
    trial.require_drained(&drained, Err(DeadlineExceeded { abandoned: 1 }), secs(1));
    let answer = trial.jobs.submit(Work::Long, job("refused in the drain", ms(200)));
    scenario.require(answer == Err(Refused::Draining), "refused with Draining", trial::said(answer));
}

/// The drain returns when the last job has ended; with nothing in flight at once, also if its deadline has passed.
///
/// Why: who quiesces has mostly nothing left to wait for. A drain that waits all the same makes each deploy as long as
/// its worst case.
#[tokio::test(start_paused = true)]
async fn the_drain_returns_when_the_last_job_has_ended() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    trial.accepted("short", Work::Short, Does::Ends(ms(300)));
    trial.accepted("long", Work::Long, Does::Ends(ms(2_300)));
    trial.accepted("middle", Work::Short, Does::Ends(ms(1_100)));
    let drained = trial.drain(secs(10)).await;
    trial.require_drained(&drained, Ok(()), ms(2_300));

    for quiesced in [true, false] {
        let trial = Trial::new(&scenario);
        if quiesced {
            trial.jobs.quiesce();
        }
        let drained = trial.drain(secs(10)).await;
        trial.require_drained(&drained, Ok(()), secs(0));
        let trial = Trial::new(&scenario);
        trial.accepted("long", Work::Long, Does::Ends(ms(100)));
        sleep(secs(120)).await;
        let drained = trial.drain_until(Instant::now() - secs(60)).await;
        trial.require_drained(&drained, Ok(()), secs(0));
    }
}

/// At the deadline what is left is cut off and counted, also what never waits for anything but its turn.
///
/// Why: after the deadline comes SIGKILL. What was cut off, and how much of it there was, is known only if it is done
/// before.
#[tokio::test(start_paused = true)]
async fn at_the_deadline_what_is_left_is_cut_off() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    trial.accepted("ends", Work::Long, Does::Ends(ms(400)));
    trial.accepted("long", Work::Long, Does::Hangs);
    trial.accepted("later", Work::Long, Does::Ends(ms(2_100)));
    trial.accepted("ends in the drain", Work::Long, Does::Ends(ms(900)));
    trial.jobs.quiesce();
    trial.accepted("short", Work::Short, Does::Hangs);
    sleep(ms(500)).await;
    let drained = trial.drain(ms(1_500)).await;
    trial.require_drained(&drained, Err(DeadlineExceeded { abandoned: 3 }), ms(1_500));
    trial.require_ended("ends");
    trial.require_ended("ends in the drain");
    for name in ["long", "short", "later"] {
        trial.require_at(&drained, trial.book.entry(name).gone, ms(1_500), &format!("{name} is gone"));
    }

    // With a deadline that has passed it is over at once.
    let trial = Trial::new(&scenario);
    trial.accepted("long", Work::Long, Does::Hangs);
    trial.accepted("short", Work::Short, Does::Ends(secs(5)));
    sleep(secs(2)).await;
    let drained = trial.drain_until(Instant::now() - secs(1)).await;
    trial.require_drained(&drained, Err(DeadlineExceeded { abandoned: 2 }), secs(0));
    scenario.require(trial.book.entry("long").gone.is_some(), "long is gone", "it is still there");
}

/// All callers get the outcome of one drain when it is over, whatever their deadline, and a call that is dropped changes
/// nothing.
///
/// Why: the second signal, the admin's request and `main` on its way out all drain. If one returns at once, the process is
/// gone before the drain is over.
#[tokio::test(start_paused = true)]
async fn there_is_one_drain_for_all_callers() {
    let scenario = Scenario::new();
    for (takes, outcome, over) in
        [(secs(2), Ok(()), 2_000), (secs(60), Err(DeadlineExceeded { abandoned: 1 }), 5_000)]
    {
        let trial = Trial::new(&scenario);
        trial.accepted("long", Work::Long, Does::Ends(takes));
        let call = |budget: Duration| {
            let jobs = trial.jobs.clone();
            tokio::spawn(async move { (jobs.drain(Instant::now() + budget).await, Moment::now()) })
        };
        let begun = scenario.timeline().anchor("drain");
        let first = call(secs(5));
        settled().await;
        first.abort();
        // Their deadlines are later and earlier than that of the first, which is dropped.
        for waiting in [call(secs(20)), call(secs(1)), call(secs(0))] {
            let (observed, at) =
                scenario.returned(secs(120), "the drain to return to every caller", waiting).await;
            let since = at.since(begun).as_millis();
            scenario.require(
                since + 2 >= over && since <= over + 12,
                format!("the drain returns to every caller at {over} ms, when it is over"),
                format!("at {since} ms"),
            );
            scenario.require(observed == outcome, format!("{outcome:?} for all"), format!("{observed:?}"));
        }
        let late = trial.jobs.drain(Instant::now() - secs(1));
        let late = scenario.wait_at_most(ms(10), "the drain to return to who comes late", late).await;
        scenario.require(late == outcome, format!("{outcome:?} for who comes late"), format!("{late:?}"));
    }
    // All of them are dropped: it goes on to its end, which is its deadline.
    let trial = Trial::new(&scenario);
    trial.accepted("hangs", Work::Long, Does::Hangs);
    let _ = tokio::time::timeout(secs(1), trial.jobs.drain(Instant::now() + secs(3))).await;
    sleep(ms(1_900)).await;
    trial.require_in_flight(0, 1, "until the deadline");
    sleep(ms(200)).await;
    trial.require_in_flight(0, 0, "after the deadline, when all calls were dropped");
}

/// `in_flight` counts the accepted jobs of a kind that have not ended.
///
/// Why: the gauge that goes to zero is how an operator sees that nothing is left to wait for.
#[tokio::test(start_paused = true)]
async fn in_flight_counts_what_has_not_ended() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    trial.require_in_flight(0, 0, "at the beginning");
    trial.accepted("long", Work::Long, Does::Ends(secs(1)));
    trial.require_in_flight(0, 1, "once it is accepted");
    trial.accepted("short 1", Work::Short, Does::Ends(secs(2)));
    trial.accepted("short 2", Work::Short, Does::Hangs);
    trial.require_in_flight(2, 1, "with three accepted");
    trial.jobs.quiesce();
    trial.refused("refused", Work::Long, Refused::Quiescing);
    trial.require_in_flight(2, 1, "with one refused");
    sleep(ms(1_100)).await;
    trial.require_in_flight(2, 0, "after the end of one");
    let drained = trial.drain(secs(3)).await;
    trial.require_drained(&drained, Err(DeadlineExceeded { abandoned: 1 }), secs(3));
    trial.require_in_flight(0, 0, "after the drain");
}

/// Whatever is submitted, and whenever the phases begin, each job is accepted and ends as the brief says.
///
/// Why: the other criteria have the orders that somebody thought of.
///
/// Limit: 30 s
///
/// Seed: script
#[test]
fn whatever_is_submitted_and_whenever_the_phases_begin() {
    model::check(&Scenario::new());
}

/// Before the signal everything is answered with 200.
///
/// Why: a server that refuses because a shutdown will come some day is never of use.
#[test]
fn before_the_signal_everything_is_answered() {
    let scenario = Scenario::new();
    let service = Service::start(&scenario, LONG);
    let slow = service.slow("client 1");
    for open in [false, true] {
        let mut caller = service.caller("client 2", open);
        for path in ["/fast", "/ready", "/healthz", "/metrics"] {
            let response = service.ask(&mut caller, path, 200);
            response.require_content_length(&scenario);
        }
        service.ask(&mut caller, "/nowhere", 404);
    }
    service.answered(slow);
}

/// In the quiesce `/slow` is refused with 503 and `Retry-After`, on new connections and on open ones, until its end.
///
/// Why: a refusal that says when to come again is one that a client can act on. A minute of work that begins now would not
/// end.
#[test]
fn the_server_refuses_slow_in_the_quiesce() {
    let scenario = Scenario::new();
    in_the_quiesce(&scenario, |service, caller| service.refused(caller, "/slow", 10));
}

/// In the quiesce `/fast` is answered with 200, on new connections and on open ones, until its end.
///
/// Why: those who come now have not heard yet. What they want is done in a moment.
#[test]
fn the_server_takes_fast_in_the_quiesce() {
    let scenario = Scenario::new();
    in_the_quiesce(&scenario, |service, caller| {
        service.ask(caller, "/fast", 200);
    });
}

/// Each asks in a program of its own that has nothing else to do, at the beginning of the quiesce, in its middle and just
/// before its end.
#[track_caller]
fn in_the_quiesce(scenario: &Scenario, ask: impl Fn(&Service<'_>, &mut Caller)) {
    let times = [(false, 110), (true, 110), (false, 500), (true, 500), (false, 850), (true, 850)];
    let start = |(number, (open, at)): (usize, (bool, u64))| {
        let mut service = Service::start_called(scenario, LONG, number);
        let caller = service.caller(&format!("client {number}"), open);
        service.signal(Signal::SIGTERM);
        (service, caller, at)
    };
    let callers: Vec<_> = (1..).zip(times).map(start).collect();
    for (service, mut caller, at) in callers {
        service.wait(ms(at));
        ask(&service, &mut caller);
    }
}

/// In the drain all work is refused with 503 and `Retry-After`, on new connections and on open ones, as long as it lasts.
///
/// Why: a port that is closed tells a client nothing. It tries again, here.
#[test]
fn the_server_refuses_all_work_in_the_drain() {
    let scenario = Scenario::new();
    let mut service = Service::start(&scenario, SOON);
    let mut open = service.caller("client 1", true);
    let slow = service.slow("client 2");
    service.signal(Signal::SIGTERM);
    service.quiesces().plus(SOON.quiesce + ms(100)).wait();
    service.drains_while(&slow);
    for at in [0, 1_100, 1_700] {
        service.wait(ms(at));
        for path in ["/fast", "/slow"] {
            service.refused(&mut Caller::New, path, 10);
            service.refused(&mut open, path, 10);
        }
    }
    service.exits_after(service.answered(slow));
}

/// `/ready` has the phase as its body: `running` with 200, `quiescing` and `draining` with 503.
///
/// Why: readiness is how a load balancer is told. That it says which phase it is, is for whoever looks at it at night.
#[test]
fn ready_says_the_phase() {
    let scenario = Scenario::new();
    let mut service = Service::start(&scenario, SOON);
    let mut open = service.caller("client 1", true);
    let slow = service.slow("client 2");
    let says = |service: &Service<'_>, caller: &mut Caller, status: u16, phase: &str| {
        let asked = Moment::now();
        let response = service.ask(caller, "/ready", status);
        let body = String::from_utf8_lossy(&response.body).into_owned();
        if body.trim_end() != phase {
            let what = format!("GET /ready, {}: {status} with `{phase}`", service.when(asked));
            service.fail(asked, &what, &format!("{status} with `{}`", body.trim_end()));
        }
    };
    says(&service, &mut Caller::New, 200, "running");
    says(&service, &mut open, 200, "running");
    service.signal(Signal::SIGTERM);
    let begun = service.quiesces();
    for at in [100, 400] {
        service.wait(ms(at));
        says(&service, &mut Caller::New, 503, "quiescing");
        says(&service, &mut open, 503, "quiescing");
    }
    begun.plus(SOON.quiesce + ms(100)).wait();
    service.drains_while(&slow);
    for at in [0, 1_300] {
        service.wait(ms(at));
        says(&service, &mut Caller::New, 503, "draining");
        says(&service, &mut open, 503, "draining");
    }
    service.answered(slow);
}

/// `/metrics` has a gauge for each phase and one for each kind of work in flight; probes and scrapes are no work.
///
/// Why: a dashboard over a hundred instances shows which of them are still draining, and what they wait for.
#[test]
fn the_metrics_show_the_phase_and_what_is_in_flight() {
    let scenario = Scenario::new();
    let mut service = Service::start(&scenario, SOON);
    let scraped = |service: &Service<'_>, phase: &str, long: f64| {
        let asked = Moment::now();
        let metrics = Exposition::scrape(&scenario, service.address, "/metrics", LIMIT);
        for name in ["shutdown_phase", "work_in_flight"] {
            let kind = metrics.kind(name);
            scenario.require(kind == Some("gauge"), format!("{name} is a gauge"), format!("{kind:?}"));
        }
        for name in ["running", "quiescing", "draining"] {
            require(service, asked, &metrics, "shutdown_phase", ("phase", name), f64::from(name == phase));
        }
        require(service, asked, &metrics, "work_in_flight", ("work", "short"), 0.0);
        require(service, asked, &metrics, "work_in_flight", ("work", "long"), long);
    };
    scraped(&service, "running", 0.0);
    let first = service.slow("client 1");
    let slow = service.slow("client 2");
    service.until_accepted(2);
    for path in ["/ready", "/healthz"] {
        service.probe(path, 200);
    }
    scraped(&service, "running", 2.0);
    service.signal(Signal::SIGTERM);
    let begun = service.quiesces();
    service.wait(ms(100));
    service.refused(&mut Caller::New, "/slow", 10);
    scraped(&service, "quiescing", 2.0);
    begun.plus(SOON.quiesce + ms(100)).wait();
    service.drains_while(&first);
    service.refused(&mut Caller::New, "/fast", 10);
    scraped(&service, "draining", 2.0);
    service.answered(first);
    service.answered(slow);
}

#[track_caller]
fn require(
    service: &Service<'_>,
    asked: Moment,
    metrics: &Exposition,
    name: &str,
    label: (&str, &str),
    expected: f64,
) {
    let observed = metrics.value(name, &[label]);
    if observed != Some(expected) {
        let sample = format!("{name}{{{}=\"{}\"}}", label.0, label.1);
        let observed =
            observed.map_or_else(|| "no such sample".to_owned(), |value| format!("{sample} {value}"));
        service.fail(asked, &format!("{sample} {expected}, {}", service.when(asked)), &observed);
    }
}

/// `/healthz` and `/metrics` answer 200 in both phases, on new connections and on open ones, as long as they last.
///
/// Why: a liveness probe that fails restarts the server in the middle of its drain, and a scrape that is refused is a gap
/// in the one curve that shows it.
#[test]
fn probes_and_metrics_are_never_refused() {
    let scenario = Scenario::new();
    in_the_quiesce(&scenario, |service, caller| {
        for path in ["/healthz", "/metrics"] {
            service.ask(caller, path, 200);
        }
    });
    let mut service = Service::start_called(&scenario, SOON, 7);
    let mut open = service.caller("client 7", true);
    let slow = service.slow("client 8");
    service.signal(Signal::SIGTERM);
    service.quiesces().plus(SOON.quiesce + ms(100)).wait();
    service.drains_while(&slow);
    for at in [0, 1_100, 1_700] {
        service.wait(ms(at));
        for path in ["/healthz", "/metrics"] {
            service.probe(path, 200);
            service.ask(&mut open, path, 200);
        }
    }
    service.answered(slow);
}

/// A `/slow` that was accepted gets its 200, whether its answer is ready in the quiesce or in the drain; then the server
/// exits with code 0.
///
/// Why: it was taken, so somebody waits for it.
///
/// Limit: 15 s
#[test]
fn an_accepted_slow_is_answered() {
    let scenario = Scenario::new();
    // Ready in the drain.
    let mut service = Service::start_called(&scenario, SOON, 1);
    let slow = service.slow("client 1");
    service.signal(Signal::SIGTERM);
    service.exits_after(service.answered(slow));
    // Ready in the quiesce, which goes on.
    let long = Times { budget: "10s", period: Some("2500ms"), quiesce: ms(2_500) };
    let mut service = Service::start_called(&scenario, long, 2);
    let slow = service.slow("client 2");
    let signal = service.signal(Signal::SIGTERM);
    service.answered(slow);
    service.exits_after(signal.plus(long.quiesce));
}

/// The quiesce lasts for its period, with nothing in flight and idle connections open too, and then the server exits: a
/// fifth of the budget if nothing else is said, and with `0s` at once.
///
/// Why: that nobody is here does not mean that nobody is on the way. And how long they are on the way is known to whoever
/// runs the server.
#[test]
fn the_quiesce_lasts_for_its_period() {
    let scenario = Scenario::new();
    for (number, times) in (1..).zip([
        Times { budget: "5s", period: None, quiesce: secs(1) },
        Times { budget: "7s", period: None, quiesce: ms(1_400) },
        Times { budget: "10s", period: Some("600ms"), quiesce: ms(600) },
        Times { budget: "30s", period: Some("0s"), quiesce: ms(0) },
    ]) {
        let mut service = Service::start_called(&scenario, times, number);
        let _idle = service.caller("client", true);
        let signal = service.signal(Signal::SIGTERM);
        service.exits_after(signal.plus(times.quiesce));
    }
}

/// There is one deadline, counted from the first signal: a `/slow` that is in flight then is cut off, and the server leaves
/// with code 1.
///
/// Why: whoever sent the signal counts from then on. A budget that begins with the drain ends after SIGKILL.
#[test]
fn the_deadline_is_counted_from_the_signal() {
    let scenario = Scenario::new();
    let times = Times { budget: "1500ms", period: Some("1200ms"), quiesce: ms(1_200) };
    let mut service = Service::start(&scenario, times);
    let slow = service.slow("client 1");
    let sent = slow.sent();
    let signal = service.signal(Signal::SIGTERM);
    scenario.at_most(ms(400), sent, signal, "the signal, with `/slow` in flight for longer than the budget,");
    let outcome = slow.outcome().1;
    let answered = outcome.as_ref().is_ok_and(|response| response.status == 200);
    scenario.require(
        !answered,
        "GET /slow cut off 1500 ms after the signal, when the budget is over",
        service.shown(&outcome),
    );
    service.program.exit_at_the_deadline(ms(1_500), signal);
}

/// A second signal, of either kind, ends the quiesce: the drain begins, and with nothing in flight the server exits.
///
/// Why: whoever presses Ctrl-C twice says that nobody is coming any more.
#[test]
fn a_second_signal_ends_the_quiesce() {
    let scenario = Scenario::new();
    let times = Times { budget: "20s", period: Some("8s"), quiesce: secs(8) };
    let pairs = [
        (Signal::SIGTERM, Signal::SIGTERM),
        (Signal::SIGTERM, Signal::SIGINT),
        (Signal::SIGINT, Signal::SIGINT),
        (Signal::SIGINT, Signal::SIGTERM),
    ];
    for (number, (first, second)) in (1..).zip(pairs) {
        let mut service = Service::start_called(&scenario, times, number);
        service.signal(first);
        service.quiesces();
        let second = service.program.signal(second);
        service.exits_after(second);
    }
}

/// After a second signal what is in flight is answered, all work is refused, and the deadline stays where it was.
///
/// Why: to skip a wait is not to give up on those who are being served.
#[test]
fn a_second_signal_cuts_nothing_off_and_moves_no_deadline() {
    let scenario = Scenario::new();
    let times = Times { budget: "20s", period: Some("8s"), quiesce: secs(8) };
    let mut service = Service::start_called(&scenario, times, 1);
    let slow = service.slow("client 1");
    service.signal(Signal::SIGTERM);
    service.quiesces();
    let second = service.program.signal(Signal::SIGTERM);
    service.drains_while(&slow);
    second.plus(ms(100)).wait();
    for path in ["/fast", "/slow"] {
        service.refused(&mut Caller::New, path, 20);
    }
    service.exits_after(service.answered(slow));

    let times = Times { budget: "1600ms", period: Some("1500ms"), quiesce: ms(1_500) };
    let mut service = Service::start_called(&scenario, times, 2);
    let slow = service.slow("client 2");
    let sent = slow.sent();
    let signal = service.signal(Signal::SIGTERM);
    scenario.at_most(ms(350), sent, signal, "the signal, with `/slow` in flight for longer than the budget,");
    service.wait(ms(700));
    service.program.signal(Signal::SIGTERM);
    service.program.exit_at_the_deadline(ms(1_600), signal);
}

/// In the drain a second signal changes nothing, and neither does a third one at any time.
///
/// Why: the one that asks for patience is a supervisor, the one that repeats itself is a person. Neither wants an order to be
/// cut off.
#[test]
fn more_signals_change_nothing() {
    let scenario = Scenario::new();
    // The second one comes in the drain.
    let mut service = Service::start_called(&scenario, SOON, 1);
    let slow = service.slow("client 1");
    service.signal(Signal::SIGTERM);
    service.quiesces().plus(SOON.quiesce + ms(100)).wait();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGTERM] {
        service.program.signal(signal);
        std::thread::sleep(ms(50));
    }
    service.exits_after(service.answered(slow));
    // The second one ends the quiesce, the third one comes then.
    let mut service = Service::start_called(&scenario, LONG, 2);
    let slow = service.slow("client 2");
    service.signal(Signal::SIGINT);
    service.quiesces();
    for signal in [Signal::SIGINT, Signal::SIGINT, Signal::SIGTERM, Signal::SIGINT] {
        service.program.signal(signal);
        std::thread::sleep(ms(100));
    }
    service.drains_while(&slow);
    service.refused(&mut Caller::New, "/fast", 10);
    service.exits_after(service.answered(slow));
}

/// A signal that comes before the ready line begins the quiesce.
///
/// Why: an orchestrator may change its mind while the server starts.
#[test]
fn a_signal_before_the_ready_line_counts() {
    let scenario = Scenario::new();
    let program = Program::new(&scenario, program!())
        .env("DRAIN_BUDGET", "10s")
        .env("QUIESCE_PERIOD", "500ms")
        .stdout_full()
        .start();
    program.blocked_in_write();
    let signal = program.signal(Signal::SIGTERM);
    program.read_on();
    program.exit_at_most(ms(500 + 1_000), signal);
    program.exit_with(0);
}

/// `Retry-After` is a whole number of seconds: at least one, and at most the budget, rounded up.
///
/// Why: with less than the time that this instance still takes, the client meets it again. With an hour it is lost.
#[test]
fn retry_after_is_a_number_of_seconds() {
    let scenario = Scenario::new();
    for (number, (budget, most)) in (1..).zip([("950ms", 1), ("1s", 1), ("1300ms", 2), ("30s", 30)]) {
        let times = Times { budget, period: Some("900ms"), quiesce: ms(900) };
        let mut service = Service::start_called(&scenario, times, number);
        service.signal(Signal::SIGTERM);
        service.wait(ms(110));
        service.refused(&mut Caller::New, "/slow", most);
    }
}

/// A variable with a bad value is one line with its name, the value and what was expected, and exit code 2.
///
/// Why: a quiesce that is longer than the budget is a drain that has no time.
///
/// Stub passes: the start of the server is finished.
#[test]
fn a_bad_value_is_told_in_one_line() {
    let scenario = Scenario::new();
    for (variable, value) in [
        ("DRAIN_BUDGET", "soon"),
        ("DRAIN_BUDGET", ""),
        ("DRAIN_BUDGET", "0s"),
        ("LISTEN_ADDR", "localhost"),
        ("QUIESCE_PERIOD", ""),
        ("QUIESCE_PERIOD", "1"),
        ("QUIESCE_PERIOD", "-1s"),
        // As long as the budget, which is five seconds; and longer.
        ("QUIESCE_PERIOD", "5s"),
        ("QUIESCE_PERIOD", "1m"),
        ("QUIESCE_PERIOD", "99999999999999999999s"),
    ] {
        Program::new(&scenario, program!()).env(variable, value).require_refused(variable, value);
    }
}

mod leaks {
    use super::*;
    use drain_kit::leaks::{Footprint, require_descriptors_at_most, require_no_process_left};

    /// When the drain has returned, no job is left, nor a task, nor anything that the jobs held.
    ///
    /// Why: whoever called the drain closes the database next.
    #[tokio::test(start_paused = true)]
    async fn nothing_is_left_when_the_drain_has_returned() {
        let scenario = Scenario::new();
        let before = Footprint::now();
        let held = Arc::new(());
        let trial = Trial::new(&scenario);
        for (number, takes) in [ms(100), secs(60), secs(3_600)].into_iter().enumerate() {
            for work in [Work::Short, Work::Long] {
                let (held, job) =
                    (held.clone(), trial.book.job(&format!("{work:?} {number}"), Does::Ends(takes)));
                let answer = trial.jobs.submit(work, async move {
                    let _held = held;
                    job.await;
                });
                scenario.require(answer.is_ok(), "accepted", trial::said(answer));
            }
        }
        trial.accepted("never waits", Work::Long, Does::Hangs);
        let drained = trial.drain(secs(1)).await;
        let left = Arc::strong_count(&held) - 1;
        trial.require_drained(&drained, Err(DeadlineExceeded { abandoned: 5 }), secs(1));
        scenario.require(left == 0, "everything dropped that the jobs held", format!("{left} still hold it"));
        before.require_no_more(&scenario).await;
    }

    /// A job that never waits for anything but its turn is cut off, too, and is gone when the drain returns.
    ///
    /// Why: a loop over a queue that is never empty is such a job, and it is what fills up the log after the end.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_job_that_never_waits_is_gone() {
        let scenario = Scenario::new();
        let before = Footprint::now();
        let trial = Trial::new(&scenario);
        trial.accepted("spins", Work::Long, Does::Spins);
        let drained = trial.drain(ms(200)).await;
        let gone = trial.book.entry("spins").gone;
        scenario.require(
            drained.outcome == Err(DeadlineExceeded { abandoned: 1 }),
            "Err(DeadlineExceeded { abandoned: 1 })",
            format!("{:?}", drained.outcome),
        );
        scenario.require(gone.is_some(), "the job is gone when the drain returns", "it still runs");
        before.require_no_more(&scenario).await;
    }

    /// Refusals and probes leave no connection behind in the server.
    ///
    /// Why: clients that are told to come again do so.
    #[test]
    fn refusals_leave_no_connection() {
        let scenario = Scenario::new();
        let times = Times { budget: "20s", period: Some("8s"), quiesce: secs(8) };
        let mut service = Service::start(&scenario, times);
        service.signal(Signal::SIGTERM);
        service.quiesces();
        let before = service.program.descriptors();
        for _ in 0..25 {
            service.refused(&mut Caller::New, "/slow", 20);
            service.probe("/metrics", 200);
        }
        require_descriptors_at_most(&scenario, &service.program, before + 5);
    }

    /// The server leaves no process behind.
    ///
    /// Why: it would hold the port that the next one wants.
    #[test]
    fn the_server_leaves_no_process() {
        let scenario = Scenario::new();
        let mut service = Service::start(&scenario, SOON);
        let slow = service.slow("client 1");
        service.signal(Signal::SIGTERM);
        service.answered(slow);
        service.program.exit_with(0);
        require_no_process_left(&scenario, &service.program);
    }
}

mod load {
    use super::*;
    use crate::crowd::Crowd;
    use drain_kit::load::{in_flight, settle};

    /// Of what many submit at once, on many threads, while the phases begin, what is accepted runs once, and what is
    /// refused never; when `quiesce` has returned, no long job is accepted.
    ///
    /// Why: between the question and the answer there is room for a whole phase to begin.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn what_is_accepted_runs_while_the_phases_begin() {
        let scenario = Scenario::new();
        for _ in 0..40 {
            race::race(&scenario, 8).await;
        }
    }

    /// A hundred thousand short jobs leave nothing behind while a long one is in flight.
    ///
    /// Why: what is kept of each job until the drain is what the process dies of before it.
    #[test]
    fn jobs_that_have_ended_leave_nothing_behind() {
        let scenario = Scenario::new();
        race::soak(&scenario);
    }

    /// Probes and metrics are answered within 500 ms beside two hundred `/slow`, in every phase, and all two hundred are
    /// answered, too.
    ///
    /// Why: a probe that times out counts as a failed one.
    ///
    /// Limit: 20 s
    #[test]
    fn probes_are_answered_beside_two_hundred_requests() {
        let scenario = Scenario::new();
        let mut service = Service::start(&scenario, SOON);
        let pending = in_flight(&scenario, service.address, 200, "/slow", service::PATIENCE);
        service.until_accepted(200);
        for path in ["/ready", "/healthz", "/metrics"] {
            service.probe(path, 200);
        }
        let first = pending[0].sent();
        let signal = service.signal(Signal::SIGTERM);
        scenario.at_most(secs(1), first, signal, "the signal, with two hundred `/slow` in flight,");
        let begun = service.quiesces();
        service.probe("/healthz", 200);
        service.probe("/metrics", 200);
        begun.plus(SOON.quiesce + ms(100)).wait();
        service.drains_while(&pending[0]);
        service.probe("/ready", 503);
        service.probe("/healthz", 200);
        service.probe("/metrics", 200);
        let ledger = settle(pending);
        scenario.require(ledger.answered == 200, "200 of 200 answered", &ledger);
        service.program.exit_with(0);
        scenario.note(ledger);
    }

    /// Whenever a client comes, in either phase, on a new connection or an open one, it is answered as the phase promises.
    ///
    /// Why: users come at any moment. What holds when a phase begins, and no longer when it ends, is what somebody meets at
    /// each deploy.
    ///
    /// Limit: 20 s
    #[test]
    fn clients_at_any_moment_of_the_shutdown() {
        let scenario = Scenario::new();
        let mut service = Service::start(&scenario, SOON);
        let crowd = Crowd::send(&service);
        crowd.wait_for_the_signal();
        let slow = service.slow("keeps it up");
        let signal = service.signal(Signal::SIGTERM);
        crowd.judge(&service, signal, slow.sent().plus(SLOW));
        service.answered(slow);
        service.program.exit_with(0);
        service.program.require_report("complete", 0);
    }
}

mod report {
    use super::*;

    /// The drain reports itself once, however many call it: how long it took since the first quiesce, and how much of that
    /// was quiesce.
    ///
    /// Why: the line is what you look for the morning after. If the quiesce is not in it, it does not add up with what the
    /// orchestrator has measured.
    #[test]
    fn the_drain_reports_itself_once() {
        let scenario = Scenario::new();
        let shutdowns = [
            (Some(1_000), 3_500, "complete", 0, 3_500),
            (Some(1_000), 60_000, "deadline_exceeded", 2, 6_000),
            (None, 2_000, "complete", 0, 2_000),
            (None, 60_000, "deadline_exceeded", 2, 5_000),
            (Some(1_000), 10, "complete", 0, 1_000),
        ];
        let program = Program::alone(&scenario, || {
            for (quiesce, takes, ..) in shutdowns {
                shutdown(quiesce.map(ms), ms(takes));
            }
        });
        program.exit_with(0);
        let lines = program.stderr().into_iter().map(|(_, line)| line);
        let lines: Vec<String> = lines.filter(|line| line.contains("drain outcome=")).collect();
        scenario.require(
            lines.len() == shutdowns.len(),
            "one line `drain outcome=...` on stderr for each of 5 shutdowns",
            format!("{} such lines", lines.len()),
        );
        for (line, (quiesce, _, outcome, abandoned, duration)) in lines.iter().zip(shutdowns) {
            let quiesce = quiesce.unwrap_or(0);
            let expected = format!(
                "drain outcome={outcome} duration={:?} quiesce={:?} abandoned={abandoned}",
                ms(duration),
                ms(quiesce)
            );
            let near = |field: Option<Duration>, expected: u64| {
                field.is_some_and(|it| it >= ms(expected) && it <= ms(expected + 20))
            };
            let holds = DrainReport::parse(line).is_some_and(|report| {
                report.outcome == outcome
                    && report.abandoned == abandoned
                    && near(Some(report.duration), duration)
                    && near(quiesced(line), quiesce)
            });
            scenario.require(holds, expected, line);
        }
    }

    /// Quiesces, twice, after half a second; drains; and calls the drain from several sides.
    fn shutdown(quiesce: Option<Duration>, takes: Duration) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let jobs = Jobs::new();
            // What was before the quiesce is no part of it.
            sleep(ms(700)).await;
            for work in [Work::Long, Work::Short] {
                let _ = jobs.submit(work, sleep(takes));
            }
            if let Some(quiesce) = quiesce {
                jobs.quiesce();
                sleep(quiesce / 2).await;
                jobs.quiesce();
                sleep(quiesce - quiesce / 2).await;
            }
            let deadline = Instant::now() + secs(5);
            let dropped = tokio::time::timeout(ms(1), jobs.drain(deadline));
            let late = async {
                sleep(ms(5)).await;
                jobs.quiesce();
            };
            let _ = tokio::join!(dropped, jobs.drain(deadline), jobs.drain(deadline), late);
            let _ = jobs.drain(deadline).await;
        });
    }

    /// How much of the time was quiesce.
    fn quiesced(line: &str) -> Option<Duration> {
        let (_, value) = line.split_once(" quiesce=")?;
        let value = value.split_whitespace().next()?;
        DrainReport::parse(&format!("outcome=- duration={value} abandoned=0")).map(|it| it.duration)
    }

    /// If all calls are dropped, the drain reports itself all the same.
    ///
    /// Why: the caller that gave up is the one that would like to know.
    #[test]
    fn a_drain_whose_callers_are_gone_is_reported() {
        let scenario = Scenario::new();
        let program = Program::alone(&scenario, || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let jobs = Jobs::new();
                let _ = jobs.submit(Work::Long, std::future::pending());
                let _ = tokio::time::timeout(ms(100), jobs.drain(Instant::now() + secs(2))).await;
                sleep(secs(3)).await;
            });
        });
        program.exit_with(0);
        let report = program.require_report("deadline_exceeded", 1);
        report.require_duration(&scenario, secs(2), ms(2_020));
    }

    /// The server reports its drain once: from the first signal on, the quiesce included, and what was cut off.
    ///
    /// Why: two lines for one drain are two drains to whoever counts them.
    #[test]
    fn the_server_reports_its_drain_once() {
        let scenario = Scenario::new();
        let mut service = Service::start_called(&scenario, SOON, 1);
        let slow = service.slow("client 1");
        let signal = service.signal(Signal::SIGTERM);
        let answered = service.answered(slow);
        let exit = service.program.exit_with(0);
        let report = service.program.require_report("complete", 0);
        let least = answered.since(signal).saturating_sub(ms(50));
        report.require_duration(&scenario, least, exit.at.since(signal));

        let times = Times { budget: "1s", period: Some("500ms"), quiesce: ms(500) };
        let mut service = Service::start_called(&scenario, times, 2);
        let _slow = [service.slow("client 2"), service.slow("client 3")];
        service.until_accepted(2);
        let signal = service.signal(Signal::SIGTERM);
        let exit = service.program.exit_at_the_deadline(secs(1), signal);
        let report = service.program.require_report("deadline_exceeded", 2);
        report.require_duration(&scenario, ms(950), exit.at.since(signal));
    }
}
