//! Children that are not servers, to try the parent on; and two ways to start the parent.
//!
//! `task-17-other NAME ARGUMENTS`: see [`main`]. Each ends by itself after a minute.
#![forbid(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, exit};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal, raise};
use nix::unistd::setsid;
use signal_hook::iterator::Signals;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        // Hears no signal.
        ["silent"] => asleep(),
        // Says each signal that it gets, and ends some time after the first.
        ["told"] => told(),
        // Gets the signal, and goes on.
        ["deaf"] => {
            let _signals = ready()?;
            asleep()
        }
        // Likewise, and starts one after the other that loses its parent and ends soon after that.
        ["restless"] => {
            let _signals = ready()?;
            for _ in 0..600 {
                orphan("sleep 0.05")?;
                thread::sleep(Duration::from_millis(50));
            }
            Ok(())
        }
        ["stopped"] => {
            let _signals = ready()?;
            raise(Signal::SIGSTOP)?;
            asleep()
        }
        // When it is told.
        ["exits", code] => {
            ready()?.forever().next();
            exit(number(code))
        }
        ["dies", signal] => {
            ready()?.forever().next();
            die(signal)
        }
        // By itself.
        ["ends", code] => {
            say("ready");
            exit(number(code))
        }
        ["ends-by", signal] => {
            say("ready");
            die(signal)
        }
        // Leaves a process behind when it is told.
        ["leaves", how] => {
            let mut signals = ready_but_silent()?;
            leave(how)?;
            say("ready");
            signals.forever().next();
            Ok(())
        }
        // Leaves one behind, and does not end when it is told.
        ["leaves-and-stays", how] => {
            leave(how)?;
            let _signals = ready()?;
            asleep()
        }
        // Leaves one behind, and ends by itself.
        ["leaves-and-ends", how, code] => {
            leave(how)?;
            say("ready");
            exit(number(code))
        }
        // What is left.
        ["left", "deaf"] => {
            let _signals = ready_but_silent()?;
            asleep()
        }
        ["left", "in-a-session"] => {
            setsid()?;
            asleep()
        }
        ["left", "deep"] => {
            leave("in-a-session")?;
            leave("deaf")?;
            asleep()
        }
        ["left", how] => {
            // So many more below it, one below the other.
            if let Some(more) = how.strip_prefix("chain-").filter(|more| *more != "0") {
                leave(&format!("chain-{}", number(more) - 1))?;
            }
            asleep()
        }
        // Starts so many that lose their parent and end soon after that.
        ["orphans", count] => {
            let mut signals = ready_but_silent()?;
            for _ in 0..number(count) {
                orphan("sleep 0.05")?;
                // By a real-time signal.
                orphan("sleep 0.05; kill -s 34 $$")?;
            }
            say("ready");
            signals.forever().next();
            Ok(())
        }
        // The parent, at the terminal of this name, in its foreground, with its standard input from there.
        ["terminal", name, stdin, parent] => {
            setsid()?;
            // The first one that a leader of a session opens is its terminal.
            let _terminal: File = OpenOptions::new().read(true).write(true).open(name)?;
            Err(Command::new(parent).stdin(File::open(stdin)?).exec())
        }
        // The parent, with all signals blocked.
        ["blocked", parent] => {
            SigSet::all().thread_block()?;
            Err(Command::new(parent).exec())
        }
        _ => Err(io::Error::other("no such child")),
    }
}

fn told() -> io::Result<()> {
    let mut signals = ready()?;
    for signal in signals.forever() {
        say(&format!("got {}", Signal::try_from(signal)?));
        thread::spawn(|| {
            thread::sleep(Duration::from_millis(600));
            exit(0);
        });
    }
    Ok(())
}

/// Catches what can be caught, and says that it is ready.
fn ready() -> io::Result<Signals> {
    let signals = ready_but_silent()?;
    say("ready");
    Ok(signals)
}

fn ready_but_silent() -> io::Result<Signals> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
    Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2])
}

/// Starts a process that nobody waits for.
fn leave(how: &str) -> io::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["left", how]);
    if how == "in-a-group" {
        command.process_group(0);
    }
    command.spawn()?;
    Ok(())
}

/// Starts a process that does this, loses its parent at once, and ends.
fn orphan(script: &str) -> io::Result<()> {
    Command::new("sh").args(["-c", "sh -c \"$0\" &", script]).status()?;
    Ok(())
}

/// Of this signal, by its number: not all of them have a name.
fn die(signal: &str) -> ! {
    let _ = Command::new("sh").args(["-c", "kill -s \"$0\" \"$PPID\"", signal]).status();
    asleep()
}

fn number(text: &str) -> i32 {
    text.parse().expect("a number")
}

fn asleep() -> ! {
    thread::sleep(Duration::from_secs(60));
    exit(1)
}

fn say(line: &str) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{line}");
    let _ = stdout.flush();
}
