//! What is read from the environment.

use std::env;
use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;

const LISTEN_ADDR: &str = "LISTEN_ADDR";
const DRAIN_BUDGET: &str = "DRAIN_BUDGET";

/// What the environment says, or its defaults.
pub struct Config {
    /// `LISTEN_ADDR`: the address to listen on; port 0 takes any free port.
    pub listen_addr: SocketAddr,
    /// `DRAIN_BUDGET`: how long the drain may take, from the signal on. More than zero.
    pub drain_budget: Duration,
}

/// A variable whose value cannot be used. Shown in one line, whatever the value.
pub struct BadValue {
    variable: &'static str,
    value: String,
    expected: String,
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variable, value, expected } = self;
        write!(f, "{variable}={value:?}: expected {expected}")
    }
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// The first variable with a value that cannot be used.
    pub fn from_env() -> Result<Self, BadValue> {
        Ok(Self {
            listen_addr: read(
                LISTEN_ADDR,
                "127.0.0.1:8080",
                |value| value.parse().ok(),
                "an address and a port, such as 127.0.0.1:8080",
            )?,
            drain_budget: read(
                DRAIN_BUDGET,
                "5s",
                budget,
                "a number and a unit (ms, s or m), more than zero, such as 250ms, 1.5s or 1m",
            )?,
        })
    }

    /// Binds the address. From now on the kernel accepts connections; `accept` fetches them.
    ///
    /// # Errors
    ///
    /// If the address cannot be bound: it is in use, or not one of this machine.
    pub async fn listen(&self) -> Result<TcpListener, BadValue> {
        TcpListener::bind(self.listen_addr).await.map_err(|error| BadValue {
            variable: LISTEN_ADDR,
            value: self.listen_addr.to_string(),
            expected: format!("a free address of this machine ({error})"),
        })
    }
}

fn read<T>(
    variable: &'static str,
    default: &str,
    parse: impl Fn(&str) -> Option<T>,
    expected: &str,
) -> Result<T, BadValue> {
    let value = env::var_os(variable).unwrap_or_else(|| default.into());
    value.to_str().and_then(parse).ok_or_else(|| BadValue {
        variable,
        value: value.to_string_lossy().into_owned(),
        expected: expected.to_owned(),
    })
}

/// Reads `250ms`, `5s`, `1.5s`, `1m`.
fn budget(text: &str) -> Option<Duration> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(end);
    let seconds = match unit {
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        _ => return None,
    };
    let budget = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
    // The deadline must be a point in time that exists.
    let exists = Instant::now().checked_add(budget).is_some();
    (exists && !budget.is_zero()).then_some(budget)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_a_number_and_a_unit() {
        let read = [("250ms", 250), ("5s", 5_000), ("1.5s", 1_500), ("1m", 60_000)];
        for (text, milliseconds) in read {
            assert_eq!(budget(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_budget() {
        for text in [
            "",
            "5",
            "s",
            "soon",
            "0s",
            "0.0ms",
            "-5s",
            "5 s",
            "5h",
            "1e3s",
            "1.2.3s",
            "99999999999999999999s",
        ] {
            assert_eq!(budget(text), None, "{text}");
        }
    }
}
