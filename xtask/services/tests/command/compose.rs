//! `compose.yaml` is in step with what is started without Docker.

use drain_services::Service;

const COMPOSE: &str = include_str!("../../compose.yaml");
const PROPERTIES: &str = include_str!("../../src/kafka/server.properties");

/// The value of the first `name: value` in the file.
fn value(name: &str) -> Option<&'static str> {
    let mut lines = COMPOSE.lines().map(str::trim);
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(|value| value.trim_matches('"'))
}

#[test]
fn the_images_are_of_the_versions_that_are_tested() {
    let images =
        [(Service::Kafka, "apache/kafka"), (Service::Postgres, "postgres"), (Service::Redis, "redis")];
    for (service, image) in images {
        let expected = format!("    image: {image}:{}", service.tested_version());
        assert!(COMPOSE.lines().any(|line| line == expected), "compose.yaml lacks the line `{expected}`");
    }
}

#[test]
fn the_broker_has_the_same_settings() {
    let lines = PROPERTIES.lines().filter(|line| !line.starts_with('#'));
    let settings = lines.filter_map(|line| line.split_once('=')).filter(|(name, _)| *name != "log.dirs");
    for (name, setting) in settings {
        let variable = format!("KAFKA_{}", name.replace('.', "_").to_uppercase());
        assert_eq!(value(&variable), Some(setting), "{name} in compose.yaml, as {variable}");
    }
}

#[test]
fn the_addresses_in_its_head_are_those_it_listens_on() {
    for service in Service::ALL {
        let port = service.usual_port();
        let export = format!("#   export {}={}", service.variable(), service.address(port));
        assert!(COMPOSE.lines().any(|line| line == export), "compose.yaml lacks the line `{export}`");
        assert!(COMPOSE.contains(&format!("ports: [\"127.0.0.1:{port}:{port}\"]")));
    }
}
