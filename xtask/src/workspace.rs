//! The workspace: its folders, and cargo in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::environment;
use crate::error::{At as _, Result};

/// The root of the workspace: of the one from which cargo has started the runner, or else of the one
/// that the working folder lies in.
pub(crate) fn root() -> PathBuf {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        // Not baked in: a clone is renamed, and one build folder may serve several clones.
        let of_cargo = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let working = std::env::current_dir().unwrap_or_default();
        let folders = of_cargo.iter().chain([&working]).flat_map(|folder| folder.ancestors());
        let is_root =
            |folder: &&Path| folder.join("exercises").is_dir() && folder.join("xtask/Cargo.toml").exists();
        folders.filter(is_root).map(Path::to_owned).next().unwrap_or(working.clone())
    })
    .clone()
}

/// Where the runner keeps what it can make again: scratch workspaces, events.
pub(crate) fn work_folder() -> PathBuf {
    target_folder().join("drain")
}

/// Where cargo keeps what it has compiled in this workspace.
pub(crate) fn target_folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    // Cargo is started in the root, and takes a relative path from there.
    root().join(target)
}

/// The folder for what the kit records.
pub(crate) fn events_folder() -> Result<PathBuf> {
    let folder = work_folder().join("events");
    fs::create_dir_all(&folder).at("create", &folder)?;
    Ok(folder)
}

/// Where and how to build.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Where finished binaries go, if not into cargo's usual place.
    pub(crate) target: Option<PathBuf>,
    /// Where everything else goes: shared between workspaces.
    pub(crate) build: Option<PathBuf>,
    /// The folder below the root in which the packages lie, if it is not the root.
    pub(crate) within: PathBuf,
}

impl Workspace {
    pub(crate) fn main() -> Self {
        Self { root: root(), target: None, build: None, within: PathBuf::new() }
    }

    /// Where cargo keeps what it has compiled.
    pub(crate) fn build_folder(&self) -> PathBuf {
        self.build.clone().unwrap_or_else(target_folder)
    }

    /// Where this folder of the project lies in this workspace.
    pub(crate) fn sources(&self, folder: &Path) -> PathBuf {
        self.root.join(&self.within).join(folder)
    }
}

/// Cargo as a command, in the root of this workspace.
pub(crate) fn cargo(workspace: &Workspace) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(&workspace.root);
    environment::for_cargo(&mut command);
    if let Some(target) = &workspace.target {
        command.env("CARGO_TARGET_DIR", target);
    }
    if let Some(build) = &workspace.build {
        command.env("CARGO_BUILD_BUILD_DIR", build);
    }
    command
}
