//! What two submissions do differently.

use std::collections::BTreeSet;
use std::time::Duration;

use similar::{ChangeTag, TextDiff};

use crate::packet::{Files, code};

/// Whoever hands in a million lines is not to be waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// The difference in one file.
#[derive(Debug, PartialEq)]
pub(crate) struct Difference {
    pub(crate) path: String,
    /// As `diff -u` has them, with the sign in front.
    pub(crate) lines: Vec<String>,
}

/// From the one to the other; files that are the same are left out.
pub(crate) fn between(one: &Files, other: &Files) -> Vec<Difference> {
    let paths: BTreeSet<&String> = code(one).chain(code(other)).map(|(path, _)| path).collect();
    let difference = |path: &String| {
        let [one, other] = [one, other].map(|files| files.get(path).map_or("", String::as_str));
        let lines = lines(one, other);
        (!lines.is_empty()).then(|| Difference { path: path.clone(), lines })
    };
    paths.into_iter().filter_map(difference).collect()
}

fn lines(one: &str, other: &str) -> Vec<String> {
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(one, other);
    let mut lines = Vec::new();
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        lines.push(hunk.header().to_string());
        for change in hunk.iter_changes() {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            lines.push(format!("{sign}{}", change.value().trim_end_matches('\n')));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> Files {
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn what_differs_is_shown_with_the_lines_around_it_and_a_manifest_is_no_code() {
        let one = files(&[("Cargo.toml", "a"), ("src/a.rs", "a\nb\nc\n"), ("src/same.rs", "x\n")]);
        let other = files(&[("src/a.rs", "a\nB\nc\n"), ("src/new.rs", "n\n"), ("src/same.rs", "x\n")]);
        let [changed, new] = between(&one, &other).try_into().expect("two files differ");
        assert_eq!(
            (changed.path.as_str(), changed.lines[1..].join("\n")),
            ("src/a.rs", " a\n-b\n+B\n c".to_owned())
        );
        assert_eq!((new.path.as_str(), new.lines[1..].join("\n")), ("src/new.rs", "+n".to_owned()));
    }
}
