//! The workspace: its folders, and cargo in it.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::environment;
use crate::error::{At as _, Result};

/// The root of the workspace: of the one from which cargo has started the runner, or else of the one
/// that the working folder lies in, or else of the one that the runner was built from.
pub(crate) fn root() -> PathBuf {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        // Not simply baked in: a clone is renamed, and one build folder may serve several clones.
        let of_cargo = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let working = std::env::current_dir().unwrap_or_default();
        let built = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let folders = of_cargo.iter().chain([&working, &built]).flat_map(|folder| folder.ancestors());
        let is_root =
            |folder: &&Path| folder.join("exercises").is_dir() && folder.join("xtask/Cargo.toml").exists();
        let root = folders.filter(is_root).map(Path::to_owned).next().unwrap_or(working.clone());
        fs::canonicalize(&root).unwrap_or(root)
    })
    .clone()
}

/// Where the runner keeps what it can make again: scratch workspaces, events.
pub(crate) fn work_folder() -> PathBuf {
    target_folder().join("drain")
}

/// Where cargo keeps what it compiles for the runner: the folder in which it has compiled the runner
/// itself. If that lies elsewhere, other clones may use it too, and each has a folder of its own in it.
pub(crate) fn target_folder() -> PathBuf {
    static TARGET: OnceLock<PathBuf> = OnceLock::new();
    TARGET
        .get_or_init(|| {
            let root = root();
            // A variable or a setting may have put it anywhere; the program lies where it has been put.
            let program = std::env::current_exe().unwrap_or_default();
            let profile = program.ancestors().find(|folder| folder.ends_with("debug"));
            let target = profile.and_then(Path::parent).map_or_else(|| root.join("target"), Path::to_owned);
            let mut hasher = DefaultHasher::new();
            root.hash(&mut hasher);
            let own = format!("drain-{:016x}", hasher.finish());
            if target.starts_with(&root) || target.ends_with(&own) { target } else { target.join(own) }
        })
        .clone()
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
    /// Where finished binaries go.
    pub(crate) target: PathBuf,
    /// Where everything else goes: shared between workspaces.
    pub(crate) build: Option<PathBuf>,
    /// The folder below the root in which the packages lie, if it is not the root.
    pub(crate) within: PathBuf,
}

impl Workspace {
    pub(crate) fn main() -> Self {
        Self { root: root(), target: target_folder(), build: None, within: PathBuf::new() }
    }

    /// Whether it is a scratch copy, in which manifests may be changed.
    pub(crate) fn is_copy(&self) -> bool {
        self.build.is_some()
    }

    /// Where cargo keeps what it has compiled.
    pub(crate) fn build_folder(&self) -> PathBuf {
        self.build.clone().unwrap_or_else(|| self.target.clone())
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
    command.env("CARGO_TARGET_DIR", &workspace.target);
    if let Some(build) = &workspace.build {
        command.env("CARGO_BUILD_BUILD_DIR", build);
    }
    command
}
