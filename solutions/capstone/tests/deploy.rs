//! The numbers in `deploy` fit each other and the program. Each of them is right by itself, whatever it is; changed alone, it is
//! found at the next deploy, or at the next incident.

use std::time::Duration;

use serde_json::Value;

const KUBERNETES: &str = include_str!("../deploy/kubernetes.yaml");
const COMPOSE: &str = include_str!("../deploy/compose.yaml");
const PROMETHEUS: &str = include_str!("../deploy/prometheus.yml");
const DOCKERFILE: &str = include_str!("../deploy/Dockerfile");
const CONFIG: &str = include_str!("../src/config.rs");

/// So much the brief allows a drain to overrun its deadline.
const OVERRUN: Duration = Duration::from_millis(500);

#[test]
fn what_is_deployed_fits_together() {
    assert_eq!(complaints(KUBERNETES, COMPOSE, PROMETHEUS, DOCKERFILE), Vec::<String>::new());
}

#[test]
fn a_number_that_is_changed_alone_is_named() {
    let changes = [
        (KUBERNETES, "GracePeriodSeconds: 30", "GracePeriodSeconds: 25", "kubernetes: SIGKILL"),
        (KUBERNETES, "value: 25s", "value: 40s", "kubernetes: SIGKILL"),
        (KUBERNETES, "value: 25s", "value: 15s", "kubernetes: not ready"),
        (KUBERNETES, "value: 25s", "value: 9s", "kubernetes: LAST_SCRAPE"),
        (KUBERNETES, "value: 5s", "value: 2s", "kubernetes: a scrape"),
        (KUBERNETES, "periodSeconds: 1\n", "periodSeconds: 2\n", "kubernetes: not ready"),
        (KUBERNETES, "failureThreshold: 1", "failureThreshold: 3", "kubernetes: not ready"),
        (KUBERNETES, "path: /healthz", "path: /ready", "kubernetes: an instance that drains"),
        (KUBERNETES, "DRAIN_BUDGET", "DRAIN_TIMEOUT", "kubernetes: DRAIN_TIMEOUT is no variable"),
        (KUBERNETES, "maxUnavailable: 0", "maxUnavailable: 1", "kubernetes: an instance goes"),
        (COMPOSE, "    stop_grace_period: 30s\n", "", "compose: SIGKILL"),
        (COMPOSE, "      - kafka\n", "", "compose: kafka is stopped"),
        (PROMETHEUS, "scrape_interval: 2s", "scrape_interval: 15s", "a scrape"),
        (DOCKERFILE, "[\"/usr/local/bin/orders\"]", "/usr/local/bin/orders", "the signal"),
    ];
    for (file, from, to, expected) in changes {
        assert_eq!(file.matches(from).count(), 1, "`{from}` is there once");
        let changed = file.replace(from, to);
        let of = |original| if original == file { changed.as_str() } else { original };
        let said = complaints(of(KUBERNETES), of(COMPOSE), of(PROMETHEUS), of(DOCKERFILE));
        assert!(said.iter().any(|said| said.contains(expected)), "`{to}`: {said:?}");
    }
}

/// What does not fit, a sentence each.
fn complaints(kubernetes: &str, compose: &str, prometheus: &str, dockerfile: &str) -> Vec<String> {
    let scrapes = duration(&yaml(prometheus)["scrape_configs"][0]["scrape_interval"]).expect("an interval");
    let (kubernetes, compose) = (Deployed::by_kubernetes(kubernetes), Deployed::by_compose(compose));
    let mut all = kubernetes.complaints(scrapes);
    all.extend(compose.complaints(scrapes));
    if !dockerfile.contains("ENTRYPOINT [") {
        all.push("a shell gets the signal, and not the program".to_owned());
    }
    all
}

/// What somebody has written down about how the program runs.
struct Deployed {
    by: &'static str,
    variables: Vec<(String, Option<Duration>)>,
    /// From the signal to SIGKILL.
    grace: Duration,
    /// What it costs at most until somebody has seen that an instance is not ready; where nobody asks, nothing.
    seen_after: Duration,
    /// What is wrong whatever the numbers.
    wrong: Vec<String>,
}

impl Deployed {
    fn by_kubernetes(text: &str) -> Self {
        let all: Vec<Value> = serde_saphyr::from_multiple(text).expect("YAML");
        let spec = &all.iter().find(|one| one["kind"] == "Deployment").expect("a deployment")["spec"];
        let pod = &spec["template"]["spec"];
        let container = &pod["containers"][0];
        let probe = &container["readinessProbe"];
        let seconds = |of: &Value, name: &str| Duration::from_secs(of[name].as_u64().expect(name));
        let failures = probe["failureThreshold"].as_u64().expect("a threshold") as u32;
        let variable =
            |one: &Value| (one["name"].as_str().expect("a name").to_owned(), duration(&one["value"]));
        let mut wrong = Vec::new();
        if container["livenessProbe"]["httpGet"]["path"] == probe["httpGet"]["path"] {
            wrong.push("an instance that drains is restarted".to_owned());
        }
        if spec["strategy"]["rollingUpdate"]["maxUnavailable"] != 0 {
            wrong.push("an instance goes before another is ready".to_owned());
        }
        let prestop = &container["lifecycle"]["preStop"];
        if !prestop.is_null() {
            wrong.push("what a preStop takes is not counted here".to_owned());
        }
        Self {
            by: "kubernetes",
            variables: container["env"].as_array().expect("variables").iter().map(variable).collect(),
            grace: seconds(pod, "terminationGracePeriodSeconds"),
            seen_after: seconds(probe, "periodSeconds") * failures + seconds(probe, "timeoutSeconds"),
            wrong,
        }
    }

    fn by_compose(text: &str) -> Self {
        /// Unless it is said otherwise.
        const GRACE: Duration = Duration::from_secs(10);
        let orders = &yaml(text)["services"]["orders"];
        let variables = orders["environment"].as_object().expect("variables");
        let needs = orders["depends_on"].as_array().expect("a list");
        let lost =
            ["postgres", "kafka"].into_iter().filter(|&service| needs.iter().all(|needed| needed != service));
        Self {
            by: "compose",
            variables: variables.iter().map(|(name, value)| (name.clone(), duration(value))).collect(),
            grace: duration(&orders["stop_grace_period"]).unwrap_or(GRACE),
            seen_after: Duration::ZERO,
            wrong: lost.map(|service| format!("{service} is stopped while orders drains")).collect(),
        }
    }

    fn variable(&self, name: &str) -> Duration {
        let variable = self.variables.iter().find(|(other, _)| other == name);
        variable.and_then(|(_, value)| *value).unwrap_or_default()
    }

    fn complaints(self, scrapes: Duration) -> Vec<String> {
        let (budget, last_scrape) = (self.variable("DRAIN_BUDGET"), self.variable("LAST_SCRAPE"));
        let window = budget / 10;
        let mut said = self.wrong;
        let mut require = |holds: bool, complaint: String| said.extend((!holds).then_some(complaint));
        for (name, _) in &self.variables {
            require(CONFIG.contains(&format!("\"{name}\"")), format!("{name} is no variable of the program"));
        }
        let (grace, seen_after) = (self.grace, self.seen_after);
        require(grace > budget + OVERRUN, format!("SIGKILL comes after {grace:?}, a drain takes {budget:?}"));
        require(
            seen_after < window,
            format!("not ready is seen after {seen_after:?}, the window is {window:?}"),
        );
        require(last_scrape <= budget / 2, format!("LAST_SCRAPE is more than half of {budget:?}"));
        require(
            scrapes < last_scrape,
            format!("a scrape comes every {scrapes:?}, the last has {last_scrape:?}"),
        );
        said.into_iter().map(|said| format!("{}: {said}", self.by)).collect()
    }
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).expect("YAML")
}

/// Of `25s`; of anything else, none.
fn duration(value: &Value) -> Option<Duration> {
    humantime::parse_duration(value.as_str()?).ok()
}
