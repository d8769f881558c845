//! What stands in for tokio, and for locks and atomics of std, in a race check behaves like them.
//!
//! The scenarios are compiled twice. What comes out with tokio must come out with the stand-ins too, in
//! each of many schedules: a right program could fail its race check otherwise, because of us.

#![expect(clippy::duplicate_mod, clippy::single_component_path_imports, reason = "compiled twice")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

#[path = "same_as_tokio"]
mod real {
    pub mod scenarios;

    use {std, tokio, tokio_util};
}

#[path = "same_as_tokio"]
mod stand_in {
    pub mod scenarios;

    use drain_race_std as std;
    use drain_race_tokio as tokio;
    use drain_race_tokio::util as tokio_util;
}

const SCHEDULES: u64 = 200;

macro_rules! same_as_tokio {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                let mut runtime = tokio::runtime::Builder::new_current_thread();
                let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
                let expected = runtime.block_on(real::scenarios::$name());
                let observed = drain_race::outcomes(SCHEDULES, stand_in::scenarios::$name);
                assert_eq!(observed, [expected].into());
            }
        )*
    };
}

same_as_tokio! {
    a_lock_of_std_is_tried_and_poisoned
    a_lock_of_std_that_is_set_once
    an_atomic_of_std_counts
    what_a_permit_sends_after_close_is_delivered
    a_permit_that_is_dropped_after_close_ends_the_channel
    an_owned_permit_outlives_close
    close_refuses_those_who_wait_and_keeps_what_was_sent
    the_last_sender_ends_the_channel_after_what_is_left
    a_receiver_that_is_dropped_gives_the_value_back
    places_come_back_when_values_are_taken
    an_unbounded_channel_closes_like_the_other
    a_wait_for_a_place_ends_at_its_time_out
    a_poll_sender_holds_its_place
    a_oneshot_that_is_closed_refuses_and_keeps_what_was_sent
    a_oneshot_says_when_nobody_waits
    a_watch_shows_the_last_value_once
    the_last_value_of_a_watch_is_seen_after_its_sender
    a_watch_without_receivers_keeps_its_value_only_when_told
    whoever_waits_for_a_value_is_woken_by_it
    a_broadcast_reaches_all_and_says_what_was_missed
    a_broadcast_without_receivers_gives_the_value_back
    one_permit_of_a_notify_is_stored
    notify_waiters_wakes_what_was_made_before
    a_notification_that_is_dropped_goes_to_the_next
    those_who_wait_are_notified_in_their_order
    a_closed_semaphore_refuses_and_counts_on
    permits_are_given_in_the_order_of_those_who_wait
    permits_are_split_merged_and_forgotten
    an_acquire_that_is_dropped_gives_back_what_it_had
    a_lock_is_held_across_an_await
    readers_share_and_a_writer_does_not
    a_cell_is_set_once_and_by_the_next_after_a_failure
    whoever_waits_for_a_cell_gets_its_value
    a_barrier_has_one_leader
    an_aborted_task_drops_its_future_and_is_cancelled
    a_task_that_is_done_cannot_be_aborted
    a_panic_ends_one_task
    a_task_goes_on_when_its_handle_is_dropped
    a_set_that_is_dropped_aborts_its_tasks
    a_set_hands_out_each_task_once
    a_set_is_joined_or_shut_down
    a_handle_that_aborts_does_so_when_it_is_dropped
    a_tracker_waits_until_it_is_closed_and_empty
    a_wait_that_has_begun_is_over_although_the_tracker_is_reopened
    a_tracked_future_counts_until_it_is_dropped
    a_child_is_cancelled_with_its_parent_and_not_the_other_way_round
    a_guard_cancels_when_it_is_dropped_unless_it_is_disarmed
    a_future_runs_until_its_token_is_cancelled
    a_box_is_used_again
    methods_are_found_by_their_path
    a_select_drops_what_it_does_not_take
    a_select_passes_over_what_is_disabled
    futures_are_joined
    what_is_ready_beats_its_deadline_and_what_waits_does_not
    a_shorter_time_out_strikes_first
    a_time_out_does_not_strike_while_somebody_goes_on
    a_sleep_ends
}

#[test]
fn where_time_is_modelled_all_comes_in_its_order() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
    let expected = runtime.block_on(real::scenarios::all_comes_in_its_order());
    let _modelled = drain_race_tokio::time::modelled();
    let observed = drain_race::outcomes(SCHEDULES, stand_in::scenarios::all_comes_in_its_order);
    assert_eq!(observed, [expected].into());
}

/// Two tasks each look and then write one more.
async fn both<F: Future<Output = ()> + Send + 'static>(one_more: impl Fn() -> F) {
    let tasks: drain_race_tokio::task::JoinSet<()> = (0..2).map(|_| one_more()).collect();
    tasks.join_all().await;
}

#[test]
fn between_a_look_and_a_write_somebody_else_may_come() {
    let either = BTreeSet::from(["1".to_owned(), "2".to_owned()]);
    let atomic = || async {
        let count = Arc::new(drain_race_std::sync::atomic::AtomicUsize::new(0));
        let one_more = |count: Arc<drain_race_std::sync::atomic::AtomicUsize>| async move {
            count.store(count.load(Ordering::SeqCst) + 1, Ordering::SeqCst);
        };
        both(|| one_more(count.clone())).await;
        count.load(Ordering::SeqCst).to_string()
    };
    assert_eq!(drain_race::outcomes(SCHEDULES, atomic), either);
    let lock = || async {
        let count = Arc::new(drain_race_std::sync::Mutex::new(0));
        let one_more = |count: Arc<drain_race_std::sync::Mutex<i32>>| async move {
            let seen = *count.lock().unwrap();
            *count.lock().unwrap() = seen + 1;
        };
        both(|| one_more(count.clone())).await;
        count.lock().unwrap().to_string()
    };
    assert_eq!(drain_race::outcomes(SCHEDULES, lock), either);
    let watch = || async {
        let count = drain_race_tokio::sync::watch::Sender::new(0);
        let one_more = |count: drain_race_tokio::sync::watch::Sender<i32>| async move {
            let seen = *count.borrow();
            count.send_replace(seen + 1);
        };
        both(|| one_more(count.clone())).await;
        count.borrow().to_string()
    };
    assert_eq!(drain_race::outcomes(SCHEDULES, watch), either);
    let permits = || async {
        let permits = Arc::new(drain_race_tokio::sync::Semaphore::new(0));
        let one_more = |permits: Arc<drain_race_tokio::sync::Semaphore>| async move {
            if permits.available_permits() == 0 {
                permits.add_permits(1);
            }
        };
        both(|| one_more(permits.clone())).await;
        permits.available_permits().to_string()
    };
    assert_eq!(drain_race::outcomes(SCHEDULES, permits), either);
}
