//! `watch`, as a learner works with it: real files, real checks.

mod workspace;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use nix::pty::openpty;
use nix::sys::termios::tcgetattr;

const PATIENCE: Duration = Duration::from_secs(60);

const BRIEF: &str = "# Task: A drill\n\nLevel: beginner \u{b7} Time-box: 30 minutes\n";
const MANIFEST: &str = "[package]\nname = \"task-01\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[[test]]\nname = \"acceptance\"\n";
const CRITERIA: &str = "/// It ends.\n///\n/// Why: what hangs is never done.\n#[test]\nfn it_ends() {\n    task_01::run();\n}\n";
const ENDS: &str = "pub fn run() {}\n";
/// What is said of that: a test that does not use the kit has met no criterion.
const ENDED: &str = "exit code 0, before the criterion was met";

/// Says where it is, and goes round and round.
fn hangs(root: &Path) -> String {
    let begun = root.join("begun");
    format!(
        "pub fn run() {{\n    std::fs::write({begun:?}, std::process::id().to_string()).unwrap();\n    loop {{}}\n}}\n"
    )
}

/// A drill without dependencies, with this as the learner's code.
fn learners(name: &str, code: impl FnOnce(&Path) -> String) -> PathBuf {
    let files = [
        ("Cargo.toml", "[workspace]\nresolver = \"2\"\nmembers = [\"exercises/*\"]\n"),
        ("exercises/task-01/Cargo.toml", MANIFEST),
        ("exercises/task-01/README.md", BRIEF),
        ("exercises/task-01/tests/acceptance/main.rs", CRITERIA),
    ];
    let root = workspace::workspace(name, &files);
    fs::create_dir_all(root.join("exercises/task-01/src")).expect("a folder");
    save(&root, &code(&root));
    root
}

fn source(root: &Path) -> PathBuf {
    root.join("exercises/task-01/src/lib.rs")
}

fn save(root: &Path, code: &str) {
    fs::write(source(root), code).expect("it can be saved");
}

/// `watch`, and what it says.
struct Watch {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Watch {
    fn start(root: &Path) -> Self {
        let mut command = workspace::runner(root);
        command.args(["watch", "task-01"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines, said: Vec::new() }
    }

    /// Waits for a line with these words, and returns those before it.
    fn until(&mut self, words: &str) -> String {
        let mut before = String::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|error| panic!("no `{words}`: {error}\n{}", self.said.join("\n")));
            self.said.push(line.clone());
            if line.contains(words) {
                return before;
            }
            before += &(line + "\n");
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for what the learner's code writes, and returns it.
fn written(path: &Path) -> String {
    for _ in 0..PATIENCE.as_millis() / 10 {
        match fs::read_to_string(path) {
            Ok(text) if !text.is_empty() => return text,
            _ => thread::sleep(Duration::from_millis(10)),
        }
    }
    panic!("{} is not written", path.display());
}

#[test]
fn a_save_is_judged_and_one_in_a_hang_stops_it() {
    let root = learners("watch-hang", hangs);
    let mut watch = Watch::start(&root);
    let pid = written(&root.join("begun"));
    save(&root, ENDS);
    watch.until("src/lib.rs saved, what was being judged is stopped");
    let verdict = watch.until("waiting for a save");
    assert!(verdict.contains(ENDED) && !verdict.contains("HUNG"), "{verdict}");
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "what hung is still there: {pid}");
    // In the way in which editors do it that want to lose nothing.
    let new = source(&root).with_file_name(".lib.rs.new");
    fs::write(&new, "pub fn run() { panic!(\"renamed\") }\n").expect("a file");
    fs::rename(new, source(&root)).expect("it is renamed");
    watch.until("src/lib.rs saved");
    let verdict = watch.until("waiting for a save");
    assert!(verdict.contains("renamed"), "{verdict}");
}

#[test]
fn a_folder_that_goes_and_comes_is_judged_when_it_is_there() {
    let root = learners("watch-gone", |_| ENDS.to_owned());
    let mut watch = Watch::start(&root);
    watch.until("waiting for a save");
    fs::remove_dir_all(root.join("exercises/task-01/src")).expect("it is removed");
    watch.until("src/lib.rs saved");
    watch.until("waiting for a save");
    fs::create_dir(root.join("exercises/task-01/src")).expect("a folder");
    save(&root, ENDS);
    watch.until("src/lib.rs saved");
    let verdict = watch.until("waiting for a save");
    assert!(verdict.contains(ENDED), "{verdict}");
}

#[test]
fn a_flood_of_saves_is_judged_when_it_is_over() {
    let root = learners("watch-flood", |_| ENDS.to_owned());
    let mut watch = Watch::start(&root);
    watch.until("waiting for a save");
    for number in 0..50 {
        save(&root, &format!("pub fn run() {{ panic!(\"{number}\") }}\n"));
        thread::sleep(Duration::from_millis(5));
    }
    save(&root, &hangs(&root));
    written(&root.join("begun"));
    save(&root, ENDS);
    watch.until("what was being judged is stopped");
    watch.until("waiting for a save");
    let begun = watch.said.iter().filter(|line| line.starts_with("-- task-01")).count();
    assert!((3..6).contains(&begun), "judged {begun} times: {}", watch.said.join("\n"));
}

#[test]
fn a_signal_ends_it_with_all_that_it_has_started() {
    let root = learners("watch-signal", hangs);
    let mut watch = Watch::start(&root);
    let pid = written(&root.join("begun"));
    let killed = std::process::Command::new("kill").args(["-INT", &watch.child.id().to_string()]).status();
    assert!(killed.is_ok_and(|status| status.success()));
    let status = watch.child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130));
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "what hung is still there: {pid}");
}

/// Reads what a terminal shows until these words are there.
fn shown(terminal: &mut fs::File, words: &str) {
    let (mut seen, mut some) = (String::new(), [0; 4096]);
    while !seen.contains(words) {
        let count = terminal.read(&mut some).expect("the terminal is there");
        seen += &String::from_utf8_lossy(&some[..count]);
    }
}

#[test]
fn keys_of_a_terminal_are_heard_at_once_and_it_is_left_as_it_was() {
    let root = learners("watch-keys", hangs);
    let pair = openpty(None, None).expect("a terminal");
    let before = tcgetattr(&pair.slave).expect("its settings");
    let [stdin, stdout] = [(); 2].map(|()| Stdio::from(pair.slave.try_clone().expect("one more descriptor")));
    let mut command = workspace::runner(&root);
    let mut watch =
        command.args(["watch", "task-01"]).stdin(stdin).stdout(stdout).spawn().expect("it starts");
    let mut terminal = fs::File::from(pair.master);
    written(&root.join("begun"));
    terminal.write_all(b"l").expect("a key");
    shown(&mut terminal, "0 of 1 done");
    save(&root, ENDS);
    shown(&mut terminal, "waiting for a save; enter again");
    terminal.write_all(b"\r").expect("a key");
    shown(&mut terminal, "Not done: ");
    terminal.write_all(b"q").expect("a key");
    assert_eq!(watch.wait().expect("it ends").code(), Some(0));
    assert_eq!(tcgetattr(&pair.slave).expect("its settings").local_flags, before.local_flags);
}

#[test]
fn one_drill_is_watched_at_a_time() {
    let root = learners("watch-two", |_| ENDS.to_owned());
    for file in ["Cargo.toml", "README.md", "src/lib.rs"] {
        let [from, to] = ["task-01", "task-02"].map(|drill| root.join("exercises").join(drill).join(file));
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::write(to, fs::read_to_string(from).expect("a file").replace("task-01", "task-02"))
            .expect("a file");
    }
    for (word, named) in [("all", "one drill"), ("7", "`7`"), ("--quickly", "--quickly")] {
        let output = workspace::runner(&root).args(["watch", word]).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(named) && said.lines().count() == 1, "{said}");
    }
}
