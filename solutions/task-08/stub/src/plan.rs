//! Who needs whom.

use std::error::Error;
use std::fmt;

use crate::component::Component;

/// The order, as the walk needs it: what is in it is up to you.
#[derive(Clone)]
pub(crate) struct Plan {}

impl Plan {
    pub(crate) fn new(components: &[Component]) -> Result<Self, BadOrder> {
        todo!(
            "refuse what has no order, and keep what the walk has to know of {} components",
            components.len()
        )
    }
}

/// There is no order, or it is not clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadOrder {
    /// Two components have this name.
    Twice(String),
    /// A component needs one that is not there.
    Unknown {
        /// The component that needs it.
        component: String,
        /// The name that nobody has.
        needs: String,
    },
    /// Each of these needs the next one, and the last one is the first one again.
    Cycle(Vec<String>),
}

impl fmt::Display for BadOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Twice(name) => write!(f, "two components are called {name}"),
            Self::Unknown { component, needs } => write!(f, "{component} needs {needs}, which is not there"),
            Self::Cycle(names) => write!(f, "there is no order: {}", names.join(" needs ")),
        }
    }
}

impl Error for BadOrder {}
