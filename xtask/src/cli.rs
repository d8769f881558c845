//! The command line: parse, then dispatch; the help.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;

use crate::drill::{Set, nearest};
use crate::error::{Error, Result};
use crate::{bench, check, diff, hint, interrupt, list, reset, services, soak, supervise, verify, zoo};

const HELP: &str = "\
Drain Drills: judge your work, and see that the judge can be trusted.

usage: cargo xtask COMMAND [SELECTION...] [OPTIONS]

  check     judge drills: five lights, what failed, and why it matters
  list      all drills: level, time-box, how far you are
  hint      one more hint, each time you ask
  diff      your code beside the solution
  reset     back to the stub; your work is kept in a backup
  zoo       the bugs that a drill's tests are known to catch
  verify    prove that the tests can be trusted: stubs red, solutions green,
            every bug caught by its criterion, every alternative passes
  soak      the solutions' tests again and again on a busy machine
  bench     how long a verdict takes, beside bare `cargo test`
  services  Kafka, PostgreSQL and Redis on this machine, without Docker

SELECTION is any of: 2, 02, task-02, 1-3, beginner, intermediate, advanced,
capstone, all. `check` without one takes the first drill that is not done.

`cargo xtask COMMAND --help` tells more.

exit codes  0 all ok   1 something failed   2 could not run
            3 something could not be judged, and nothing failed
            128+N stopped by signal N
";

const HELP_CHECK: &str = "\
usage: cargo xtask check [SELECTION...] [OPTIONS]

  --set SET       exercises (default) or solutions
  --path DIR      judge the task crate in DIR, a partner's for instance, with our
                  own acceptance tests; DIR is not changed
  --all-lights    run the load light also when the tests light is red
  --fast          leave the load light and the race check out
  --only TEXT     only criteria with TEXT in their sentence or test name
  --seed N        only the race check, and only the schedule of this number
  --json          the whole verdict as JSON on stdout
";
const HELP_LIST: &str = "usage: cargo xtask list [SELECTION...] [--json]\n";
const HELP_HINT: &str =
    "usage: cargo xtask hint SELECTION [--json]\n\nShows the hints that you have seen, and the next one.\n";
const HELP_DIFF: &str = "usage: cargo xtask diff SELECTION\n\nShows what the solution has (+) and your code has not, and the reverse (-).\n";
const HELP_RESET: &str = "\
usage: cargo xtask reset SELECTION [--from REVISION]

  --from REVISION   where the stub is taken from; without it origin's main line,
                    or else the last commit

The folder as it was is copied to .drain-drills/backups first, and the path is
printed.
";
const HELP_VERIFY: &str = "\
usage: cargo xtask verify [SELECTION...] [OPTIONS]

  --task N        the same as a selection
  --json FILE     where the table is kept (default target/drain/verify.json)
";
const HELP_ZOO: &str = "\
usage: cargo xtask zoo SELECTION [BUG] [--json]

Without BUG: all bugs of the drill, what each costs, which criterion catches it.
With BUG: its patch, and the verdict on the solution with that bug in it.
";

const HELP_SOAK: &str = "\
usage: cargo xtask soak [SELECTION...] [OPTIONS]

  --runs N        how often each criterion runs (default 200)
  --load N        busy loops beside it, for each core (default 4)
  --jobs N        criteria side by side (default 4)
  --json FILE     where the table is kept (default target/drain/soak.json)
";
const HELP_BENCH: &str = "\
usage: cargo xtask bench feedback [SELECTION...] [--pairs N]
       cargo xtask bench cold

feedback   save to verdict through the runner, beside bare `cargo test` of the
           same criteria; pairs (default 11) are interleaved
cold       clone to first verdict in an empty folder: download, build, judge
";

/// A parsed command line.
pub(crate) enum Command {
    Help(&'static str),
    Check(check::Options),
    List { words: Vec<String>, json: bool },
    Hint { words: Vec<String>, json: bool },
    Diff { words: Vec<String> },
    Reset { words: Vec<String>, from: Option<String> },
    Verify { words: Vec<String>, json: Option<PathBuf> },
    Zoo { words: Vec<String>, json: bool },
    Soak(soak::Options),
    Bench { words: Vec<String>, pairs: usize },
    Services(Vec<OsString>),
    Supervise { limit: Duration, runner: u32, binary: PathBuf, arguments: Vec<OsString> },
}

const COMMANDS: [(&str, &str); 9] = [
    ("check", HELP_CHECK),
    ("list", HELP_LIST),
    ("hint", HELP_HINT),
    ("diff", HELP_DIFF),
    ("reset", HELP_RESET),
    ("verify", HELP_VERIFY),
    ("zoo", HELP_ZOO),
    ("soak", HELP_SOAK),
    ("bench", HELP_BENCH),
];

/// What stands behind it is read by another program.
const SERVICES: &str = "services";

/// Everything that may stand behind a command.
#[derive(Default)]
struct Words {
    words: Vec<String>,
    set: Option<String>,
    path: Option<PathBuf>,
    all_lights: bool,
    fast: bool,
    seed: Option<u64>,
    only: Option<String>,
    runs: Option<usize>,
    load: Option<usize>,
    jobs: Option<usize>,
    pairs: Option<usize>,
    json: bool,
    json_file: Option<PathBuf>,
    from: Option<String>,
    help: bool,
}

pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Command> {
    let mut arguments = arguments.peekable();
    let Some(first) = arguments.next() else { return Ok(Command::Help(HELP)) };
    let first = first.to_string_lossy().into_owned();
    match first.as_str() {
        "-h" | "--help" | "help" => return Ok(Command::Help(HELP)),
        "supervise" => return supervised(arguments),
        SERVICES => return Ok(Command::Services(arguments.collect())),
        _ => {}
    }
    let Some((command, help)) = COMMANDS.into_iter().find(|(name, _)| *name == first) else {
        let names = COMMANDS.iter().map(|(name, _)| *name).chain([SERVICES]);
        let meant = nearest(&first, names);
        let meant = meant.map_or(String::new(), |name| format!("; did you mean `{name}`?"));
        return Err(Error::new(
            format!("no command is called `{first}`{meant} See `cargo xtask --help`")
                .replace("` See", "`. See"),
        ));
    };
    let words = words(command, arguments).map_err(|error| match error {
        lexopt::Error::UnexpectedOption(option) => {
            Error::new(format!("`{command}` has no option `{option}`; see `cargo xtask {command} --help`"))
        }
        error => Error::new(format!("{error}; see `cargo xtask {command} --help`")),
    })?;
    if words.help { Ok(Command::Help(help)) } else { command_of(command, words) }
}

fn words(
    command: &str,
    arguments: impl Iterator<Item = OsString>,
) -> std::result::Result<Words, lexopt::Error> {
    let mut words = Words::default();
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match (command, argument) {
            (_, Short('h') | Long("help")) => words.help = true,
            (_, Value(word)) => words.words.push(word.string()?),
            ("check", Long("set")) => words.set = Some(parser.value()?.string()?),
            ("check", Long("path")) => words.path = Some(parser.value()?.into()),
            ("check", Long("all-lights")) => words.all_lights = true,
            ("check", Long("fast")) => words.fast = true,
            ("check", Long("only")) => words.only = Some(parser.value()?.string()?),
            ("check", Long("seed")) => words.seed = Some(parser.value()?.parse()?),
            ("soak", Long("runs")) => words.runs = Some(parser.value()?.parse()?),
            ("soak", Long("load")) => words.load = Some(parser.value()?.parse()?),
            ("soak", Long("jobs")) => words.jobs = Some(parser.value()?.parse()?),
            ("bench", Long("pairs")) => words.pairs = Some(parser.value()?.parse()?),
            ("check" | "list" | "hint" | "zoo", Long("json")) => words.json = true,
            ("verify" | "soak", Long("json")) => words.json_file = Some(parser.value()?.into()),
            ("verify", Long("task")) => words.words.push(parser.value()?.string()?),
            ("reset", Long("from")) => words.from = Some(parser.value()?.string()?),
            (_, argument) => return Err(argument.unexpected()),
        }
    }
    Ok(words)
}

fn command_of(command: &str, options: Words) -> Result<Command> {
    let Words { words, set, path, all_lights, fast, seed, only, json, json_file, from, .. } = options;
    if words.is_empty() && matches!(command, "hint" | "diff" | "reset" | "zoo") {
        return Err(Error::new(format!("which drill? For instance: cargo xtask {command} 1")));
    }
    Ok(match command {
        "check" => Command::Check(check::Options {
            words,
            set: set_named(set.as_deref())?,
            path,
            all_lights,
            fast,
            seed,
            only,
            json,
        }),
        "list" => Command::List { words, json },
        "hint" => Command::Hint { words, json },
        "diff" => Command::Diff { words },
        "reset" => Command::Reset { words, from },
        "verify" => Command::Verify { words, json: json_file },
        "soak" => Command::Soak(soak::Options {
            words,
            runs: at_least_one("--runs", options.runs, 200)?,
            load: options.load.unwrap_or(4),
            jobs: at_least_one("--jobs", options.jobs, 4)?,
            json: json_file,
        }),
        "bench" => Command::Bench { words, pairs: at_least_one("--pairs", options.pairs, 11)? },
        _ => Command::Zoo { words, json },
    })
}

fn at_least_one(option: &str, value: Option<usize>, default: usize) -> Result<usize> {
    match value.unwrap_or(default) {
        0 => Err(Error::new(format!("{option} 0: at least one is needed"))),
        value => Ok(value),
    }
}

fn set_named(name: Option<&str>) -> Result<Set> {
    match name {
        None | Some("exercises") => Ok(Set::Exercises),
        Some("solutions") => Ok(Set::Solutions),
        Some(other) => Err(Error::new(format!("--set {other}: the sets are `exercises` and `solutions`"))),
    }
}

fn supervised(mut arguments: impl Iterator<Item = OsString>) -> Result<Command> {
    let mut number = || arguments.next()?.to_str()?.parse::<u64>().ok();
    let (limit, runner) = (number(), number().and_then(|pid| pid.try_into().ok()));
    match (limit, runner, arguments.next()) {
        (Some(limit), Some(runner), Some(binary)) => Ok(Command::Supervise {
            limit: Duration::from_millis(limit),
            runner,
            binary: binary.into(),
            arguments: arguments.collect(),
        }),
        _ => Err(Error::new(
            "`supervise` is for the runner itself: supervise LIMIT_MS RUNNER BINARY ARGUMENTS...",
        )),
    }
}

pub(crate) fn run(command: Command) -> Result<u8> {
    match &command {
        Command::Supervise { limit, runner, binary, arguments } => {
            return supervise::main(*limit, *runner, binary, arguments);
        }
        Command::Services(arguments) => return services::run(arguments),
        _ => interrupt::listen(),
    }
    match command {
        Command::Help(help) => {
            print!("{help}");
            Ok(0)
        }
        Command::Check(options) => check::run(&options),
        Command::List { words, json } => list::run(&words, json),
        Command::Hint { words, json } => hint::run(&words, json),
        Command::Diff { words } => diff::run(&words),
        Command::Reset { words, from } => reset::run(&words, from.as_deref()),
        Command::Verify { words, json } => verify::run(&words, json.as_deref()),
        Command::Zoo { words, json } => zoo::run(&words, json),
        Command::Soak(options) => soak::run(&options),
        Command::Bench { words, pairs } => bench::run(&words, pairs),
        Command::Supervise { .. } | Command::Services(_) => unreachable!("handled above"),
    }
}
