//! The jars of the broker: fetched by Maven, once, and checked at every start.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cache::{self, Lock};
use crate::error::{At as _, Result};
use crate::maven::{self, Maven};
use crate::progress;

const POM: &str = include_str!("pom.xml");
/// As `sha256sum` writes it, in the folder of the jars, when their versions change.
const SUMS: &str = include_str!("jars.sha256");

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
    maven::check("kafka", &libs, SUMS)?;
    Ok(names().map(|name| libs.join(name)).collect())
}

fn names() -> impl Iterator<Item = &'static str> {
    SUMS.lines().filter_map(|line| line.split_whitespace().nth(1))
}

/// Has Maven copy the jars beside their place, and puts them there when all have come.
fn fetch(folder: &Path, libs: &Path) -> Result<()> {
    let maven = Maven::find("kafka: Maven brings its jars, once: apt-get install maven")?;
    let new = folder.join("libs.new");
    let _ = fs::remove_dir_all(&new);
    fs::create_dir_all(&new).at("create", &new)?;
    let pom = folder.join("pom.xml");
    fs::write(&pom, POM).at("write", &pom)?;

    let count = names().count();
    progress::line(format!("kafka: {count} jars of Kafka {} from Maven Central, once: 43 MB", version()));
    let options = [
        format!("--file={}", pom.display()),
        "-DincludeScope=runtime".to_owned(),
        format!("-DoutputDirectory={}", new.display()),
    ];
    let mut fetched = 0;
    maven.run("kafka", folder, "copy-dependencies", &options, |address| {
        if let Some(jar) = jar_of_ours(address) {
            fetched += 1;
            progress::passing(format!("kafka: {fetched} of {count} jars ({jar})"));
        }
    })?;
    progress::line("kafka: all jars are there");
    fs::rename(&new, libs).at("create", libs)
}

/// The jar of ours that has come from this address.
fn jar_of_ours(address: &str) -> Option<&str> {
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
        let address = "central: https://repo.example/x/snakeyaml-2.5.jar (340 kB at 2 MB/s)";
        assert_eq!(jar_of_ours(address), Some("snakeyaml-2.5.jar"));
        assert_eq!(jar_of_ours(&address.replace("snakeyaml", "maven-core")), None);
    }
}
