//! A bug as it is kept: a header of facts, and below it what it changes in the solution.
//!
//! `git apply` is not asked: it takes a patch to the wrong place without a word, and one with paths from
//! elsewhere to no place at all, with exit code 0.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use crate::error::{At as _, Result as Read};

/// The text of source files, by path in the package.
pub(crate) type Files = BTreeMap<String, String>;

/// The sources of a package: `src/lib.rs` and what else is in `src`.
pub(crate) fn files(package: &Path) -> Read<Files> {
    let mut found = Files::new();
    let mut folders = vec![package.join("src")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(&folder).at("read", &folder)?.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(inside) = path.strip_prefix(package) {
                let text = fs::read_to_string(&path).at("read", &path)?;
                found.insert(inside.display().to_string(), text);
            }
        }
    }
    Ok(found)
}

#[derive(Debug, PartialEq)]
pub(crate) struct Patch {
    pub(crate) header: String,
    changes: Vec<Change>,
}

/// What is changed in one file.
#[derive(Debug, PartialEq)]
struct Change {
    path: String,
    hunks: Vec<Hunk>,
}

#[derive(Debug, PartialEq)]
struct Hunk {
    /// `@@ -9,11 +9,11 @@ fn main() {`
    heading: String,
    /// How many lines of the file are before it.
    before: usize,
    /// With the sign in front.
    lines: Vec<String>,
}

/// Where the lines are that a patch changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fit {
    Exact,
    /// Elsewhere than it says, but nowhere else.
    Moved,
}

impl Patch {
    /// Reads a patch, also one as `git diff` prints it. The one form in which it is kept is what
    /// [`Display`](fmt::Display) writes.
    ///
    /// # Errors
    ///
    /// Which line is not understood.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let is_header = |line: &&str| !line.starts_with("--- ") && !line.starts_with("diff --git ");
        let header: Vec<&str> = text.lines().take_while(is_header).collect();
        let mut changes: Vec<Change> = Vec::new();
        let mut lines = text.lines().enumerate().skip(header.len()).peekable();
        while let Some((number, line)) = lines.next() {
            let odd = || format!("line {}, `{line}`, belongs to no change of a source file", number + 1);
            if line.starts_with("diff --git ") || line.starts_with("index ") {
            } else if line.starts_with("--- ") {
                let path = in_package(line).ok_or_else(odd)?;
                let same = lines.next().and_then(|(_, line)| in_package(line)) == Some(path);
                let change = Change { path: path.to_owned(), hunks: Vec::new() };
                changes.push(same.then_some(change).ok_or_else(odd)?);
            } else {
                let (before, old, new) = counts(line).ok_or_else(odd)?;
                let mut hunk = Hunk { heading: line.to_owned(), before, lines: Vec::new() };
                while hunk.count('+') < old || hunk.count('-') < new {
                    let (_, line) = lines.next().ok_or_else(|| "its last hunk is cut off".to_owned())?;
                    // Some editors take away the space of a blank line.
                    let line = if line.is_empty() { " " } else { line };
                    let known = line.starts_with([' ', '+', '-']);
                    hunk.lines.push(known.then(|| line.to_owned()).ok_or_else(odd)?);
                }
                changes.last_mut().ok_or_else(odd)?.hunks.push(hunk);
            }
        }
        Ok(Self { header: header.join("\n").trim_end().to_owned(), changes })
    }

    /// The files that it changes.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.changes.iter().map(|change| change.path.as_str())
    }

    /// Both in one; none if they change the same line, or put something in the same place.
    pub(crate) fn beside(self, other: Self) -> Option<Self> {
        let mut changes = self.changes;
        for Change { path, hunks } in other.changes {
            match changes.iter_mut().find(|change| change.path == path) {
                Some(change) => change.hunks.extend(hunks),
                None => changes.push(Change { path, hunks }),
            }
        }
        for Change { hunks, .. } in &mut changes {
            // What is put before a line is put before what becomes of it.
            hunks.sort_by_key(|hunk| (hunk.before, hunk.end()));
            let apart = |pair: &[Hunk]| {
                let [one, next] = pair else { return true };
                one.end() <= next.before && (one.before, one.end()) != (next.before, next.end())
            };
            if !hunks.windows(2).all(apart) {
                return None;
            }
        }
        Some(Self { changes, ..self })
    }

    /// What it takes away and what it puts in, line by line, in no order.
    pub(crate) fn lines(&self) -> Vec<&str> {
        let hunks = self.changes.iter().flat_map(|change| &change.hunks);
        let lines = hunks.flat_map(|hunk| &hunk.lines).map(String::as_str);
        let mut lines: Vec<&str> = lines.filter(|line| !line.starts_with(' ')).collect();
        lines.sort_unstable();
        lines
    }

    /// The files that it changes, as they are with the bug in them.
    ///
    /// # Errors
    ///
    /// Why it does not fit, or that it changes nothing.
    pub(crate) fn apply(&self, files: &Files) -> Result<(Files, Fit), String> {
        let (mut patched, mut worst) = (Files::new(), Fit::Exact);
        for change in &self.changes {
            let text = files.get(&change.path).ok_or_else(|| format!("there is no {}", change.path))?;
            let (text, fit) = change.apply(text)?;
            worst = if fit == Fit::Moved { fit } else { worst };
            patched.insert(change.path.clone(), text);
        }
        if patched.iter().all(|(path, text)| files.get(path) == Some(text)) {
            return Err("it changes nothing".to_owned());
        }
        Ok((patched, worst))
    }
}

impl Change {
    fn apply(&self, text: &str) -> Result<(String, Fit), String> {
        let lines: Vec<&str> = text.lines().collect();
        let (mut patched, mut done, mut fit) = (Vec::new(), 0, Fit::Exact);
        for hunk in &self.hunks {
            let (old, new) = (hunk.without('+'), hunk.without('-'));
            let fits = |at: &usize| lines.get(*at..).is_some_and(|rest| rest.starts_with(&old));
            let at = if hunk.before >= done && fits(&hunk.before) {
                hunk.before
            } else {
                fit = Fit::Moved;
                let mut places = (done..lines.len()).filter(fits);
                match (places.next(), places.next()) {
                    (Some(place), None) if !old.is_empty() => place,
                    (None, _) => return Err(format!("{} has no such lines: {}", self.path, hunk.heading)),
                    _ => {
                        return Err(format!("{} has such lines more than once: {}", self.path, hunk.heading));
                    }
                }
            };
            patched.extend_from_slice(&lines[done..at]);
            patched.extend(new);
            done = at + old.len();
        }
        patched.extend_from_slice(&lines[done..]);
        Ok((patched.iter().flat_map(|line| [line, "\n"]).collect(), fit))
    }
}

impl Hunk {
    fn without(&self, sign: char) -> Vec<&str> {
        self.lines.iter().filter(|line| !line.starts_with(sign)).map(|line| &line[1..]).collect()
    }

    /// How many lines of the file are before what follows it.
    fn end(&self) -> usize {
        self.before + self.count('+')
    }

    fn count(&self, without: char) -> usize {
        self.lines.iter().filter(|line| !line.starts_with(without)).count()
    }
}

/// The path in the package: of `--- a/src/lib.rs`, and of `--- a/solutions/task-02/src/lib.rs`.
fn in_package(line: &str) -> Option<&str> {
    let path = line.strip_prefix("--- a/").or(line.strip_prefix("+++ b/"))?;
    let path = match path.strip_prefix("solutions/") {
        Some(of_set) => of_set.split_once('/')?.1,
        None => path,
    };
    (path.starts_with("src/") && !path.contains("..")).then_some(path)
}

/// The lines before a hunk, its old ones, and its new ones: 8, 11, 12 of `@@ -9,11 +9,12 @@`.
fn counts(heading: &str) -> Option<(usize, usize, usize)> {
    let (old, rest) = heading.strip_prefix("@@ -")?.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    let range = |text: &str| match text.split_once(',') {
        Some((first, count)) => Some((first.parse::<usize>().ok()?, count.parse::<usize>().ok()?)),
        None => Some((text.parse().ok()?, 1)),
    };
    let ((first, old), (_, new)) = (range(old)?, range(new)?);
    // Where there are no old lines, it names the line before.
    Some((if old == 0 { first } else { first.checked_sub(1)? }, old, new))
}

impl fmt::Display for Patch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.header)?;
        for Change { path, hunks } in &self.changes {
            writeln!(f, "--- a/{path}\n+++ b/{path}")?;
            for Hunk { heading, lines, .. } in hunks {
                writeln!(f, "{heading}")?;
                lines.iter().try_for_each(|line| writeln!(f, "{line}"))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: &str = "\
bug: it counts in twos
caught-by: it_counts

--- a/src/lib.rs
+++ b/src/lib.rs
@@ -2,3 +2,3 @@ fn count() {
 one
-two
+four
 three
";

    fn lib(text: &str) -> Files {
        Files::from([("src/lib.rs".to_owned(), text.to_owned())])
    }

    fn applied(patch: &str, text: &str) -> Result<(String, Fit), String> {
        let (files, fit) = Patch::parse(patch)?.apply(&lib(text))?;
        Ok((files["src/lib.rs"].clone(), fit))
    }

    #[test]
    fn what_is_kept_is_written_as_it_was_read() {
        assert_eq!(Patch::parse(KEPT).unwrap().to_string(), KEPT);
    }

    #[test]
    fn what_git_prints_is_understood() {
        let git = KEPT.replace(
            "--- a/src/lib.rs\n+++ b/src/lib.rs",
            "diff --git a/solutions/task-02/src/lib.rs b/solutions/task-02/src/lib.rs\n\
             index 1d2c..2e3f 100644\n\
             --- a/solutions/task-02/src/lib.rs\n\
             +++ b/solutions/task-02/src/lib.rs",
        );
        assert_eq!(Patch::parse(&git).unwrap().to_string(), KEPT);
    }

    #[test]
    fn what_is_no_source_of_the_package_is_refused() {
        for elsewhere in ["Cargo.toml", "/etc/hosts", "src/../../lib.rs"] {
            let refused = Patch::parse(&KEPT.replace("src/lib.rs", elsewhere)).unwrap_err();
            assert!(refused.contains(&format!("`--- a/{elsewhere}`, belongs to no change")), "{refused}");
        }
        let renamed = Patch::parse(&KEPT.replace("+++ b/src/lib.rs", "+++ b/src/main.rs")).unwrap_err();
        assert!(renamed.contains("belongs to no change"), "{renamed}");
    }

    #[test]
    fn it_fits_where_it_says_and_where_its_lines_have_gone() {
        assert_eq!(
            applied(KEPT, "zero\none\ntwo\nthree\n").unwrap(),
            ("zero\none\nfour\nthree\n".to_owned(), Fit::Exact)
        );
        assert_eq!(applied(KEPT, "new\nzero\none\ntwo\nthree\n").unwrap().1, Fit::Moved);
    }

    #[test]
    fn it_does_not_guess() {
        let twice = "new\nzero\none\ntwo\nthree\none\ntwo\nthree\n";
        assert!(applied(KEPT, twice).unwrap_err().contains("more than once"));
        assert!(applied(KEPT, "zero\none\n2\nthree\n").unwrap_err().contains("no such lines"));
    }

    #[test]
    fn one_that_changes_nothing_does_not_fit() {
        let same = KEPT.replace("+four", "+two");
        assert_eq!(applied(&same, "zero\none\ntwo\nthree\n").unwrap_err(), "it changes nothing");
        assert_eq!(applied("bug: none\n", "zero\n").unwrap_err(), "it changes nothing");
    }
}
