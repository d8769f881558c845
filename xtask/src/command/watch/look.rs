//! What lies in a drill's folder, and whether it has changed.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// When a file was written, and which file that is: one that was put in the place of another is not always newer.
type Stamp = (i64, i64, u64, u64);

/// The folder, as it was seen last.
pub(super) struct Look {
    folder: PathBuf,
    stamps: BTreeMap<PathBuf, Stamp>,
    content: u64,
}

impl Look {
    pub(super) fn at(folder: PathBuf) -> Self {
        let stamps = stamps(&folder);
        let content = content(&folder, &stamps);
        Self { folder, stamps, content }
    }

    /// A file that was written, moved or removed since the last look. The runner itself touches files while it
    /// judges: then only what they hold counts.
    pub(super) fn changed(&mut self, judging: bool) -> Option<PathBuf> {
        let stamps = stamps(&self.folder);
        if stamps == self.stamps {
            return None;
        }
        let differs = |one: &BTreeMap<PathBuf, Stamp>, other: &BTreeMap<PathBuf, Stamp>| {
            one.iter().find(|(path, stamp)| other.get(*path) != Some(stamp)).map(|(path, _)| path.clone())
        };
        let path = differs(&stamps, &self.stamps).or_else(|| differs(&self.stamps, &stamps));
        let content = content(&self.folder, &stamps);
        let is_new = content != self.content;
        (self.stamps, self.content) = (stamps, content);
        path.filter(|_| is_new || !judging)
    }
}

fn content(folder: &Path, stamps: &BTreeMap<PathBuf, Stamp>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for path in stamps.keys() {
        (path, fs::read(folder.join(path)).ok()).hash(&mut hasher);
    }
    hasher.finish()
}

fn stamps(folder: &Path) -> BTreeMap<PathBuf, Stamp> {
    let mut found = BTreeMap::new();
    collect(folder, folder, &mut found);
    found
}

/// A folder that is gone has nothing in it, until it is there again.
fn collect(root: &Path, folder: &Path, found: &mut BTreeMap<PathBuf, Stamp>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        if is_no_source(&name.to_string_lossy()) {
            continue;
        }
        match fs::metadata(&path) {
            Ok(known) if known.is_dir() && entry.file_type().is_ok_and(|kind| kind.is_dir()) => {
                collect(root, &path, found);
            }
            Ok(known) if known.is_file() => {
                let stamp = (known.mtime(), known.mtime_nsec(), known.ino(), known.len());
                found.insert(path.strip_prefix(root).unwrap_or(&path).to_owned(), stamp);
            }
            _ => {}
        }
    }
}

/// What builds and editors leave beside the sources: `.main.rs.swp`, `main.rs~`, `#main.rs#`, vim's `4913`.
fn is_no_source(name: &str) -> bool {
    name == "target"
        || name.starts_with(['.', '#'])
        || name.ends_with('~')
        || name.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::{Duration, SystemTime};

    use super::*;

    /// A folder with one source file, and what was seen of it.
    fn folder(name: &str) -> (PathBuf, Look) {
        let folder = crate::workspace::work_folder().join(format!("look-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        write(&folder, "first");
        let look = Look::at(folder.clone());
        (folder, look)
    }

    fn write(folder: &Path, text: &str) {
        fs::create_dir_all(folder.join("src")).unwrap();
        fs::write(folder.join("src/lib.rs"), text).unwrap();
    }

    fn source() -> Option<PathBuf> {
        Some("src/lib.rs".into())
    }

    #[test]
    fn what_is_written_moved_or_removed_is_seen_once() {
        let (folder, mut look) = folder("seen");
        assert_eq!(look.changed(false), None);
        write(&folder, "second");
        assert_eq!((look.changed(false), look.changed(false)), (source(), None));
        fs::write(folder.join("src/.lib.rs.new"), "third").unwrap();
        assert_eq!(look.changed(false), None);
        fs::rename(folder.join("src/.lib.rs.new"), folder.join("src/lib.rs")).unwrap();
        assert_eq!(look.changed(true), source());
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(look.changed(true), source());
        write(&folder, "fourth");
        assert_eq!(look.changed(true), source());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_same_once_more_counts_unless_it_is_being_judged() {
        let (folder, mut look) = folder("same");
        let touch = |seconds| {
            let file = File::options().append(true).open(folder.join("src/lib.rs")).unwrap();
            file.set_modified(SystemTime::now() + Duration::from_secs(seconds)).unwrap();
        };
        touch(10);
        assert_eq!(look.changed(true), None);
        touch(20);
        assert_eq!(look.changed(false), source());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_editors_and_builds_leave_is_no_source() {
        for name in ["target", ".lib.rs.swp", "lib.rs~", "#lib.rs#", "4913"] {
            assert!(is_no_source(name), "{name}");
        }
        for name in ["lib.rs", "Cargo.toml", "1_orders.sql"] {
            assert!(!is_no_source(name), "{name}");
        }
    }
}
