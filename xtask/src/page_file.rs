//! A file that somebody wants a page in. Nothing that is not ours is lost.
//!
//! The last line of a page says what was written, so a page that somebody has changed since is no longer ours.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::error::{At as _, Error, Result};

pub(crate) struct PageFile {
    path: PathBuf,
}

impl PageFile {
    /// Says early what would fail later: a verdict takes its time.
    ///
    /// # Errors
    ///
    /// If it is a folder or in none, if it may not be written, or if it holds something that is not ours.
    pub(crate) fn new(path: PathBuf) -> Result<Self> {
        require_free(&path)?;
        Ok(Self { path })
    }

    /// Writes the page, and says so. By now somebody else may have used the name.
    pub(crate) fn write(&self, page: &str) -> Result<()> {
        require_free(&self.path)?;
        fs::write(&self.path, signed(page)).at("write", &self.path)?;
        eprintln!("written: {}", self.path.display());
        Ok(())
    }
}

fn require_free(path: &Path) -> Result<()> {
    match fs::metadata(path) {
        Ok(file) if file.is_file() => {
            File::options().append(true).open(path).at("write", path)?;
            let text = fs::read(path).at("read", path)?;
            let is_free = text.is_empty() || is_ours(&text);
            let said = "is there, and not as we have written it: name another file, or remove it";
            is_free.then_some(()).ok_or_else(|| Error::new(format!("{} {said}", path.display())))
        }
        Ok(folder) if folder.is_dir() => {
            Err(Error::new(format!("cannot write {}: it is a folder", path.display())))
        }
        // A pipe, for instance.
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            access(folder, AccessFlags::W_OK).map_err(Into::into).at("write to the folder", folder)
        }
        Err(error) => Err(error).at("write", path),
    }
}

/// The page, and its last line.
fn signed(page: &str) -> String {
    let page = format!("{}\n", page.trim_end());
    let last_line = last_line(page.as_bytes());
    page + &last_line
}

fn is_ours(text: &[u8]) -> bool {
    let page = text.strip_suffix(b"\n").unwrap_or(text);
    let page = page.iter().rposition(|byte| *byte == b'\n').map_or(&[][..], |end| &page[..=end]);
    text[page.len()..] == *last_line(page).as_bytes()
}

/// A comment, in HTML and in Markdown.
fn last_line(page: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    page.hash(&mut hasher);
    format!("<!-- Drain Drills {:016x} -->\n", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_changed_since_is_not_ours() {
        for page in ["", "<p>", "<p>\n", "- [ ] seen\n- [ ] heard\n\n"] {
            assert!(is_ours(signed(page).as_bytes()), "{page}");
        }
        let (page, written) = ("- [ ] seen\n".to_owned(), signed("- [ ] seen"));
        for other in [written.replace("[ ]", "[x]"), written.clone() + "note\n", page, "\n".to_owned()] {
            assert!(!is_ours(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn what_came_in_between_is_not_lost() {
        let path = crate::workspace::events_folder().unwrap().join(format!("{}.html", std::process::id()));
        let file = PageFile::new(path.clone()).unwrap();
        fs::write(&path, "mine\n").unwrap();
        let (written, kept) = (file.write("<p>"), fs::read_to_string(&path).unwrap());
        fs::remove_file(&path).unwrap();
        assert!(written.is_err() && kept == "mine\n", "{kept}");
    }
}
