//! `book`: everything there is to read, laid out for mdBook, which makes the pages.

use std::env;
use std::fs;
use std::io::{ErrorKind, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lexopt::prelude::*;

use crate::layout;

pub(crate) const HELP: &str = "\
usage: cargo xtask book [OPTIONS]

Builds the book with mdBook, and opens it: the pages of docs/, and each drill's
brief, solution notes and zoo, with the checklists.

  --to DIR     where to put it; docs/book if you do not say
  --no-open    do not open it

It is opened if stdout is a terminal of a desktop. Without mdBook read
docs/src/introduction.md as it is.
";

struct Options {
    to: PathBuf,
    open: bool,
}

/// Lays it out in `work`, builds it, and says where it is.
///
/// # Errors
///
/// What is wrong with the command line; what cannot be read or written; that mdBook is missing, or what it says.
pub(crate) fn run(root: &Path, work: &Path, mut arguments: lexopt::Parser) -> Result<String, String> {
    let mut options = Options { to: root.join("docs/book"), open: true };
    while let Some(argument) = arguments.next().map_err(|error| error.to_string())? {
        match argument {
            Short('h') | Long("help") => return Ok(HELP.to_owned()),
            Long("to") => options.to = arguments.value().map_err(|error| error.to_string())?.into(),
            Long("no-open") => options.open = false,
            argument => return Err(format!("{}; see `cargo xtask book --help`", argument.unexpected())),
        }
    }
    let to = std::path::absolute(&options.to).map_err(|error| error.to_string())?;
    may_be_replaced(&to)?;
    write(root, work)?;
    build(work, &to)?;
    let page = to.join("index.html");
    if options.open {
        open(&page);
    }
    Ok(format!("the book: {}\n", page.display()))
}

/// mdBook empties the folder: it must be a book, which has that file, or nothing yet.
fn may_be_replaced(to: &Path) -> Result<(), String> {
    let is_empty = fs::read_dir(to).map_or(true, |mut entries| entries.next().is_none());
    if to.join(".nojekyll").exists() || is_empty && !to.is_file() {
        return Ok(());
    }
    Err(format!("{} is there, and no book: name another folder", to.display()))
}

/// The pages, as mdBook reads them.
fn write(root: &Path, work: &Path) -> Result<(), String> {
    let write = |path: PathBuf, text: &str| {
        let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
        let written = folder.and_then(|()| fs::write(&path, text));
        written.map_err(|error| format!("cannot write {}: {error}", path.display()))
    };
    // A page that is no longer there would stay.
    match fs::remove_dir_all(work) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(format!("cannot remove {}: {error}", work.display()));
        }
        _ => {}
    }
    for (path, text) in layout::of(root)? {
        write(work.join("src").join(path), &text)?;
    }
    write(work.join("book.toml"), &layout::read(&root.join("docs/book.toml"))?)
}

fn build(work: &Path, to: &Path) -> Result<(), String> {
    let output = Command::new("mdbook").arg("build").arg(work).arg("--dest-dir").arg(to).output();
    let output = output.map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            "the book is made with mdBook, which is not here: `cargo install mdbook` (some minutes, once); \
                                or read docs/src/introduction.md"
                .to_owned()
        }
        _ => format!("cannot start mdbook: {error}"),
    })?;
    if output.status.success() {
        return Ok(());
    }
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    Err("mdbook could not build it: see why above".to_owned())
}

/// Where there is a desktop that somebody sits at; that it cannot be opened is no error, its path is said.
fn open(page: &Path) {
    let is_desktop = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| env::var_os(name).is_some());
    if is_desktop && std::io::stdout().is_terminal() {
        let _ = Command::new("xdg-open").arg(page).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_else_in_it_is_not_replaced() {
        let folder = env::temp_dir().join(format!("drain-journey-book-{}", std::process::id()));
        assert!(may_be_replaced(&folder).is_ok());
        fs::create_dir_all(&folder).unwrap();
        assert!(may_be_replaced(&folder).is_ok());
        fs::write(folder.join("mine.txt"), "").unwrap();
        let said = may_be_replaced(&folder).unwrap_err();
        assert!(said.contains("no book"), "{said}");
        assert!(may_be_replaced(&folder.join("mine.txt")).is_err());
        fs::write(folder.join(".nojekyll"), "").unwrap();
        assert!(may_be_replaced(&folder).is_ok());
        fs::remove_dir_all(&folder).unwrap();
    }
}
