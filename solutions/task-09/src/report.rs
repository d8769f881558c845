//! What is said in the end.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use nix::sys::signal::Signal;
use tinyjson::JsonValue;

/// What the service did instead of draining. The first of several is the one that is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A signal ended it.
    Killed,
    /// It had not exited at the deadline.
    Hung,
    /// A request in flight got no response.
    Dropped,
    /// Its connection was reset.
    Reset,
    /// Its response was incomplete.
    Truncated,
    /// It was answered with a status of 500 or more.
    ServerError,
    /// It was answered otherwise than in the rehearsal.
    Different,
    /// A new connection was not answered in the window.
    RefusedEarly,
    /// A new connection was taken after it.
    Accepting,
    /// It exited with another code.
    ExitCode,
    /// Something that it has started still ran.
    ProcessLeft,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Killed => "killed",
            Self::Hung => "hung",
            Self::Dropped => "dropped",
            Self::Reset => "reset",
            Self::Truncated => "truncated",
            Self::ServerError => "server_error",
            Self::Different => "different",
            Self::RefusedEarly => "refused_early",
            Self::Accepting => "accepting",
            Self::ExitCode => "exit_code",
            Self::ProcessLeft => "process_left",
        })
    }
}

/// What a trial has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Requests were in flight, and no fault was seen.
    Drained,
    /// This fault, and what was seen.
    Fault(Fault, String),
    /// The drain could not be tried, and why.
    CouldNotRun(String),
    /// Nothing was in flight at the signal.
    ProvesNothing,
}

/// The result of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What it has shown.
    pub verdict: Verdict,
    /// The signal that asked for the drain.
    pub signal: Signal,
    /// How many requests were in flight at the signal; zero if there was none.
    pub in_flight: usize,
    /// From the signal to the exit, if there were both.
    pub duration: Option<Duration>,
}

impl Report {
    /// Of a trial that came to nothing.
    pub fn could_not_run(signal: Signal, reason: impl Into<String>) -> Self {
        Self { verdict: Verdict::CouldNotRun(reason.into()), signal, in_flight: 0, duration: None }
    }

    /// 0 if the service drained, else what kind of verdict it is.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self.verdict {
            Verdict::Drained => 0,
            Verdict::Fault(..) => 1,
            Verdict::CouldNotRun(_) => 2,
            Verdict::ProvesNothing => 3,
        })
    }

    /// One line of JSON.
    pub fn json(&self) -> String {
        let text = |text: &str| JsonValue::String(text.to_owned()).stringify().unwrap_or_default();
        let or_null = |value: Option<String>| value.unwrap_or_else(|| "null".to_owned());
        let fault = match &self.verdict {
            Verdict::Fault(fault, _) => Some(text(&fault.to_string())),
            _ => None,
        };
        format!(
            r#"{{"verdict":{},"fault":{},"reason":{},"in_flight":{},"duration_ms":{}}}"#,
            text(self.name()),
            or_null(fault),
            or_null(self.reason().map(|reason| text(&reason))),
            self.in_flight,
            or_null(self.duration.map(|duration| duration.as_millis().to_string()))
        )
    }

    /// A JUnit file with one test case, of this name.
    pub fn junit(&self, name: &str) -> String {
        let is = |wanted: bool| u8::from(wanted);
        let (element, kind) = match &self.verdict {
            Verdict::Drained => ("", String::new()),
            Verdict::Fault(fault, _) => ("failure", fault.to_string()),
            Verdict::CouldNotRun(_) | Verdict::ProvesNothing => ("error", self.name().to_owned()),
        };
        let (failures, errors) = (is(element == "failure"), is(element == "error"));
        let time = self.duration.unwrap_or_default().as_secs_f64();
        let name = in_xml(name);
        let result = match self.reason() {
            Some(reason) => format!("<{element} type=\"{kind}\" message=\"{}\"/>", in_xml(&reason)),
            None => String::new(),
        };
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"drain\" tests=\"1\" \
             failures=\"{failures}\" errors=\"{errors}\" time=\"{time:.3}\">\n    <testcase classname=\"drain\" \
             name=\"{name}\" time=\"{time:.3}\">{result}</testcase>\n  </testsuite>\n</testsuites>\n"
        )
    }

    fn name(&self) -> &'static str {
        match self.verdict {
            Verdict::Drained => "drained",
            Verdict::Fault(..) => "fault",
            Verdict::CouldNotRun(_) => "could_not_run",
            Verdict::ProvesNothing => "proves_nothing",
        }
    }

    fn reason(&self) -> Option<String> {
        match &self.verdict {
            Verdict::Drained => None,
            Verdict::Fault(_, reason) | Verdict::CouldNotRun(reason) => Some(reason.clone()),
            Verdict::ProvesNothing => Some(format!("nothing was in flight at {}", self.signal)),
        }
    }
}

/// The line for a person.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { in_flight, signal, .. } = self;
        let reason = self.reason().unwrap_or_default();
        match &self.verdict {
            Verdict::Drained => {
                let took = self.duration.map(|took| Duration::from_millis(took.as_millis() as u64));
                let requests = if *in_flight == 1 { "request" } else { "requests" };
                let took = took.unwrap_or_default();
                write!(
                    f,
                    "drained: {in_flight} {requests} in flight at {signal}, all answered, exit after {took:?}"
                )
            }
            Verdict::Fault(fault, _) => write!(f, "fault {fault}: {reason} ({in_flight} in flight)"),
            Verdict::CouldNotRun(_) => write!(f, "could not run: {reason}"),
            Verdict::ProvesNothing => write!(f, "proves nothing: {reason}"),
        }
    }
}

/// Text as it stands in an attribute; what XML does not allow at all becomes a space.
fn in_xml(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push(' '),
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(verdict: Verdict) -> Report {
        Report { verdict, signal: Signal::SIGTERM, in_flight: 4, duration: Some(Duration::from_millis(3)) }
    }

    #[test]
    fn a_fault_is_told_in_each_form() {
        let report = report(Verdict::Fault(Fault::Dropped, "GET /\"a\"".to_owned()));
        assert_eq!(report.to_string(), "fault dropped: GET /\"a\" (4 in flight)");
        let json =
            r#"{"verdict":"fault","fault":"dropped","reason":"GET /\"a\"","in_flight":4,"duration_ms":3}"#;
        assert_eq!(report.json(), json);
        let junit = report.junit("a < b");
        assert!(
            junit.contains("failures=\"1\" errors=\"0\"") && junit.contains("name=\"a &lt; b\""),
            "{junit}"
        );
        assert!(junit.contains("<failure type=\"dropped\" message=\"GET /&quot;a&quot;\"/>"), "{junit}");
    }

    #[test]
    fn what_is_no_fault_has_none() {
        let drained = report(Verdict::Drained);
        assert_eq!(
            drained.json(),
            r#"{"verdict":"drained","fault":null,"reason":null,"in_flight":4,"duration_ms":3}"#
        );
        assert!(drained.junit("a").contains("time=\"0.003\"></testcase>"));
        let nothing = report(Verdict::ProvesNothing).junit("a");
        assert!(
            nothing.contains("<error type=\"proves_nothing\" message=\"nothing was in flight"),
            "{nothing}"
        );
    }
}
