//! A Prometheus exposition: what a scrape of a program brings in.
//!
//! The text format, version 0.0.4: lines `name{label="value"} 1.5`, and before them `# TYPE name histogram`.

use std::collections::HashMap;
use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::time::Duration;

use crate::{Client, Scenario, shown};

/// What a program said at one scrape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exposition {
    types: HashMap<String, String>,
    samples: Vec<Sample>,
}

/// Names and values.
type Labels = Vec<(String, String)>;

/// One line of an exposition.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The name as it stands there: `drain_duration_seconds_count`.
    pub name: String,
    /// The labels, in the order in which they stand there.
    pub labels: Labels,
    /// The value.
    pub value: f64,
}

impl Sample {
    /// The value of this label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(label, _)| label == name).map(|(_, value)| value.as_str())
    }
}

impl Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels: Vec<String> =
            self.labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        write!(f, "{}{{{}}} {}", self.name, labels.join(","), self.value)
    }
}

impl Exposition {
    /// Asks for `path` on a new connection, as a scraper does. Fails unless the answer is an exposition,
    /// with status 200 and the content type that goes with it.
    #[track_caller]
    pub fn scrape(scenario: &Scenario, address: SocketAddr, path: &str, patience: Duration) -> Self {
        let outcome = Client::connect(scenario, "scraper", address).and_then(|mut it| it.get(path, patience));
        let what = format!("GET {path}: 200");
        let response = match outcome {
            Ok(response) if response.status == 200 => response,
            other => scenario.fail(what, shown(&other)),
        };
        let kind = response.header("content-type").unwrap_or("no such header");
        scenario.require(
            kind.starts_with("text/plain") && kind.contains("version=0.0.4"),
            "Content-Type: text/plain; version=0.0.4",
            kind,
        );
        Self::parse(&String::from_utf8_lossy(&response.body))
            .unwrap_or_else(|wrong| scenario.fail(format!("{what}, with metrics in the text format"), wrong))
    }

    /// Reads an exposition.
    ///
    /// # Errors
    ///
    /// What is wrong with it: a line that cannot be read, the same sample twice, a type that comes twice or
    /// behind its samples, a histogram that does not add up.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut found = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let wrong = |what: &str| format!("{what}: `{line}`");
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.trim().split_once(' ').ok_or_else(|| wrong("no type"))?;
                if found.samples.iter().any(|sample| family(&sample.name, kind) == name) {
                    return Err(wrong("behind its samples"));
                }
                if found.types.insert(name.to_owned(), kind.trim().to_owned()).is_some() {
                    return Err(wrong("twice"));
                }
            } else if !line.starts_with('#') {
                let sample = sample(line).ok_or_else(|| wrong("not a sample"))?;
                if found
                    .samples
                    .iter()
                    .any(|other| other.name == sample.name && other.labels == sample.labels)
                {
                    return Err(wrong("twice"));
                }
                found.samples.push(sample);
            }
        }
        for (name, _) in found.types.iter().filter(|(_, kind)| *kind == "histogram") {
            found.adds_up(name)?;
        }
        Ok(found)
    }

    /// What `# TYPE` says of this metric: `histogram`.
    pub fn kind(&self, metric: &str) -> Option<&str> {
        self.types.get(metric).map(String::as_str)
    }

    /// The samples of this name, with all these labels.
    pub fn samples<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&str, &str)],
    ) -> impl Iterator<Item = &'a Sample> + 'a {
        let named = self.samples.iter().filter(move |sample| sample.name == name);
        named.filter(|sample| labels.iter().all(|(label, value)| sample.label(label) == Some(value)))
    }

    /// The sum of the samples of this name, with all these labels; nothing if there is none.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.samples(name, labels).map(|sample| sample.value).reduce(|sum, value| sum + value)
    }

    /// The buckets of a histogram are cumulative, and the last one, `+Inf`, is its count.
    fn adds_up(&self, metric: &str) -> Result<(), String> {
        let bucket = format!("{metric}_bucket");
        let mut series: Vec<(Labels, Vec<(f64, f64)>)> = Vec::new();
        for sample in self.samples(&bucket, &[]) {
            let le = sample.label("le").and_then(number).ok_or_else(|| format!("no `le`: `{sample}`"))?;
            let others: Labels = sample.labels.iter().filter(|(name, _)| name != "le").cloned().collect();
            match series.iter_mut().find(|(labels, _)| *labels == others) {
                Some((_, buckets)) => buckets.push((le, sample.value)),
                None => series.push((others, vec![(le, sample.value)])),
            }
        }
        for (labels, buckets) in series {
            let labels: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (&**name, &**value)).collect();
            let grow = buckets.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
            let count = self.value(&format!("{metric}_count"), &labels);
            let last = buckets.last().filter(|(le, _)| le.is_infinite()).map(|(_, count)| *count);
            if !grow || last.is_none() || last != count {
                return Err(format!(
                    "the buckets of {metric} {labels:?} do not add up to its count: {buckets:?}"
                ));
            }
        }
        Ok(())
    }
}

/// The metric that a sample of this type belongs to.
fn family<'a>(name: &'a str, kind: &str) -> &'a str {
    let endings: &[&str] = match kind.trim() {
        "histogram" => &["_bucket", "_sum", "_count"],
        "summary" => &["_sum", "_count"],
        _ => &[],
    };
    endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

/// `name{label="value",…} 1.5`, and a time behind it if there is one.
fn sample(line: &str) -> Option<Sample> {
    let end = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner.trim_start();
        while !rest.starts_with('}') {
            let (label, value) = rest.split_once("=\"")?;
            let (value, behind) = quoted(value)?;
            labels.push((label.trim().to_owned(), value));
            let behind = behind.trim_start();
            rest = behind.strip_prefix(',').unwrap_or(behind).trim_start();
            if !(behind.starts_with(',') || behind.starts_with('}')) {
                return None;
            }
        }
        rest = &rest[1..];
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let named = name.chars().all(legal) && name.starts_with(|c: char| !c.is_ascii_digit());
    let mut words = rest.split_whitespace();
    let value = words.next().and_then(number)?;
    let at_most_a_time =
        words.next().is_none_or(|time| time.parse::<i64>().is_ok()) && words.next().is_none();
    (named && at_most_a_time).then(|| Sample { name: name.to_owned(), labels, value })
}

/// A text up to its closing quote, and what stands behind that.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match letters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        other => other.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::secs;

    const SCRAPED: &str = r#"
# HELP drain_duration_seconds How long drains took.
# TYPE drain_duration_seconds histogram
drain_duration_seconds_bucket{outcome="complete",le="1"} 1
drain_duration_seconds_bucket{outcome="complete",le="+Inf"} 2
drain_duration_seconds_sum{outcome="complete"} 1.503
drain_duration_seconds_count{outcome="complete"} 2
# TYPE in_flight gauge
in_flight 0 1700000000000
paths{path="C:\\a \"b\"\n", kind="x",} 3e2
"#;

    #[test]
    fn types_labels_and_values_are_read() {
        let scraped = Exposition::parse(SCRAPED).unwrap();
        assert_eq!(scraped.kind("drain_duration_seconds"), Some("histogram"));
        assert_eq!(scraped.value("drain_duration_seconds_count", &[("outcome", "complete")]), Some(2.0));
        assert_eq!(scraped.value("drain_duration_seconds_count", &[("outcome", "failed")]), None);
        assert_eq!(scraped.value("in_flight", &[]), Some(0.0));
        let path = scraped.samples("paths", &[("kind", "x")]).next().unwrap();
        assert_eq!((path.label("path"), path.value), (Some("C:\\a \"b\"\n"), 300.0));
    }

    #[test]
    fn a_scrape_wants_the_content_type_of_an_exposition() {
        let scenario = Scenario::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for kind in ["text/plain; version=0.0.4; charset=utf-8", "text/html"] {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 1024]).unwrap();
                let length = SCRAPED.len();
                let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}");
                stream.write_all(format!("{head}\r\n\r\n{SCRAPED}").as_bytes()).unwrap();
            }
        });
        let scrape = || Exposition::scrape(&scenario, address, "/metrics", secs(5));
        assert_eq!(scrape(), Exposition::parse(SCRAPED).unwrap());
        let told = catch_unwind(AssertUnwindSafe(scrape)).unwrap_err();
        assert!(told.downcast::<String>().unwrap().contains("text/html"));
    }

    #[test]
    fn what_no_scraper_would_take_is_refused() {
        let cases = [
            ("in_flight 0", "in_flight{", "not a sample"),
            ("in_flight 0", "2in_flight 0", "not a sample"),
            ("in_flight 0", "in_flight{a=\"1\" b=\"2\"} 0", "not a sample"),
            ("in_flight 0", "in_flight nothing", "not a sample"),
            ("in_flight 0", "in_flight 1\nin_flight 0", "twice"),
            (
                "# TYPE in_flight gauge\nin_flight 0 1700000000000",
                "in_flight 0\n# TYPE in_flight gauge",
                "behind",
            ),
            ("le=\"1\"} 1", "le=\"1\"} 3", "add up"),
            ("le=\"+Inf\"} 2", "le=\"+Inf\"} 4", "add up"),
            ("le=\"+Inf\"} 2", "le=\"9\"} 2", "add up"),
        ];
        for (right, wrong, reason) in cases {
            assert!(SCRAPED.contains(right), "{right}");
            let told = Exposition::parse(&SCRAPED.replacen(right, wrong, 1)).unwrap_err();
            assert!(told.contains(reason), "{wrong}: {told}");
        }
    }
}
