//! Messages are the product: what a learner sees is recorded, and compared.
//!
//! Each folder in `submissions` is a task crate that somebody might hand in, with the screen that it
//! gets. After a wanted change: `BLESS=1 cargo test -p xtask --test transcripts`, then read the difference.

mod screen;

use screen::{judge, judge_with};

#[test]
fn a_green_one_is_told_what_to_read_next() {
    judge("green", &[], 0);
}

#[test]
fn what_was_left_in_the_shell_changes_nothing() {
    let left = [
        ("CARGO_BUILD_TARGET", "no-such-machine"),
        ("CARGO_PROFILE_TEST_OPT_LEVEL", "fast"),
        ("DRAIN_ALONE", "1"),
        ("DRAIN_EVENTS", "/dev/full"),
        ("LISTEN_ADDR", "nowhere"),
        ("RUSTFLAGS", "-D warnings -C panic=abort"),
        ("RUST_TEST_SHUFFLE", "perhaps"),
        ("RUST_TEST_THREADS", "none"),
    ];
    judge_with("green", &[], 0, &left);
}

#[test]
fn a_red_one_is_shown_what_was_seen_and_why_it_matters() {
    judge("red", &[], 1);
}

#[test]
fn a_hung_one_is_told_what_was_waited_for() {
    judge("hung", &[], 1);
}

#[test]
fn a_crashed_one_is_told_by_what() {
    judge("crashed", &["--only", "idle_pool"], 1);
}

#[test]
fn a_cheating_one_is_not_believed() {
    judge("cheating", &["--only", "idle_pool"], 1);
}

#[test]
fn one_with_tests_of_its_own_is_not_judged() {
    judge("not-judged", &[], 3);
}

#[test]
fn one_that_does_not_compile_gets_the_compilers_words() {
    let bar = [("CARGO_TERM_PROGRESS_WHEN", "always"), ("CARGO_TERM_PROGRESS_WIDTH", "60")];
    for left in [&[][..], &bar, &[("CARGO_TERM_COLOR", "always")], &[("CARGO_TERM_QUIET", "true")]] {
        let said = judge_with("not-compiling", &[], 1, left);
        assert_eq!(said.matches("error[E0728]").count(), 1, "the compiler's words, once:\n{said}");
        assert!(!said.contains("could not compile"), "and none of cargo's own:\n{said}");
        assert!(said.contains("--> not-compiling/src/main.rs:5"), "where it is:\n{said}");
        assert!(!said.contains('\u{1b}'), "and no colours in a file:\n{said}");
    }
}
