//! Apache Kafka: one node in KRaft mode, on a Java that is found here, from jars that Maven brings.

mod client;
mod jars;

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{At as _, Error, Result};
use crate::{cache, port, tool};

pub(crate) use client::Client;
pub(crate) use jars::version;

const PROPERTIES: &str = include_str!("kafka/server.properties");
const LOGGING: &str = include_str!("kafka/log4j2.properties");
const OLDEST_JAVA: u32 = 17;
/// Any cluster id will do: the data live for one start.
const CLUSTER: &str = "AAAAAAAAAAAAAAAAAAAAAQ";

pub(crate) fn prepare(folder: &Path, port: u16) -> Result<Command> {
    let java = Java::find()?;
    let class_path = env::join_paths(jars::all()?).map_err(|_| {
        Error::cannot_run("kafka: Java takes no class path with a colon in it: move this folder")
    })?;

    let controller = port::free_beside(port)?;
    let properties = format!(
        "{PROPERTIES}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n"
    );
    for (name, text) in [("server.properties", properties.as_str()), ("log4j2.properties", LOGGING)] {
        let path = folder.join(name);
        fs::write(&path, text).at("write", &path)?;
    }
    let kept = format!("kafka-{}", version());
    cache::fill(&folder.join("data"), &format!("{kept}/data"), || {
        let mut format = java.command(folder, &class_path);
        format.args(["kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", "server.properties"]);
        tool::run(&mut format).map(drop)
    })?;

    // Classes as they were loaded last time halve the start. The first broker keeps them when it
    // stops; an archive that does not fit is ignored by Java itself.
    let archive = cache::work_folder()?.join(kept).join(format!("java-{}.jsa", java.version));
    let option = if archive.exists() { "SharedArchiveFile" } else { "ArchiveClassesAtExit" };
    let mut broker = java.command(folder, &class_path);
    broker.arg(format!("-XX:{option}={}", archive.display())).args(["kafka.Kafka", "server.properties"]);
    Ok(broker)
}

struct Java {
    program: PathBuf,
    version: String,
}

impl Java {
    fn find() -> Result<Self> {
        let how = format!("Java {OLDEST_JAVA} or newer: apt-get install openjdk-{OLDEST_JAVA}-jre-headless");
        let home = env::var_os("JAVA_HOME").map(|home| Path::new(&home).join("bin/java"));
        let program = match home.filter(|java| tool::is_program(java)) {
            Some(java) => java,
            None => tool::find(&["java"], &format!("kafka needs {how}"))?,
        };
        let said = tool::run(Command::new(&program).arg("-version"))?;
        let version = said.split("version \"").nth(1).and_then(|rest| rest.split('"').next());
        let version = version.unwrap_or_default().to_owned();
        if major(&version).is_none_or(|major| major < OLDEST_JAVA) {
            return Err(Error::cannot_run(format!(
                "kafka: {} is Java {version}, and it needs {how}",
                program.display()
            )));
        }
        Ok(Self { program, version })
    }

    /// Small and quick to start, rather than quick after an hour.
    fn command(&self, folder: &Path, class_path: &OsStr) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(folder).arg("-cp").arg(class_path);
        command.args(["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
        command.args(["-Djava.awt.headless=true", "-Dlog4j2.configurationFile=log4j2.properties"]);
        command
    }
}

/// `17.0.15` is 17, `1.8.0_392` is 8.
fn major(version: &str) -> Option<u32> {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse().ok());
    match numbers.next()? {
        1 => numbers.next(),
        number => Some(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_version_of_any_java() {
        let versions = ["17.0.15", "24", "21-ea", "1.8.0_392", ""];
        assert_eq!(versions.map(major), [Some(17), Some(24), Some(21), Some(8), None]);
    }
}
