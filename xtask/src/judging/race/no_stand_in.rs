//! Why a submission that compiles with tokio does not compile with what stands in for it.

use crate::typeset;

/// The reason, in our words: which name, and where.
pub(super) fn reason(errors: &str) -> String {
    let errors = typeset::strip_colour(errors);
    let error = errors.lines().find(|line| line.starts_with("error")).unwrap_or_default();
    let place = errors.lines().find_map(|line| line.trim_start().strip_prefix("--> "));
    // One of ours is no mistake of the code.
    let place = place.filter(|path| !path.contains("xtask/race")).map(file_and_line);
    let missing = ["unresolved", "unlinked", "cannot find", "could not find", " named `"];
    let name = error.split('`').nth(1).filter(|_| missing.iter().any(|words| error.contains(words)));
    let what = match (name, place) {
        (Some(name), Some(place)) => {
            format!("the code uses `{name}` ({place}), for which the race check has no stand-in")
        }
        (None, Some(place)) => {
            format!("the code does not compile at {place} with what stands in for tokio in a race check")
        }
        (_, None) => "the race check cannot be built: see `cargo test --no-run` of its package".to_owned(),
    };
    format!("{what}. It may stay, and the other criteria judge it; without it, this one would too")
}

/// `src/lib.rs:12`, of what the compiler says.
fn file_and_line(said: &str) -> String {
    let path = said.rfind("/src/").map_or(said, |at| &said[at + 1..]);
    path.rsplit_once(':').map_or(path, |(line, _column)| line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_name_is_told_with_its_place() {
        let said = "error[E0432]: unresolved import `tokio_util::task::JoinMap`\n  --> exercises/task-02/race/../src/lib.rs:12:5\n   |\n";
        assert!(
            reason(said).starts_with("the code uses `tokio_util::task::JoinMap` (src/lib.rs:12), for which"),
            "{}",
            reason(said)
        );
        let said = "error[E0599]: no method named `blocking_close` found for struct `Visible<R>` in the current scope\n   --> /tmp/x/src/pool/queue.rs:104:23\n";
        assert!(
            reason(said).starts_with("the code uses `blocking_close` (src/pool/queue.rs:104), for which")
        );
    }

    #[test]
    fn any_other_error_is_told_by_its_place() {
        let said =
            "error[E0308]: mismatched types: expected `u32`\n --> exercises/task-02/race/../src/lib.rs:9:9\n";
        assert!(
            reason(said).starts_with("the code does not compile at src/lib.rs:9 with"),
            "{}",
            reason(said)
        );
    }
}
