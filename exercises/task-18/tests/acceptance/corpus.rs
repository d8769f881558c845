//! The corpus: small sources that say in comments what must be found where.
//!
//! Below a line of code stands `//  ^^^^^ sleep` for each finding in it; with `sleep*` it is one only if more is asked for, by
//! `--tests` or `--all`. What is not underlined must not be found. `// case: ...` says what the lines below it are about.

use drain_kit::Scenario;

use crate::audited::{Place, Tree, audit_as_told};

macro_rules! sources {
    ($($file:literal,)*) => {
        &[$(($file, include_str!(concat!("../corpus/", $file)))),*]
    };
}

/// Each file, and what is in it.
pub(crate) const SOURCES: &[(&str, &str)] = sources![
    "detached/macros.rs",
    "detached/names.rs",
    "detached/statements.rs",
    "exit/async_main.rs",
    "exit/places.rs",
    "exit/renamed.rs",
    "loop/ends.rs",
    "loop/macros.rs",
    "loop/stops.rs",
    "names/one/src/clock.rs",
    "names/one/src/deep/below.rs",
    "names/one/src/deep/mod.rs",
    "names/one/src/elsewhere/odd.rs",
    "names/one/src/lib.rs",
    "names/one/src/uses.rs",
    "names/three.rs",
    "names/two/src/clock.rs",
    "names/two/src/main.rs",
    "only_tests/benches/speed.rs",
    "only_tests/build.rs",
    "only_tests/examples/demo.rs",
    "only_tests/src/build.rs",
    "only_tests/src/by_path.rs",
    "only_tests/src/lib.rs",
    "only_tests/src/product.rs",
    "only_tests/src/tests.rs",
    "only_tests/src/tests/deeper.rs",
    "only_tests/src/whole.rs",
    "only_tests/tests/all.rs",
    "only_tests/tests/support/mod.rs",
    "sleep/calls.rs",
    "sleep/names.rs",
    "sleep/select.rs",
    "sleep/timers.rs",
    "sure/places.rs",
    "wait/ended.rs",
    "wait/handles.rs",
    "wait/inside.rs",
    "wait/methods.rs",
    "wait/recv.rs",
    "wait/select.rs",
];

/// Requires that in this folder of the corpus exactly that is found which is underlined, with what has a `*` or without.
#[track_caller]
pub(crate) fn require_as_underlined(scenario: &Scenario, folder: &str, options: &[&str], starred: bool) {
    let tree = Tree::new();
    let sources = || SOURCES.iter().filter(|(file, _)| file.split('/').next() == Some(folder));
    for (file, text) in sources() {
        tree.write(file, text);
        if file.ends_with("/src/lib.rs") {
            tree.write(&file.replace("src/lib.rs", "Cargo.toml"), "[package]");
        }
    }
    let mut expected: Vec<Place> =
        sources().flat_map(|(file, text)| underlined(file, text, starred)).collect();
    expected.sort();
    let audited = audit_as_told(scenario, &[options, &[&tree.file(folder)]].concat());
    let found = audited.places(&tree);
    for place in &expected {
        let at_the_place = |other: &&Place| (&other.path, other.line) == (&place.path, place.line);
        if !found.contains(place) {
            let instead: Vec<String> = found.iter().filter(at_the_place).map(shown).collect();
            let observed =
                if instead.is_empty() { "nothing in this line".to_owned() } else { instead.join(", ") };
            scenario.fail(format!("{}, {}", shown(place), case_of(place)), observed);
        }
    }
    for place in &found {
        scenario.require(
            expected.contains(place),
            format!("nothing at this place, {}", case_of(place)),
            shown(place),
        );
    }
    let cases = sources().flat_map(|(_, text)| text.lines()).filter(|line| case(line).is_some()).count();
    scenario.note(format!("{} findings in {cases} cases", expected.len()));
}

/// What is underlined in a source.
fn underlined(file: &str, text: &str, starred: bool) -> Vec<Place> {
    let mut places = Vec::new();
    let mut code = 0;
    for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line)) {
        let Some((carets, rule)) = underlining(line) else {
            code = number;
            continue;
        };
        let column = line.find('^').expect("there are carets") + 1;
        if let Some(rule) =
            rule.strip_suffix('*').filter(|_| starred).or((!rule.ends_with('*')).then_some(rule))
        {
            let (path, rule) = (file.to_owned(), rule.to_owned());
            places.push(Place { path, line: code, column, end_column: column + carets, rule });
        }
    }
    places
}

/// How many carets there are, and the rule behind them.
fn underlining(line: &str) -> Option<(usize, &str)> {
    let rest = line.strip_prefix("//")?.trim_start_matches(' ');
    let rule = rest.trim_start_matches('^');
    let carets = rest.len() - rule.len();
    (carets > 0).then(|| (carets, rule.trim()))
}

fn case(line: &str) -> Option<&str> {
    line.trim().strip_prefix("// case: ")
}

/// Which case the line belongs to.
fn case_of(place: &Place) -> String {
    let source = SOURCES.iter().find(|(file, _)| *file == place.path);
    let lines: Vec<&str> = source.map_or("", |(_, text)| text).lines().take(place.line).collect();
    let case = lines.iter().rev().find_map(|line| case(line)).unwrap_or("whatever it is");
    format!("for `{}`: {case}", lines.last().copied().unwrap_or_default().trim())
}

fn shown(place: &Place) -> String {
    format!("{} at {}:{}:{} to {}", place.rule, place.path, place.line, place.column, place.end_column)
}
