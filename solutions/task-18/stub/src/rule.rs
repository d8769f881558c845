//! The rules, and what they say.

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A sleep that a stop does not end.
    Sleep,
    /// An exit from somewhere.
    Exit,
    /// A loop that cannot end.
    Loop,
    /// A wait without a deadline.
    Wait,
    /// A task that nobody waits for.
    Detached,
    /// An allow that does not allow.
    Allow,
}

impl Rule {
    /// The rules that can be asked for, and allowed.
    pub const TO_ASK_FOR: [Self; 5] = [Self::Sleep, Self::Exit, Self::Loop, Self::Wait, Self::Detached];

    /// The rule of this name, unless it is `allow`.
    pub fn named(name: &str) -> Option<Self> {
        Self::TO_ASK_FOR.into_iter().find(|rule| rule.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sleep => "sleep",
            Self::Exit => "exit",
            Self::Loop => "loop",
            Self::Wait => "wait",
            Self::Detached => "detached",
            Self::Allow => "allow",
        }
    }

    /// What happens during a drain.
    pub fn message(self) -> &'static str {
        match self {
            Self::Sleep => "a drain waits until this sleep is over",
            Self::Exit => {
                "this ends the process in the middle of a drain: no destructor runs, nobody is waited for"
            }
            Self::Loop => "this loop does not hear of the drain, and goes on until it is cut off",
            Self::Wait => "a drain that waits here is as long as whoever it waits for likes",
            Self::Detached => "nobody can wait for this task: what it does during the drain is lost",
            Self::Allow => "this comment allows nothing",
        }
    }

    /// What to do instead.
    pub fn suggestion(self) -> &'static str {
        match self {
            Self::Sleep => "put it into a `select!` with the cancellation",
            Self::Exit => "return an error, and let `main` return the exit code",
            Self::Loop => "check the cancellation in each round, and leave",
            Self::Wait => "put it into a `timeout_at` with the deadline of the drain",
            Self::Detached => "keep the handle, or spawn it on a `TaskTracker` or `JoinSet`",
            Self::Allow => "remove it, or write `// drain-audit: allow(RULE): REASON`",
        }
    }
}
