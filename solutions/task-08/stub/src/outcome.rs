//! How a drain went.

use std::fmt;
use std::time::Duration;

/// What became of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its name.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// From its begin to its end.
    pub duration: Duration,
}

/// How a component ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It returned `Ok`.
    Complete,
    /// It returned an error, or panicked: why.
    Failed(String),
    /// Its share was over before it had ended.
    CutOff,
}

/// `component=front event=end outcome=complete duration=1.2ms`.
impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, outcome, duration } = self;
        let word = match outcome {
            Outcome::Complete => "complete",
            Outcome::Failed(_) => "failed",
            Outcome::CutOff => "cut_off",
        };
        write!(f, "component={name} event=end outcome={word} duration={duration:?}")?;
        if let Outcome::Failed(why) = outcome {
            write!(f, " error={why:?}")?;
        }
        Ok(())
    }
}
