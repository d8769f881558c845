//! What drill 18 has said of other people's code, and what a reader said of that: the labels, their sums, and the page of the book.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

/// The lines below the heading, in fields. No code of others is kept, only where it stands and a hash of the line.
fn table<const FIELDS: usize>(file: &str) -> Vec<[String; FIELDS]> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace");
    let path = root.join("solutions/task-18/report").join(file);
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let fields = |line: &str| {
        let fields: Vec<String> = line.split('\t').map(str::to_owned).collect();
        fields.try_into().unwrap_or_else(|_| panic!("{file}: {FIELDS} fields are wanted: {line}"))
    };
    text.lines().skip(1).map(fields).collect()
}

/// How many were found, and how many of them are right, of each code base.
fn sums() -> BTreeMap<String, (usize, usize)> {
    let mut sums: BTreeMap<_, _> =
        table::<4>("code-bases.tsv").into_iter().map(|[name, ..]| (name, (0, 0))).collect();
    for [name, _, _, _, _, verdict, _] in table::<7>("labels.tsv") {
        let (found, right) = sums.get_mut(&name).unwrap_or_else(|| panic!("{name} is no code base"));
        *found += 1;
        *right += usize::from(verdict == "right");
    }
    sums
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit))
}

#[test]
fn every_label_has_a_place_a_verdict_and_a_reason() {
    let mut seen = HashSet::new();
    for [name, path, line, rule, source, verdict, reason] in table::<7>("labels.tsv") {
        let place = format!("{name} {path}:{line}");
        assert!(line.parse::<usize>().is_ok_and(|line| line > 0), "{place}: no line");
        let rules = ["sleep", "exit", "loop", "wait", "detached", "allow"];
        assert!(rules.contains(&rule.as_str()), "{place}: no rule is called {rule}");
        assert!(is_hex(&source, 12), "{place}: 12 digits of SHA-256 are wanted: {source}");
        assert!(["right", "wrong"].contains(&verdict.as_str()), "{place}: right or wrong, not {verdict}");
        assert!(reason.split_whitespace().count() > 2, "{place}: no reason");
        assert!(seen.insert((place.clone(), rule)), "{place}: twice");
    }
    assert!(!seen.is_empty(), "no labels");
}

#[test]
fn every_code_base_is_known_by_its_commit() {
    for [name, repository, commit, _] in table::<4>("code-bases.tsv") {
        assert!(is_hex(&commit, 40), "{name}: no commit");
        assert!(repository.split('/').count() == 2, "{name}: owner/repository is wanted");
    }
}

#[test]
fn the_page_of_the_book_has_the_sums_of_the_labels() {
    let page = include_str!("../../docs/src/audit-report.md");
    let code_bases = table::<4>("code-bases.tsv");
    let mut all = (0, 0);
    for (name, (found, right)) in sums() {
        let [_, repository, ..] = code_bases.iter().find(|[of, ..]| *of == name).expect("it has a sum");
        let row = format!("| [{repository}](https://github.com/{repository}) | {found} | {right} |");
        assert!(page.contains(&row), "docs/src/audit-report.md has no row\n{row}");
        all = (all.0 + found, all.1 + right);
    }
    let row = format!("| all | {} | {} |", all.0, all.1);
    assert!(page.contains(&row), "docs/src/audit-report.md has no row\n{row}");
}

#[test]
fn nine_of_ten_findings_are_right_in_at_least_five_code_bases() {
    let good = sums().into_values().filter(|(found, right)| *found > 0 && 10 * right >= 9 * found).count();
    assert!(good >= 5, "only in {good}");
}
