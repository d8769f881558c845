//! Variables of the environment.

use std::env;
use std::fmt;

/// A variable whose value cannot be used. Shown in one line, whatever the value.
pub struct BadValue {
    variable: &'static str,
    value: String,
    expected: String,
}

impl BadValue {
    /// Says what was expected instead.
    pub fn new(variable: &'static str, value: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { variable, value: value.into(), expected: expected.into() }
    }
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variable, value, expected } = self;
        write!(f, "{variable}={value:?}: expected {expected}")
    }
}

/// Reads a variable; where it is not set, its default. One that is set and empty has a value.
///
/// # Errors
///
/// If `parse` cannot use the value.
pub fn read<T>(
    variable: &'static str,
    default: &str,
    parse: impl Fn(&str) -> Option<T>,
    expected: &str,
) -> Result<T, BadValue> {
    let value = env::var_os(variable).unwrap_or_else(|| default.into());
    value.to_str().and_then(parse).ok_or_else(|| BadValue::new(variable, value.to_string_lossy(), expected))
}
