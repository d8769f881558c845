//! What is missing or wrong is one line that says how to get on.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use drain_services::Service;

use crate::site::{Said, Site, said};

/// A folder for `PATH` in which these programs are, and no others.
fn only(site: &Site, programs: &[&str]) -> String {
    let folder = site.path().join("bin");
    fs::create_dir_all(&folder).unwrap();
    for name in programs {
        let path = std::env::var("PATH").unwrap();
        let found = path.split(':').map(|folder| Path::new(folder).join(name)).find(|path| path.exists());
        symlink(found.unwrap_or_else(|| panic!("this test needs {name}")), folder.join(name)).unwrap();
    }
    folder.display().to_string()
}

/// Puts a program into that folder that does only this.
fn program(folder: &str, name: &str, script: &str) {
    let path = Path::new(folder).join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[track_caller]
fn is_one_line(said: &Said, words: &[&str]) {
    assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{said:?}");
    assert_eq!(said.stderr.lines().count(), 1, "{said:?}");
    for word in words {
        assert!(said.stderr.contains(word), "`{word}` in {said:?}");
    }
}

#[test]
fn no_java() {
    let site = Site::new();
    let path = only(&site, &[]);
    let up = site.command(&["up", "kafka"]).env("PATH", path).output().unwrap();
    is_one_line(&said(up), &["Java 17 or newer", "apt-get install openjdk-17-jre-headless"]);
    assert_eq!(site.status("kafka").state, "down");
}

#[test]
fn a_java_that_is_too_old() {
    let site = Site::new();
    let path = only(&site, &[]);
    program(&path, "java", "echo 'openjdk version \"11.0.2\" 2019-01-15' >&2");
    let up = site.command(&["up", "kafka"]).env("PATH", &path).output().unwrap();
    is_one_line(&said(up), &["Java 11.0.2", "Java 17 or newer", "apt-get install"]);
}

#[test]
fn no_maven() {
    let site = Site::new();
    let path = only(&site, &["java"]);
    let empty = site.path().join("target");
    let up =
        site.command(&["up", "kafka"]).env("PATH", path).env("CARGO_TARGET_DIR", empty).output().unwrap();
    is_one_line(&said(up), &["Maven", "apt-get install maven"]);
}

#[test]
fn jars_that_are_not_the_pinned_ones() {
    let site = Site::new();
    let target = site.path().join("target");
    let pinned = include_str!("../../src/kafka/jars.sha256");
    let kept = format!("drain/kafka-{}", Service::Kafka.tested_version());
    let libs = target.join(kept).join("libs");
    fs::create_dir_all(&libs).unwrap();
    for jar in pinned.lines().filter_map(|line| line.split_whitespace().nth(1)) {
        fs::write(libs.join(jar), "not a jar").unwrap();
    }
    let up = site.command(&["up", "kafka"]).env("CARGO_TARGET_DIR", target).output().unwrap();
    is_one_line(&said(up), &[".jar is not the one that is pinned", "remove"]);
}

#[test]
fn no_redis() {
    let site = Site::new();
    let path = only(&site, &[]);
    let up = site.command(&["up", "redis"]).env("PATH", &path).output().unwrap();
    is_one_line(&said(up), &["redis-server", "apt-get install redis-server"]);
}

#[test]
fn one_that_cannot_run_does_not_keep_the_others_from_running() {
    let site = Site::new();
    let path = only(&site, &["redis-server"]);
    let up = said(site.command(&["up", "kafka", "redis"]).env("PATH", path).output().unwrap());
    assert_eq!(up.code, 2, "{up:?}");
    assert!(up.stdout.starts_with("export REDIS_URL=") && up.stdout.lines().count() == 1, "{up:?}");
    assert_eq!(site.status("redis").state, "up");
}

#[test]
fn a_server_that_ends_at_once_is_quoted() {
    let site = Site::new();
    let path = only(&site, &[]);
    program(&path, "redis-server", "echo '# Fatal error: no such luck'; exit 1");
    let up = said(site.command(&["up", "redis"]).env("PATH", &path).output().unwrap());
    assert_eq!((up.code, up.stderr.lines().count()), (1, 1), "{up:?}");
    assert!(up.stderr.contains("no such luck"), "{up:?}");
    assert_eq!(site.status("redis").state, "down");
}

#[test]
fn words_that_are_not_understood() {
    let site = Site::new();
    is_one_line(&site.run(&["start"]), &["`start`", "up, status, down and logs"]);
    is_one_line(&site.run(&["up", "mysql"]), &["`mysql`", "kafka, postgres and redis"]);
    is_one_line(&site.run(&["up", "--fast"]), &["--fast", "--help"]);
    is_one_line(&site.run(&["logs"]), &["whose log"]);
    is_one_line(&site.run(&["logs", "redis"]), &["no log of redis", "services up redis"]);
    let help = site.ok(&["--help"]);
    assert!(help.stdout.contains("usage: cargo xtask services"));
}
