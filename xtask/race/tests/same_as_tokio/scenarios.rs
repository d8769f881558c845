//! Small scenarios, each with one outcome, whatever the schedule. Compiled twice.

use super::{std, tokio, tokio_util};
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{
    Barrier, Mutex, Notify, OnceCell, RwLock, Semaphore, SetOnce, broadcast, mpsc, oneshot, watch,
};
use tokio::task::{AbortHandle, JoinError, JoinHandle, JoinSet, yield_now};
use tokio::time::{Instant, interval, sleep, sleep_until, timeout, timeout_at};
use tokio_util::future::FutureExt as _;
use tokio_util::sync::{CancellationToken, DropGuard, PollSender, ReusableBoxFuture};
use tokio_util::task::task_tracker::TaskTrackerToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

macro_rules! outcome {
    ($($value:expr),* $(,)?) => { format!("{:?}", ($($value,)*)) };
}

/// Whether a future is ready at its first poll.
async fn at_once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

fn how(error: &JoinError) -> (bool, bool) {
    (error.is_cancelled(), error.is_panic())
}

// mpsc

pub async fn what_a_permit_sends_after_close_is_delivered() -> String {
    let (sender, mut receiver) = mpsc::channel(2);
    let permit = sender.reserve().await.unwrap();
    receiver.close();
    let closed = (sender.is_closed(), sender.try_send(2).is_err(), sender.reserve().await.is_err());
    let pending = at_once(receiver.recv()).await;
    permit.send(1);
    outcome!(closed, pending, receiver.recv().await, receiver.recv().await)
}

pub async fn a_permit_that_is_dropped_after_close_ends_the_channel() -> String {
    let (sender, mut receiver) = mpsc::channel::<u8>(1);
    let permit = sender.reserve().await.unwrap();
    receiver.close();
    let receives = tokio::spawn(async move { receiver.recv().await });
    drop(permit);
    outcome!(receives.await.unwrap())
}

pub async fn an_owned_permit_outlives_close() -> String {
    let (sender, mut receiver) = mpsc::channel(1);
    let permit = sender.clone().reserve_owned().await.unwrap();
    receiver.close();
    let sender = permit.send(7);
    outcome!(receiver.recv().await, receiver.recv().await, sender.try_reserve_owned().is_err())
}

pub async fn close_refuses_those_who_wait_and_keeps_what_was_sent() -> String {
    let (sender, mut receiver) = mpsc::channel(1);
    sender.send(1).await.unwrap();
    let mut waits = pin!(sender.send(2));
    let before = poll_fn(|context| Poll::Ready(waits.as_mut().poll(context).is_ready())).await;
    receiver.close();
    let refused = waits.await.is_err();
    outcome!(before, refused, receiver.recv().await, receiver.recv().await)
}

pub async fn the_last_sender_ends_the_channel_after_what_is_left() -> String {
    let (sender, mut receiver) = mpsc::channel(4);
    let weak = sender.downgrade();
    let other = weak.upgrade().unwrap();
    sender.try_send(1).unwrap();
    drop(sender);
    let open = at_once(receiver.recv()).await;
    let empty = (receiver.try_recv(), other.send(2).await.is_ok());
    drop(other);
    let gone = weak.upgrade().is_none();
    outcome!(open, empty, gone, receiver.recv().await, receiver.try_recv(), receiver.recv().await)
}

pub async fn a_receiver_that_is_dropped_gives_the_value_back() -> String {
    let (sender, receiver) = mpsc::channel(1);
    sender.send(1).await.unwrap();
    let closed = at_once(sender.closed()).await;
    drop(receiver);
    sender.closed().await;
    let refused = sender.send(2).await.map_err(|error| error.0);
    outcome!(closed, refused, sender.try_send(3), sender.is_closed())
}

pub async fn places_come_back_when_values_are_taken() -> String {
    let (sender, mut receiver) = mpsc::channel(2);
    let places: Vec<_> = sender.try_reserve_many(2).unwrap().collect();
    let full = (sender.capacity(), sender.max_capacity(), sender.try_reserve().is_err());
    for (value, place) in (1..).zip(places) {
        place.send(value);
    }
    let len = (receiver.len(), receiver.is_empty());
    let mut taken = Vec::new();
    let count = receiver.recv_many(&mut taken, 8).await;
    outcome!(full, len, count, taken, sender.capacity())
}

pub async fn an_unbounded_channel_closes_like_the_other() -> String {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    sender.send(1).unwrap();
    let weak = sender.downgrade();
    receiver.close();
    let refused = sender.send(2).is_err();
    drop(sender);
    outcome!(refused, weak.upgrade().is_none(), receiver.recv().await, receiver.recv().await)
}

pub async fn a_wait_for_a_place_ends_at_its_time_out() -> String {
    let (sender, _receiver) = mpsc::channel(1);
    sender.send(1).await.unwrap();
    outcome!(sender.send_timeout(2, Duration::from_millis(5)).await)
}

pub async fn a_poll_sender_holds_its_place() -> String {
    let (sender, mut receiver) = mpsc::channel(1);
    let mut polled = PollSender::new(sender.clone());
    let ready = poll_fn(|context| polled.poll_reserve(context)).await.is_ok();
    let full = sender.try_send(1).is_err();
    polled.send_item(2).unwrap();
    outcome!(ready, full, receiver.recv().await)
}

// oneshot

pub async fn a_oneshot_that_is_closed_refuses_and_keeps_what_was_sent() -> String {
    let (sender, mut receiver) = oneshot::channel();
    receiver.close();
    let refused = (sender.is_closed(), sender.send(1));
    let (sender, mut late) = oneshot::channel();
    sender.send(2).unwrap();
    late.close();
    let kept = late.try_recv();
    let (sender, dropped) = oneshot::channel::<u8>();
    drop(sender);
    outcome!(refused, receiver.await.is_err(), kept, dropped.await.is_err())
}

pub async fn a_oneshot_says_when_nobody_waits() -> String {
    let (mut sender, receiver) = oneshot::channel::<u8>();
    let early = at_once(sender.closed()).await;
    drop(receiver);
    sender.closed().await;
    outcome!(early, sender.send(1))
}

// watch

pub async fn a_watch_shows_the_last_value_once() -> String {
    let (sender, mut receiver) = watch::channel(0);
    let first = receiver.has_changed().unwrap();
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    receiver.changed().await.unwrap();
    let seen = *receiver.borrow_and_update();
    let again = at_once(receiver.changed()).await.is_some();
    sender.send_modify(|value| *value += 1);
    let peeked = (*receiver.borrow(), receiver.has_changed().unwrap());
    receiver.mark_unchanged();
    let silent = sender.send_if_modified(|_| false);
    let replaced = sender.send_replace(9);
    outcome!(first, seen, again, peeked, silent, replaced, at_once(receiver.changed()).await.is_some())
}

pub async fn the_last_value_of_a_watch_is_seen_after_its_sender() -> String {
    let (sender, mut receiver) = watch::channel(0);
    sender.send(1).unwrap();
    drop(sender);
    let changed = receiver.changed().await.is_ok();
    let over = receiver.changed().await.is_err();
    let found = receiver.wait_for(|value| *value == 1).await.is_ok();
    let never = receiver.wait_for(|value| *value == 2).await.is_err();
    outcome!(changed, over, found, never, *receiver.borrow(), receiver.has_changed().is_err())
}

pub async fn a_watch_without_receivers_keeps_its_value_only_when_told() -> String {
    let (sender, receiver) = watch::channel(0);
    drop(receiver);
    let refused = sender.send(1).is_err();
    let kept = *sender.borrow();
    sender.send_replace(2);
    sender.closed().await;
    let receiver = sender.subscribe();
    outcome!(refused, kept, *receiver.borrow(), receiver.has_changed().unwrap(), sender.receiver_count())
}

pub async fn whoever_waits_for_a_value_is_woken_by_it() -> String {
    let sender = watch::Sender::new(0);
    let mut receiver = sender.subscribe();
    let waits = tokio::spawn(async move { receiver.wait_for(|value| *value >= 2).await.map(|value| *value) });
    for _ in 0..2 {
        sender.send_modify(|value| *value += 1);
        yield_now().await;
    }
    outcome!(waits.await.unwrap().unwrap())
}

// broadcast

pub async fn a_broadcast_reaches_all_and_says_what_was_missed() -> String {
    let (sender, mut first) = broadcast::channel(2);
    let mut second = sender.subscribe();
    let counts: Vec<_> = (1..=3).map(|value| sender.send(value).unwrap()).collect();
    let missed = (first.recv().await, first.recv().await);
    drop(sender);
    let rest = (second.recv().await, second.try_recv(), second.recv().await, second.recv().await);
    outcome!(counts, missed, rest)
}

pub async fn a_broadcast_without_receivers_gives_the_value_back() -> String {
    let (sender, receiver) = broadcast::channel(1);
    drop(receiver);
    let refused = sender.send(1).is_err();
    let mut late = sender.subscribe();
    outcome!(refused, late.try_recv(), sender.send(2), late.recv().await, sender.receiver_count())
}

// Notify

pub async fn one_permit_of_a_notify_is_stored() -> String {
    let notify = Notify::new();
    notify.notify_one();
    notify.notify_one();
    let first = at_once(notify.notified()).await.is_some();
    let second = at_once(notify.notified()).await.is_some();
    notify.notify_waiters();
    outcome!(first, second, at_once(notify.notified()).await.is_some())
}

pub async fn notify_waiters_wakes_what_was_made_before() -> String {
    let notify = Notify::new();
    let before = notify.notified();
    notify.notify_waiters();
    let woken = at_once(before).await.is_some();
    let mut enabled = pin!(notify.notified());
    let early = enabled.as_mut().enable();
    notify.notify_one();
    outcome!(woken, early, at_once(enabled).await.is_some(), at_once(notify.notified()).await.is_some())
}

pub async fn a_notification_that_is_dropped_goes_to_the_next() -> String {
    let notify = Arc::new(Notify::new());
    let mut first = Box::pin(notify.clone().notified_owned());
    let mut second = Box::pin(notify.notified());
    let early = (first.as_mut().enable(), second.as_mut().enable());
    notify.notify_one();
    drop(first);
    second.await;
    outcome!(early)
}

pub async fn those_who_wait_are_notified_in_their_order() -> String {
    let notify = Notify::new();
    let (mut first, mut second) = (pin!(notify.notified()), pin!(notify.notified()));
    let _ = (second.as_mut().enable(), first.as_mut().enable());
    notify.notify_one();
    outcome!(at_once(first).await.is_some(), at_once(second).await.is_some())
}

// Semaphore

pub async fn a_closed_semaphore_refuses_and_counts_on() -> String {
    let semaphore = Arc::new(Semaphore::new(1));
    let permit = semaphore.clone().acquire_owned().await.unwrap();
    let mut waits = pin!(semaphore.acquire());
    let early = poll_fn(|context| Poll::Ready(waits.as_mut().poll(context).is_ready())).await;
    semaphore.close();
    let refused = waits.await.is_err();
    drop(permit);
    let closed = (semaphore.is_closed(), semaphore.try_acquire().is_err(), semaphore.available_permits());
    outcome!(early, refused, closed)
}

pub async fn permits_are_given_in_the_order_of_those_who_wait() -> String {
    let semaphore = Semaphore::new(0);
    let (mut large, mut small) = (pin!(semaphore.acquire_many(2)), pin!(semaphore.acquire()));
    poll_fn(|context| {
        Poll::Ready((large.as_mut().poll(context).is_ready(), small.as_mut().poll(context).is_ready()))
    })
    .await;
    semaphore.add_permits(1);
    let overtakes = (at_once(small.as_mut()).await.is_some(), semaphore.try_acquire().is_ok());
    semaphore.add_permits(1);
    let large = large.await.unwrap();
    let late = at_once(small.as_mut()).await.is_some();
    drop(large);
    outcome!(overtakes, late, small.await.is_ok())
}

pub async fn permits_are_split_merged_and_forgotten() -> String {
    let semaphore = Arc::new(Semaphore::new(4));
    let mut three = semaphore.clone().acquire_many_owned(3).await.unwrap();
    let one = three.split(1).unwrap();
    let split = (three.num_permits(), semaphore.available_permits());
    three.merge(one);
    three.forget();
    let forgotten = semaphore.forget_permits(5);
    outcome!(split, forgotten, semaphore.available_permits(), semaphore.try_acquire_many(1).is_err())
}

pub async fn an_acquire_that_is_dropped_gives_back_what_it_had() -> String {
    let semaphore = Semaphore::new(1);
    {
        let mut two = pin!(semaphore.acquire_many(2));
        poll_fn(|context| Poll::Ready(two.as_mut().poll(context).is_ready())).await;
    }
    outcome!(semaphore.available_permits(), semaphore.try_acquire().is_ok())
}

// Locks and cells

pub async fn a_lock_is_held_across_an_await() -> String {
    let lock = Arc::new(Mutex::new(vec![1]));
    let mut guard = lock.lock().await;
    let other = tokio::spawn({
        let lock = lock.clone();
        async move { lock.lock_owned().await.push(3) }
    });
    yield_now().await;
    let locked = lock.try_lock().is_err();
    guard.push(2);
    drop(guard);
    other.await.unwrap();
    outcome!(locked, lock.lock().await)
}

pub async fn readers_share_and_a_writer_does_not() -> String {
    let lock = RwLock::new(1);
    let readers = (lock.read().await, lock.read().await);
    let refused = lock.try_write().is_err();
    drop(readers);
    *lock.write().await += 1;
    let read = *lock.read().await;
    outcome!(refused, read, lock.into_inner())
}

pub async fn a_cell_is_set_once_and_by_the_next_after_a_failure() -> String {
    let cell = OnceCell::new();
    let failed = cell.get_or_try_init(|| async { Err::<u8, _>("no") }).await.is_err();
    {
        let mut given_up = pin!(cell.get_or_init(pending));
        poll_fn(|context| Poll::Ready(given_up.as_mut().poll(context).is_ready())).await;
    }
    let first = *cell.get_or_init(|| async { 2 }).await;
    outcome!(failed, first, cell.get_or_init(|| async { 3 }).await, cell.set(4).is_err(), cell.initialized())
}

pub async fn whoever_waits_for_a_cell_gets_its_value() -> String {
    let cell = Arc::new(SetOnce::new());
    let waits = tokio::spawn({
        let cell = cell.clone();
        async move { *cell.wait().await }
    });
    yield_now().await;
    let set = (cell.set(1).is_ok(), cell.set(2).is_err());
    outcome!(set, waits.await.unwrap(), cell.get())
}

pub async fn a_barrier_has_one_leader() -> String {
    let barrier = Arc::new(Barrier::new(2));
    let other = tokio::spawn({
        let barrier = barrier.clone();
        async move { barrier.wait().await.is_leader() }
    });
    let one = barrier.wait().await.is_leader();
    outcome!(one != other.await.unwrap())
}

// Tasks

pub async fn an_aborted_task_drops_its_future_and_is_cancelled() -> String {
    let (sender, receiver) = oneshot::channel::<u8>();
    let task = tokio::spawn(async move {
        let _held = sender;
        pending::<()>().await;
    });
    let abort: AbortHandle = task.abort_handle();
    yield_now().await;
    abort.abort();
    let error = task.await.unwrap_err();
    outcome!(how(&error), receiver.await.is_err(), abort.is_finished())
}

pub async fn a_task_that_is_done_cannot_be_aborted() -> String {
    let task = tokio::spawn(async { 1 });
    while !task.is_finished() {
        yield_now().await;
    }
    task.abort();
    outcome!(task.await.unwrap())
}

pub async fn a_panic_ends_one_task() -> String {
    let (sender, receiver) = oneshot::channel::<u8>();
    let task: JoinHandle<()> = tokio::spawn(async move {
        let _held = sender;
        panic!("on purpose");
    });
    let error = task.await.unwrap_err();
    let released = receiver.await.is_err();
    outcome!(how(&error), released, error.into_panic().downcast_ref::<&str>())
}

pub async fn a_task_goes_on_when_its_handle_is_dropped() -> String {
    let (sender, receiver) = oneshot::channel();
    drop(tokio::spawn(async move {
        yield_now().await;
        sender.send(1)
    }));
    outcome!(receiver.await)
}

pub async fn a_set_that_is_dropped_aborts_its_tasks() -> String {
    let (sender, mut receiver) = mpsc::channel::<u8>(1);
    let mut set = JoinSet::new();
    for _ in 0..2 {
        let sender = sender.clone();
        set.spawn(async move {
            let _held = sender;
            pending::<()>().await;
        });
    }
    drop(sender);
    yield_now().await;
    let len = set.len();
    drop(set);
    outcome!(len, receiver.recv().await)
}

pub async fn a_set_hands_out_each_task_once() -> String {
    let mut set: JoinSet<u8> = (1..=3).map(|value| async move { value }).collect();
    set.spawn(pending());
    let mut ended = Vec::new();
    for _ in 0..3 {
        ended.push(set.join_next().await.unwrap().unwrap());
    }
    ended.sort();
    let waits = set.try_join_next().is_none();
    set.abort_all();
    let aborted = set.join_next().await.unwrap().map_err(|error| how(&error));
    outcome!(ended, waits, aborted, set.join_next().await.is_none(), set.is_empty())
}

pub async fn a_set_is_joined_or_shut_down() -> String {
    let set: JoinSet<u8> = (1..=3).map(|value| async move { value }).collect();
    let mut all = set.join_all().await;
    all.sort();
    let mut set = JoinSet::new();
    set.spawn(pending::<()>());
    set.shutdown().await;
    let mut detached = JoinSet::new();
    let (sender, receiver) = oneshot::channel();
    detached.spawn(async move { sender.send(1).unwrap() });
    detached.detach_all();
    outcome!(all, set.len(), detached.len(), receiver.await)
}

pub async fn a_handle_that_aborts_does_so_when_it_is_dropped() -> String {
    let (sender, receiver) = oneshot::channel::<u8>();
    let handle = AbortOnDropHandle::new(tokio::spawn(async move {
        let _held = sender;
        pending::<()>().await;
    }));
    yield_now().await;
    drop(handle);
    outcome!(
        receiver.await.is_err(),
        AbortOnDropHandle::new(tokio::spawn(async { 1 })).detach().await.unwrap()
    )
}

// Trackers and tokens

pub async fn a_tracker_waits_until_it_is_closed_and_empty() -> String {
    let tracker = TaskTracker::new();
    let open = at_once(tracker.wait()).await.is_some();
    let token: TaskTrackerToken = tracker.token();
    let closed = (tracker.close(), tracker.close(), tracker.is_closed());
    let busy = (at_once(tracker.wait()).await.is_some(), tracker.len());
    let late = tracker.spawn(async { 1 });
    let task = tokio::spawn({
        let tracker = tracker.clone();
        async move { tracker.wait().await }
    });
    yield_now().await;
    drop(token);
    task.await.unwrap();
    let reopened = (tracker.reopen(), at_once(tracker.wait()).await.is_some());
    outcome!(open, closed, busy, late.await.unwrap(), reopened, tracker.is_empty())
}

pub async fn a_wait_that_has_begun_is_over_although_the_tracker_is_reopened() -> String {
    let tracker = TaskTracker::new();
    let token = tracker.token();
    tracker.close();
    let waits = tracker.wait();
    drop(token);
    tracker.reopen();
    let _token = tracker.token();
    outcome!(at_once(waits).await.is_some(), at_once(tracker.wait()).await.is_some())
}

pub async fn a_tracked_future_counts_until_it_is_dropped() -> String {
    let tracker = TaskTracker::new();
    let future = tracker.track_future(async { 1 });
    let counted = tracker.len();
    let mut future = Box::pin(future);
    let value = future.as_mut().await;
    let done = tracker.len();
    drop(future);
    let task = tracker.spawn(pending::<()>());
    task.abort();
    tracker.close();
    tracker.wait().await;
    outcome!(counted, value, done, tracker.len())
}

pub async fn a_child_is_cancelled_with_its_parent_and_not_the_other_way_round() -> String {
    let parent = CancellationToken::new();
    let (first, second) = (parent.child_token(), parent.child_token());
    first.cancel();
    let one = (parent.is_cancelled(), first.is_cancelled(), second.is_cancelled());
    parent.clone().cancel();
    second.cancelled().await;
    first.cancelled_owned().await;
    outcome!(one, parent.is_cancelled(), parent.child_token().is_cancelled())
}

pub async fn a_guard_cancels_when_it_is_dropped_unless_it_is_disarmed() -> String {
    let token = CancellationToken::new();
    let guard: DropGuard = token.clone().drop_guard();
    let disarmed = guard.disarm();
    let before = disarmed.is_cancelled();
    drop(token.drop_guard_ref());
    outcome!(before, token.is_cancelled())
}

pub async fn a_future_runs_until_its_token_is_cancelled() -> String {
    let token = CancellationToken::new();
    let done = token.run_until_cancelled(async { 1 }).await;
    let cut = tokio::spawn({
        let token = token.clone();
        async move { token.run_until_cancelled_owned(pending::<u8>()).await }
    });
    let with = tokio::spawn(pending::<u8>().with_cancellation_token_owned(token.clone()));
    yield_now().await;
    token.cancel();
    outcome!(done, cut.await.unwrap(), with.await.unwrap())
}

pub async fn a_box_is_used_again() -> String {
    let mut future = ReusableBoxFuture::new(async { 1 });
    let first = poll_fn(|context| future.poll(context)).await;
    future.set(async { 2 });
    outcome!(first, future.await)
}

pub async fn methods_are_found_by_their_path() -> String {
    let (token, notify, tracker) = (CancellationToken::new(), Notify::new(), TaskTracker::new());
    [&token].into_iter().for_each(CancellationToken::cancel);
    [&notify].into_iter().for_each(Notify::notify_one);
    let closed = [&tracker].map(TaskTracker::close);
    let (sender, mut receiver) = watch::channel(1);
    let held = [&sender].map(watch::Sender::is_closed);
    let (sent, mut received) = mpsc::unbounded_channel();
    let results: Vec<_> = (1..=2).map(|value| mpsc::UnboundedSender::send(&sent, value).is_ok()).collect();
    [&mut received].into_iter().for_each(mpsc::UnboundedReceiver::close);
    [&mut receiver].into_iter().for_each(watch::Receiver::mark_changed);
    let changed = receiver.has_changed().is_ok_and(|changed| changed);
    outcome!(token.is_cancelled(), at_once(notify.notified()).await, closed, held, results, changed)
}

// Macros and time

pub async fn a_select_drops_what_it_does_not_take() -> String {
    let (sender, mut receiver) = mpsc::channel(1);
    let lost: Option<u8> = tokio::select! {
        biased;
        () = async {} => None,
        value = receiver.recv() => value,
    };
    sender.send(1).await.unwrap();
    let taken = tokio::select! {
        value = receiver.recv() => value,
        () = pending() => None,
    };
    let (sender, receiver) = oneshot::channel::<u8>();
    tokio::select! {
        () = async move { let _held = sender; pending().await } => {}
        () = yield_now() => {}
    }
    outcome!(lost, taken, receiver.await.is_err())
}

pub async fn a_select_passes_over_what_is_disabled() -> String {
    let mut order = Vec::new();
    let (mut first, mut second) = (true, true);
    loop {
        tokio::select! {
            biased;
            () = async {}, if first => { first = false; order.push(1) }
            Some(value) = async { None::<u8> } => order.push(value),
            () = async {}, if second => { second = false; order.push(2) }
            else => break,
        }
    }
    outcome!(order)
}

pub async fn futures_are_joined() -> String {
    let both = tokio::join!(async { 1 }, async {
        yield_now().await;
        2
    });
    let first_error = tokio::try_join!(async { Err::<u8, _>("no") }, pending::<Result<u8, _>>());
    tokio::pin! {
        let pinned = async { 3 };
    }
    outcome!(both, first_error, pinned.await)
}

pub async fn what_is_ready_beats_its_deadline_and_what_waits_does_not() -> String {
    let ready = timeout(Duration::from_millis(5), async { 1 }).await;
    let late = timeout(Duration::from_millis(5), pending::<u8>()).await.is_err();
    let at = timeout_at(Instant::now() + Duration::from_millis(5), pending::<u8>()).await.is_err();
    outcome!(ready, late, at)
}

pub async fn a_shorter_time_out_strikes_first() -> String {
    let long = timeout(Duration::from_millis(50), pending::<u8>());
    let short = timeout(Duration::from_millis(5), pending::<u8>());
    let first = tokio::select! {
        _ = long => "long",
        _ = short => "short",
    };
    outcome!(first)
}

pub async fn a_time_out_does_not_strike_while_somebody_goes_on() -> String {
    let task = tokio::spawn(async {
        for _ in 0..5 {
            yield_now().await;
        }
        1
    });
    outcome!(timeout(Duration::from_millis(5), task).await.unwrap().unwrap())
}

pub async fn a_sleep_ends() -> String {
    sleep(Duration::from_millis(5)).await;
    sleep_until(Instant::now() + Duration::from_millis(5)).await;
    let mut ticks = interval(Duration::from_millis(5));
    ticks.tick().await;
    ticks.tick().await;
    outcome!("over")
}

/// Only where time is modelled.
pub async fn all_comes_in_its_order() -> String {
    let begun = Instant::now();
    let sleeps = async {
        sleep(Duration::from_millis(30)).await;
        let first = begun.elapsed();
        sleep_until(begun).await;
        sleep_until(begun + Duration::from_millis(31)).await;
        (first, begun.elapsed())
    };
    let ticks = async {
        let mut ticks = interval(Duration::from_millis(25));
        ticks.tick().await;
        let tick = ticks.tick().await - begun;
        ticks.reset();
        (tick, ticks.tick().await - begun)
    };
    let missed = async {
        let missed = timeout(Duration::from_millis(20), sleep(Duration::from_millis(40))).await.is_err();
        let in_time = timeout(Duration::from_millis(20), sleep(Duration::from_millis(10))).await.is_ok();
        (missed, in_time, begun.elapsed())
    };
    let moved = async {
        let mut moved = Box::pin(sleep(Duration::from_millis(5)));
        moved.as_mut().reset(begun + Duration::from_millis(70));
        moved.await;
        begun.elapsed()
    };
    let all = tokio::join!(sleeps, ticks, missed, moved);
    outcome!(all, begun.elapsed())
}

// std

pub async fn a_lock_of_std_is_tried_and_poisoned() -> String {
    let lock = std::sync::Mutex::new(1);
    let held = lock.lock().unwrap();
    let busy = lock.try_lock().is_err();
    drop(held);
    let panics = catch_unwind(AssertUnwindSafe(|| {
        let _held = lock.lock().unwrap();
        panic!("on purpose");
    }));
    let poisoned = lock.lock().map(|_| ()).map_err(|error| **error.get_ref());
    let readers = std::sync::RwLock::new(1);
    let shared = (readers.read().is_ok(), readers.try_write().is_ok());
    outcome!(busy, panics.is_err(), poisoned, shared)
}

pub async fn a_lock_of_std_that_is_set_once() -> String {
    let once = OnceLock::new();
    let unset = once.get().is_none();
    let first = *once.get_or_init(|| 1);
    let lazy: LazyLock<u8> = LazyLock::new(|| 2);
    outcome!(unset, first, *once.get_or_init(|| 3), once.set(4), *lazy, once.into_inner())
}

pub async fn an_atomic_of_std_counts() -> String {
    let count = Arc::new(AtomicUsize::new(0));
    let tasks: JoinSet<usize> = (0..3)
        .map(|_| {
            let count = count.clone();
            async move { count.fetch_add(1, Ordering::SeqCst) }
        })
        .collect();
    let mut counted = tasks.join_all().await;
    counted.sort();
    outcome!(
        counted,
        count.load(Ordering::Relaxed),
        count.compare_exchange(3, 9, Ordering::SeqCst, Ordering::SeqCst)
    )
}
