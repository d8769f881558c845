//! The jars of the broker: fetched by Maven, once, and checked at every start.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cache::{self, Lock};
use crate::error::{At as _, Error, Result};
use crate::{progress, tool};

const POM: &str = include_str!("pom.xml");
/// As `sha256sum` writes it, in the folder of the jars, when their versions change.
const SUMS: &str = include_str!("jars.sha256");
const MAVEN_PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// The version of Kafka, as the pom names it.
pub(crate) fn version() -> &'static str {
    let kafka = POM.split("<artifactId>kafka_2.13</artifactId>").nth(1).unwrap_or_default();
    kafka.split("<version>").nth(1).and_then(|rest| rest.split("</version>").next()).unwrap_or_default()
}

/// The paths of all jars, each with the content that is pinned.
pub(crate) fn all() -> Result<Vec<PathBuf>> {
    let folder = cache::work_folder()?.join(format!("kafka-{}", version()));
    let libs = folder.join("libs");
    let _lock = Lock::of(&folder)?;
    if !libs.exists() {
        fetch(&folder, &libs)?;
    }
    check(&libs)?;
    Ok(names().map(|name| libs.join(name)).collect())
}

fn names() -> impl Iterator<Item = &'static str> {
    SUMS.lines().filter_map(|line| line.split_whitespace().nth(1))
}

fn check(libs: &Path) -> Result<()> {
    let missing = "kafka: its jars are checked with sha256sum: apt-get install coreutils";
    let mut command = Command::new(tool::find(&["sha256sum"], missing)?);
    command.current_dir(libs).args(["--check", "--quiet", "--strict", "-"]);
    let failed = |error| Error::cannot_run(format!("cannot run sha256sum: {error}"));
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(SUMS.as_bytes()).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let jar = said.lines().next().and_then(|line| line.split(':').next()).unwrap_or("a jar");
    Err(Error::cannot_run(format!(
        "kafka: {jar} is not the one that is pinned: remove {} and its copy in ~/.m2, and try again",
        libs.display()
    )))
}

/// Has Maven copy the jars beside their place, and puts them there when all have come.
fn fetch(folder: &Path, libs: &Path) -> Result<()> {
    let maven = tool::find(&["mvn"], "kafka: Maven brings its jars, once: apt-get install maven")?;
    let new = folder.join("libs.new");
    let _ = fs::remove_dir_all(&new);
    fs::create_dir_all(&new).at("create", &new)?;
    let pom = folder.join("pom.xml");
    fs::write(&pom, POM).at("write", &pom)?;

    let count = names().count();
    progress::line(format!("kafka: {count} jars of Kafka {} from Maven Central, once: 43 MB", version()));
    let mut command = Command::new(maven);
    command
        .args(["--batch-mode", "-Dstyle.color=never", "--strict-checksums", "--file"])
        .arg(&pom)
        .arg(MAVEN_PLUGIN);
    command.arg("-DincludeScope=runtime").arg(format!("-DoutputDirectory={}", new.display()));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child =
        command.spawn().map_err(|error| Error::cannot_run(format!("cannot start Maven: {error}")))?;
    let mut fetched = 0;
    let mut complaint = String::new();
    for line in
        BufReader::new(child.stdout.take().expect("stdout is piped")).lines().map_while(|line| line.ok())
    {
        if let Some(jar) = downloaded(&line) {
            fetched += 1;
            progress::passing(format!("kafka: {fetched} of {count} jars ({jar})"));
        }
        // Not at the start of the line: Maven also resets colours that it has not set.
        if let (true, Some((_, words))) = (complaint.is_empty(), line.split_once("[ERROR]")) {
            complaint = words.split(" -> [Help").next().unwrap_or_default().trim().to_owned();
        }
    }
    let status = child.wait().map_err(|error| Error::cannot_run(format!("Maven: {error}")))?;
    if !status.success() {
        return Err(Error::cannot_run(format!(
            "kafka: Maven could not bring the jars, is the network there? It says: {complaint}"
        )));
    }
    progress::line("kafka: all jars are there");
    fs::rename(&new, libs).at("create", libs)
}

/// The jar of ours that Maven says it has just fetched.
fn downloaded(line: &str) -> Option<&str> {
    let (_, address) = line.split_once("Downloaded from ")?;
    let jar = address.split_whitespace().find(|word| word.ends_with(".jar"))?.rsplit('/').next()?;
    names().any(|name| name == jar).then_some(jar)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pinned_jars_are_those_of_the_pinned_version() {
        assert!(names().any(|name| name == format!("kafka_2.13-{}.jar", version())));
        let sums = SUMS.lines().filter_map(|line| line.split_whitespace().next());
        assert!(sums.clone().count() > 40);
        assert!(sums.into_iter().all(|sum| sum.len() == 64));
    }

    #[test]
    fn counts_our_jars_and_not_those_of_maven_itself() {
        let line =
            "[INFO] Downloaded from central: https://repo.example/x/snakeyaml-2.5.jar (340 kB at 2 MB/s)";
        assert_eq!(downloaded(line), Some("snakeyaml-2.5.jar"));
        assert_eq!(downloaded(&line.replace("snakeyaml", "maven-core")), None);
    }
}
