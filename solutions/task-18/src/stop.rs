//! Which words speak of a stop.

/// Their words, in small letters.
const WORDS: [&str; 35] = [
    "abort",
    "aborted",
    "cancel",
    "canceled",
    "cancellation",
    "cancelled",
    "closed",
    "closing",
    "ctrl",
    "drain",
    "drained",
    "draining",
    "exit",
    "exiting",
    "halt",
    "interrupt",
    "interrupted",
    "kill",
    "killed",
    "quiesce",
    "quit",
    "quitting",
    "shut",
    "shutdown",
    "shutting",
    "sigint",
    "signal",
    "signals",
    "sigterm",
    "stop",
    "stopped",
    "stopping",
    "term",
    "terminate",
    "terminated",
];

/// Those of them that may speak of something else: of a task, a channel, another process.
const OF_OTHERS: [&str; 11] = [
    "abort",
    "aborted",
    "closed",
    "closing",
    "exit",
    "exiting",
    "interrupted",
    "kill",
    "killed",
    "signal",
    "signals",
];

/// Methods that are told of a stop, whatever they are called on.
const METHODS: [&str; 7] = ["recv", "try_recv", "changed", "has_changed", "notified", "closed", "is_closed"];

/// Whether one of the words in this identifier speaks of a stop: `shutdown_rx`, `isStopped`, `CtrlC`.
pub fn has_stop_word(identifier: &str) -> bool {
    words(identifier).any(|word| WORDS.contains(&word.to_lowercase().as_str()))
}

/// Whether one of the words in this identifier speaks of a drain of the whole program.
pub fn speaks_of_a_drain(identifier: &str) -> bool {
    words(identifier).any(|word| {
        let word = word.to_lowercase();
        WORDS.contains(&word.as_str()) && !OF_OTHERS.contains(&word.as_str())
    })
}

/// Whether a method of this name is a stop signal.
pub fn is_stop_method(name: &str) -> bool {
    METHODS.contains(&name) || name != "drain" && has_stop_word(name)
}

/// The words of an identifier: they end at `_`, and begin with a capital after a small letter.
fn words(identifier: &str) -> impl Iterator<Item = &str> {
    identifier.split('_').flat_map(|part| {
        let mut rest = part;
        std::iter::from_fn(move || {
            let mut letters = rest.char_indices().zip(rest.chars().skip(1));
            let end = letters.find(|((_, this), next)| !this.is_uppercase() && next.is_uppercase());
            let end = end.map_or(rest.len(), |((at, this), _)| at + this.len_utf8());
            let (word, after) = rest.split_at(end);
            rest = after;
            (!word.is_empty()).then_some(word)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_end_at_underscores_and_before_capitals() {
        for identifier in
            ["shutdown_rx", "is_stopped", "CancellationToken", "SHUTDOWN", "ctrl_c", "onSigterm"]
        {
            assert!(has_stop_word(identifier), "{identifier}");
        }
        for identifier in ["determine", "stopwatch", "design", "running", "terminal", "", "_", "é_É"] {
            assert!(!has_stop_word(identifier), "{identifier}");
        }
    }

    #[test]
    fn to_empty_a_vector_is_no_stop() {
        assert!(!is_stop_method("drain") && is_stop_method("recv") && is_stop_method("is_cancelled"));
    }
}
