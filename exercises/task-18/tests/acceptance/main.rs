//! Acceptance tests for task 18.

mod audited;
mod corpus;

use std::fs;
use std::os::unix::fs::symlink;
use std::time::SystemTime;

use drain_kit::leaks::require_no_process_left;
use drain_kit::{Program, Scenario, program};

use crate::audited::{Tree, audit, require_found, run};
use crate::corpus::require_as_underlined;

/// Sleeps that a stop does not end are found, and no others: in `select!`, with names, in closures and `async` blocks.
///
/// Why: a poller that sleeps for thirty seconds makes each deploy thirty seconds longer, or is cut off in its next round.
#[test]
fn sleeps_that_a_stop_does_not_end_are_found() {
    let scenario = Scenario::new();
    require_as_underlined(&scenario, "sleep", &["--all", "--rule", "sleep"], false);
}

/// `process::exit` outside `main` is found: in closures, blocks and functions within it, too, called or handed on.
///
/// Why: whoever calls it deep down ends everybody else's work, and no destructor writes down what was left.
#[test]
fn exits_outside_main_are_found() {
    let scenario = Scenario::new();
    require_as_underlined(&scenario, "exit", &["--all", "--rule", "exit"], false);
}

/// Loops that cannot end are found: what leaves an inner loop, a closure or a block leaves no outer one.
///
/// Why: a drain waits for such a loop until its deadline, each time, and then calls that an overrun.
#[test]
fn loops_that_cannot_end_are_found() {
    let scenario = Scenario::new();
    require_as_underlined(&scenario, "loop", &["--all", "--rule", "loop"], false);
}

/// Waits that are neither under a stop nor under a deadline are found, by method and by handle.
///
/// Why: a drain is as long as the longest of its waits, and this one has no end that you have chosen.
#[test]
fn waits_without_a_deadline_are_found() {
    let scenario = Scenario::new();
    require_as_underlined(&scenario, "wait", &["--all", "--rule", "wait"], false);
}

/// Tasks and threads whose handle is dropped at once are found.
///
/// Why: the runtime drops them in the middle of a write when `main` returns, and nobody is told.
#[test]
fn detached_tasks_are_found() {
    let scenario = Scenario::new();
    require_as_underlined(&scenario, "detached", &["--all", "--rule", "detached"], false);
}

/// A name is what `use` makes it, through renames, globs, `#[path]` and re-exports in other files of the crate.
///
/// Why: `grep` finds what is called as you expect. The one that was renamed in a prelude is the one that you miss.
#[test]
fn a_name_is_what_use_makes_it() {
    let scenario = Scenario::new();
    require_as_underlined(&scenario, "names", &["--all"], false);
}

/// The code of tests is left out, wherever it stands, and is audited with `--tests`.
///
/// Why: tests sleep and wait as they like. A report that is full of them is not read to the end.
#[test]
fn the_code_of_tests_is_left_out() {
    let scenario = Scenario::new();
    require_as_underlined(&scenario, "only_tests", &["--all"], false);
    require_as_underlined(&scenario, "only_tests", &["--all", "--tests"], true);
}

/// Without `--all` only that is reported which can be judged where it stands.
///
/// Why: a CI that stops at what is fine is switched off. What may be fine is for somebody who has the time to look.
#[test]
fn only_what_is_sure_is_reported_unless_all_is_asked_for() {
    let scenario = Scenario::new();
    require_as_underlined(&scenario, "sure", &[], false);
    require_as_underlined(&scenario, "sure", &["--all"], true);
}

/// A file that is named is audited, also among tests; of a folder only what ends in `.rs`, is not hidden, not ignored, and
/// not in `target`. Links are followed.
///
/// Why: what was generated is nobody's fault, and what was left out by mistake is believed to be fine.
#[test]
fn the_walk_takes_what_belongs_to_the_code() {
    let scenario = Scenario::new();
    let tree = Tree::of(&[
        (".gitignore", "/generated.rs\nbuilt/\n"),
        ("a/.hidden/x.rs", EXITS),
        ("a/code.rs", EXITS),
        ("a/code.txt", EXITS),
        ("a/target/x.rs", EXITS),
        ("built/x.rs", EXITS),
        ("generated.rs", EXITS),
        ("tests/x.rs", EXITS),
    ]);
    let elsewhere = Tree::of(&[("linked.rs", EXITS)]);
    symlink(elsewhere.path(), tree.path().join("link")).expect("a link");
    let walked = ["exit a/code.rs:2:5", "exit link/linked.rs:2:5"];
    require_found(&scenario, &tree, &[&tree.root()], &walked);
    let named = [tree.file("tests/x.rs"), tree.file("a/code.txt")];
    let named = require_found(
        &scenario,
        &tree,
        &[&named[0], &tree.root(), &named[1]],
        &["exit a/code.rs:2:5", "exit a/code.txt:2:5", "exit link/linked.rs:2:5", "exit tests/x.rs:2:5"],
    );
    scenario.require(named.json["files"] == 4, "4 files", &named.json["files"]);
}

/// Lines and columns are those that an editor shows: characters, with tabs, CRLF, letters of several bytes, a byte order mark
/// and `#!` before the code.
///
/// Why: a place that is wrong by two makes people look at the wrong call, and find nothing wrong with it.
#[test]
fn places_are_exact() {
    let scenario = Scenario::new();
    let tree = Tree::of(&[
        ("bom.rs", "\u{feff}fn f() { std::process::exit(1) }\n"),
        ("bytes.rs", "fn f() {\n    let grüße = \"日本語🦀\"; std::process::exit(1);\n}\n"),
        ("crlf.rs", "fn f() {\r\n    // ß\r\n    loop {\r\n    }\r\n}\r\n"),
        (
            "macros.rs",
            "async fn f() {\n    tokio::select! {\n\t\t_ = x(\"é\") => { std::process::exit(1) }\n    }\n}\n",
        ),
        ("no_end.rs", "fn f() { loop {} }"),
        ("script.rs", "#!/usr/bin/env run\nfn f() {\n    loop {}\n}\n"),
        ("tabs.rs", "fn f() {\n\t\tlet a = 1;\tstd::process::exit(a);\n}\n"),
        ("text.rs", "fn f() {\n    let s = \"a\n    b\"; let r = r##\"\n\"#\"##; loop {}\n}\n"),
    ]);
    let expected = [
        ("bom.rs", 1, 10, 28),
        ("bytes.rs", 2, 25, 43),
        ("crlf.rs", 3, 5, 9),
        ("macros.rs", 3, 19, 37),
        ("no_end.rs", 1, 10, 14),
        ("script.rs", 3, 5, 9),
        ("tabs.rs", 2, 14, 32),
        ("text.rs", 4, 8, 12),
    ];
    let audited = audit(&scenario, &[&tree.root()]);
    let found = audited.places(&tree);
    for (path, line, column, end) in expected {
        let of_file: Vec<_> = found.iter().filter(|place| place.path == path).collect();
        let exact =
            |place: &audited::Place| (place.line, place.column, place.end_column) == (line, column, end);
        scenario.require(
            matches!(of_file[..], [place] if exact(place)),
            format!("one finding, {path}:{line}:{column} to {end}"),
            format!("{of_file:?}"),
        );
    }
}

/// An allow at the end of a line is for this line; alone, it is for the next line of code, or for the item that begins there.
///
/// Why: without a way to say "this one is meant", people turn off the rule.
#[test]
fn an_allow_is_for_a_line_or_an_item() {
    let scenario = Scenario::new();
    let tree = Tree::of(&[
        (
            "character.rs",
            "fn f(c: char) {\n    if c == '\"' { std::process::exit(1) } // drain-audit: allow(exit): a quote\n}\n",
        ),
        ("item.rs", ALLOWED_ITEMS),
        ("line.rs", ALLOWED_LINES),
        (
            "text.rs",
            "fn f() {\n    let s = \"// drain-audit: allow(exit): text\"; std::process::exit(1);\n    let r = r\"\n// drain-audit: allow(loop): text\n\"; loop {}\n}\n",
        ),
    ]);
    require_found(
        &scenario,
        &tree,
        &[&tree.root()],
        &[
            "exit item.rs:13:5",
            "exit item.rs:25:9",
            "exit line.rs:4:5",
            "loop line.rs:8:5",
            "exit line.rs:13:5",
            "exit text.rs:2:50",
            "loop text.rs:5:4",
        ],
    );
}

/// An allow that names an unknown rule, has no reason, or allows nothing is a finding; without a reason it allows nothing.
///
/// Why: allows stay when the code has long been mended, and then allow what comes next.
#[test]
fn an_allow_that_does_not_allow_is_found() {
    let scenario = Scenario::new();
    let tree = Tree::of(&[("a.rs", BAD_ALLOWS)]);
    require_found(
        &scenario,
        &tree,
        &[&tree.root()],
        &[
            "exit a.rs:2:5",
            "allow a.rs:2:28",
            "exit a.rs:3:5",
            "allow a.rs:3:28",
            "allow a.rs:4:16",
            "exit a.rs:5:5",
            "allow a.rs:5:28",
            "exit a.rs:6:5",
            "allow a.rs:6:28",
            "allow a.rs:8:1",
        ],
    );
    require_found(&scenario, &tree, &["--rule", "loop", &tree.root()], &[]);
}

/// Only the rules that were asked for are reported.
///
/// Why: an old code base takes one rule at a time.
#[test]
fn only_what_was_asked_for_is_reported() {
    let scenario = Scenario::new();
    let text = "fn f() {\n    loop {}\n    std::process::exit(1);\n    std::thread::sleep(X);\n    child.wait();\n}\n";
    let tree = Tree::of(&[("a.rs", text)]);
    let root = tree.root();
    let (exit, sleep) = ("exit a.rs:3:5", "sleep a.rs:4:5");
    require_found(&scenario, &tree, &[&root], &["loop a.rs:2:5", exit, sleep, "wait a.rs:5:11"]);
    require_found(&scenario, &tree, &["--rule", "sleep", &root, "--rule", "exit"], &[exit, sleep]);
    require_found(&scenario, &tree, &["--rule", "detached", &root], &[]);
}

/// What an earlier answer has found is not reported again, also where it has moved; one more of the same is.
///
/// Why: a tool that begins with four hundred findings is switched off on its first day.
#[test]
fn what_is_in_the_baseline_is_not_reported_again() {
    let scenario = Scenario::new();
    let tree = Tree::of(&[("a.rs", EXITS), ("b.rs", "fn f() {\n    loop {}\n}\n")]);
    let root = tree.root();
    let before = audit(&scenario, &[&root]);
    let elsewhere = Tree::of(&[("known.json", &before.answer.stdout.join("\n"))]);
    let known = elsewhere.file("known.json");
    let words = ["--baseline", &known, &root];
    let again = require_found(&scenario, &tree, &words, &[]);
    scenario.require(again.json["known"] == 2, "2 known", &again.json["known"]);
    tree.write("a.rs", format!("// Moved.\n\n{}", EXITS.replace("    ", "      ")));
    require_found(&scenario, &tree, &words, &[]);
    tree.write("a.rs", format!("{EXITS}{}", EXITS.replace("fn f", "fn g")));
    require_found(&scenario, &tree, &words, &["exit a.rs:5:5"]);
    tree.write("c.rs", EXITS);
    tree.write("b.rs", "fn f() {\n    loop { }\n}\n");
    require_found(&scenario, &tree, &words, &["exit a.rs:5:5", "loop b.rs:2:5", "exit c.rs:2:5"]);
}

/// A file that cannot be audited is one line on stderr and a problem in the JSON; everything else is audited.
///
/// Why: a file that is left out in silence is a file without findings.
#[test]
fn what_cannot_be_audited_is_told_and_the_rest_goes_on() {
    let scenario = Scenario::new();
    let tree = Tree::of(&[
        ("broken.rs", "fn f( {\n    std::process::exit(1)\n"),
        ("good.rs", EXITS),
        ("lone_quote.rs", "fn f() { let a = \"; }\n"),
        ("no_items.rs", "let a = 1;\n"),
        ("z/good.rs", EXITS),
    ]);
    let deep = 100_000;
    tree.write("deep.rs", format!("fn f() {{ {}1{} }}\n", "(".repeat(deep), ")".repeat(deep)));
    tree.write("latin.rs", b"fn f() { let a = \"gr\xfc\xdfe\"; }\n");
    let large = fs::File::create(tree.path().join("large.rs")).expect("a file");
    large.set_len(50 * 1024 * 1024).expect("a file with a hole");
    symlink("nowhere", tree.path().join("gone.rs")).expect("a link");
    symlink("..", tree.path().join("z/circle")).expect("a link");
    let expected = [
        "broken.rs",
        "deep.rs",
        "gone.rs",
        "large.rs",
        "latin.rs",
        "lone_quote.rs",
        "no_items.rs",
        "z/circle",
    ];
    let audited =
        require_found(&scenario, &tree, &[&tree.root()], &["exit good.rs:2:5", "exit z/good.rs:2:5"]);
    let mut problems = audited.problems(&tree);
    problems.sort();
    scenario.require(problems == expected, expected.join(", "), problems.join(", "));
    for path in expected {
        let path = tree.file(path);
        let lines = audited.answer.stderr.iter().filter(|line| line.starts_with(&path)).count();
        scenario.require(
            lines == 1,
            format!("one line on stderr that begins with {path}"),
            format!("{lines}"),
        );
    }
}

/// The exit code is 0 without findings and problems, and else 1.
///
/// Why: the exit code is all that a CI looks at. One that is green for a file that it could not read protects nobody.
#[test]
fn the_exit_code_says_whether_all_is_well() {
    let scenario = Scenario::new();
    let clean = "fn f() -> u8 {\n    1\n}\n";
    for (text, code) in [(clean, 0), (EXITS, 1), ("fn f( {", 1), ("", 0)] {
        let tree = Tree::of(&[("a.rs", text), ("clean.rs", clean)]);
        for format in ["human", "json", "sarif"] {
            let answer = run(&scenario, &["--all", "--format", format, &tree.root()]);
            let expected = format!("exit code {code} for `{}`, {format}", text.trim());
            scenario.require(answer.code == code, expected, format!("exit code {}", answer.code));
        }
    }
}

/// A command line that cannot be used, a path that does not exist and a baseline that cannot be read are one line on stderr,
/// with exit code 2.
///
/// Why: a misspelt path that is clean is green for ever.
///
/// Stub passes: the command line is read already.
#[test]
fn a_bad_command_line_is_told_in_one_line() {
    let scenario = Scenario::new();
    let tree = Tree::of(&[("a.rs", "fn f() {}\n"), ("known.json", "{\"version\":2,\"findings\":[]}")]);
    let (file, gone, known) = (tree.file("a.rs"), tree.file("gone"), tree.file("known.json"));
    let all: [&[&str]; 8] = [
        &[],
        &["--format", "xml", &file],
        &["--rule", "sleeps", &file],
        &["--quiet", &file],
        &[&file, &gone],
        &["--baseline", &gone, &file],
        &["--baseline", &file, &file],
        &["--baseline", &known, &file],
    ];
    for words in all {
        let answer = run(&scenario, words);
        scenario.require(
            answer.code == 2 && answer.stderr.len() == 1 && answer.stdout.is_empty(),
            format!("`{}`: exit code 2, one line on stderr, nothing on stdout", words.join(" ")),
            format!("exit code {}, {} and {} lines", answer.code, answer.stderr.len(), answer.stdout.len()),
        );
    }
}

mod leaks {
    use super::*;

    /// The audited folder stays as it is, and no process is left.
    ///
    /// Why: what a check leaves behind is committed by the next one who says `git add`.
    #[test]
    fn the_audited_folder_stays_as_it_is() {
        let scenario = Scenario::new();
        let tree = Tree::of(&[("a.rs", EXITS), ("b/c.rs", "fn f( {"), ("tests/d.rs", EXITS)]);
        let before = everything(&tree);
        for format in ["human", "json", "sarif"] {
            let program = Program::new(&scenario, program!())
                .arg("--all")
                .arg("--format")
                .arg(format)
                .arg(&tree.root())
                .start();
            program.exit_with(1);
            require_no_process_left(&scenario, &program);
        }
        let after = everything(&tree);
        scenario.require(before == after, format!("{before:?}"), format!("{after:?}"));
        scenario.note("nothing written, nothing left");
    }
}

mod load {
    use super::*;

    /// Of five hundred files each finding is reported once, in the order of paths, lines and columns, however many threads
    /// there are.
    ///
    /// Why: an order that changes from run to run cannot be compared, and nobody sees what is new.
    ///
    /// Limit: 20 s
    #[test]
    fn five_hundred_files_are_reported_in_order() {
        let scenario = Scenario::new();
        let tree = Tree::new();
        let text = "fn f() {\n    loop {} loop {}\n    std::process::exit(1);\n}\n";
        let mut expected = Vec::new();
        for number in 0..500 {
            let file = format!("m{:02}/f{number:04}.rs", number % 40);
            tree.write(&file, text);
            let places = [("loop", 2, 5), ("loop", 2, 13), ("exit", 3, 5)];
            expected.extend(places.map(|(rule, line, column)| (file.clone(), line, column, rule.to_owned())));
        }
        expected.sort();
        let audited = audit(&scenario, &[&tree.root()]);
        let found = audited.places(&tree).into_iter();
        let found: Vec<_> = found.map(|place| (place.path, place.line, place.column, place.rule)).collect();
        let differs = expected.iter().zip(&found).position(|(expected, found)| expected != found);
        if let Some(at) = differs {
            scenario.fail(format!("finding {at}: {:?}", expected[at]), format!("{:?}", found[at]));
        }
        scenario.require(
            found.len() == expected.len(),
            format!("{} findings", expected.len()),
            format!("{} findings", found.len()),
        );
        scenario.note("1500 findings in 500 files");
    }
}

mod report {
    use super::*;

    /// The answer for people has the rule, the place, the source line, and carets below what was found.
    ///
    /// Why: who has to look up what stands in line 12 first looks at something else.
    #[test]
    fn the_answer_for_people_shows_the_line() {
        let scenario = Scenario::new();
        let text = "fn f() {\n    let grüße = 1; std::process::exit(grüße);\n}\n";
        let tree = Tree::of(&[("a.rs", text)]);
        let answer = run(&scenario, &["--all", &tree.root()]);
        let shown = answer.stdout.join("\n");
        let place = format!("{}:2:20", tree.file("a.rs"));
        for wanted in ["exit", &place, "let grüße = 1; std::process::exit(grüße);"] {
            scenario.require(shown.contains(wanted), format!("`{wanted}`"), &shown);
        }
        let column = |line: &str, text: &str| line.find(text).map(|at| line[..at].chars().count());
        let code = answer.stdout.iter().position(|line| line.contains("let grüße"));
        let below = code.and_then(|code| answer.stdout.get(code + 1)).cloned().unwrap_or_default();
        let carets = below.matches('^').count();
        let begins = code.and_then(|code| column(&answer.stdout[code], "std::process::exit("));
        scenario.require(
            carets == "std::process::exit".len() && column(&below, "^") == begins,
            "carets below `std::process::exit`, as many as it has letters",
            &shown,
        );
        scenario.require(!shown.contains('\u{1b}'), "no colours where stdout is no terminal", &shown);
        scenario.note("rule, place, line and carets");
    }

    /// The answer as JSON is an object with a version and what the brief says of each finding and each problem.
    ///
    /// Why: what reads it is a program, and it has been written for this version.
    #[test]
    fn the_answer_as_json_has_all_its_fields() {
        let scenario = Scenario::new();
        let tree = Tree::of(&[("a.rs", EXITS), ("b.rs", "fn f( {")]);
        let json = audit(&scenario, &[&tree.root()]).json;
        let finding = &json["findings"][0];
        let expected = serde_json::json!({
            "rule": "exit", "path": tree.file("a.rs"), "line": 2, "column": 5, "end_line": 2, "end_column": 23,
            "sure": false, "source": "std::process::exit(1);",
        });
        for (name, value) in expected.as_object().expect("it is one") {
            let expected = format!("{name}: {value}");
            scenario.require(&finding[name] == value, expected, format!("{name}: {}", finding[name]));
        }
        let sentences = [&finding["message"], &finding["suggestion"], &json["problems"][0]["message"]];
        for sentence in sentences {
            let text = sentence.as_str().unwrap_or_default();
            scenario.require(!text.is_empty() && !text.contains('\n'), "a sentence", sentence);
        }
        for (name, value) in [("version", 1), ("files", 1), ("known", 0)] {
            scenario.require(
                json[name] == value,
                format!("{name}: {value}"),
                format!("{name}: {}", json[name]),
            );
        }
        scenario.note("version 1, with all its fields");
    }

    /// The answer as SARIF is a log of version 2.1.0, with the rules in its driver and a region for each result.
    ///
    /// Why: it is how a finding comes to stand beside the line in a pull request.
    #[test]
    fn the_answer_as_sarif_has_what_the_standard_wants() {
        let scenario = Scenario::new();
        let tree = Tree::of(&[("grüße 1.rs", EXITS), ("z.rs", "fn f() {\n    loop {}\n}\n")]);
        let answer = run(&scenario, &["--all", "--format", "sarif", &tree.root()]);
        let text = answer.stdout.join("\n");
        let log: serde_json::Value = text.parse().unwrap_or_default();
        let run = &log["runs"][0];
        let results = run["results"].as_array().cloned().unwrap_or_default();
        scenario.require(
            log["version"] == "2.1.0" && log["runs"].as_array().is_some_and(|runs| runs.len() == 1),
            "a log of version 2.1.0 with one run",
            &text,
        );
        let rules = run["tool"]["driver"]["rules"].as_array().cloned().unwrap_or_default();
        let named = run["tool"]["driver"]["name"].is_string();
        scenario.require(named && results.len() == 2, "a driver with a name, and 2 results", &text);
        scenario.require(
            run["columnKind"] == "unicodeCodePoints",
            "columns of unicodeCodePoints",
            &run["columnKind"],
        );
        let expected = [("exit", 5, 23, "gr%C3%BC%C3%9Fe%201.rs"), ("loop", 5, 9, "z.rs")];
        for (result, (rule, column, end, file)) in results.iter().zip(expected) {
            let place = &result["locations"][0]["physicalLocation"];
            let region = &place["region"];
            let numbers =
                ["startLine", "startColumn", "endLine", "endColumn"].map(|name| region[name].as_u64());
            let uri = place["artifactLocation"]["uri"].as_str().unwrap_or_default();
            let known = rules.iter().any(|of_driver| of_driver["id"] == rule);
            scenario.require(
                result["ruleId"] == rule && known && result["message"]["text"].is_string(),
                format!("a result of the rule {rule}, which the driver has, with a message"),
                result,
            );
            let levels = ["error", "warning", "note", "none"];
            let level = levels.iter().any(|level| result["level"] == *level);
            scenario.require(
                level && numbers == [2, column, 2, end].map(Some) && uri.ends_with(file),
                format!("a level, line 2, columns {column} to {end}, of a URI that ends in {file}"),
                result,
            );
        }
        scenario.note("SARIF 2.1.0");
    }
}

/// All files and folders, with what is in them and when they were changed.
fn everything(tree: &Tree) -> Vec<(String, Vec<u8>, SystemTime)> {
    let mut found = Vec::new();
    let mut folders = vec![tree.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            let changed = entry.metadata().and_then(|metadata| metadata.modified()).expect("a time");
            let text = if path.is_dir() { Vec::new() } else { fs::read(&path).expect("a file") };
            found.push((path.to_string_lossy().into_owned(), text, changed));
            folders.extend(path.is_dir().then_some(path));
        }
    }
    found.sort();
    found
}

const EXITS: &str = "fn f() {\n    std::process::exit(1);\n}\n";

const ALLOWED_LINES: &str = "\
use std::process::exit;
fn f() {
    exit(1); // drain-audit: allow(exit): a reason
    exit(2);
    // drain-audit: allow(exit): the next line of code

    // Another comment, and an empty line.
    loop {} exit(3);
    // drain-audit: allow( exit , loop ): both
    loop {} exit(4);
    let a = 1; /* a block */ exit(a); // drain-audit: allow(exit): behind other comments
    // drain-audit: allow(loop): another rule, but there is one
    exit(5); loop {}
}
";

const ALLOWED_ITEMS: &str = "\
// drain-audit: allow(exit): the whole function
/// Documentation, and an attribute.
#[inline]
fn f() {
    if true {
        std::process::exit(1);
    }
    std::process::exit(2);
}

// drain-audit: allow(loop): not what is here
fn g() {
    std::process::exit(3);
    loop {}
}

impl Program {
    // drain-audit: allow(exit): a method
    fn end(&self) {
        let it = self;
        std::process::exit(4);
    }

    fn other(&self) {
        std::process::exit(5);
    }
}

// drain-audit: allow(exit): a module
mod inner {
    mod deeper {
        fn f() {
            std::process::exit(6);
        }
    }
}
";

const BAD_ALLOWS: &str = "\
fn f() {
    std::process::exit(1); // drain-audit: allow(exit)
    std::process::exit(2); // drain-audit: allow(exit):
    let a = 1; // drain-audit: allow(exit): nothing is here
    std::process::exit(3); // drain-audit: allow(exits): no such rule
    std::process::exit(4); // drain-audit: exit: no such form
}
// drain-audit: allow(exit): an item without findings
fn g() {}

#[cfg(test)]
mod tests {
    // drain-audit: allow(exit): not audited, and not judged
    fn f() {}
}
";
