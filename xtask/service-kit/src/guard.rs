//! Stops a server when the test's process has ended, whatever ended it.
//!
//! A test that panics still drops what it holds. A process that the watchdog ends, or that is killed,
//! does not: so a small shell waits at the other end of a pipe. It sees the pipe close without a
//! word, and does what the test no longer can.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Reads which process is to be stopped; its argument is the folder that is to be removed. What is
/// still being written there while the test ends may need a second attempt.
const WATCH: &str = r#"
trap '' INT TERM HUP
server=
while read -r word; do
  case $word in over) exit ;; *) server=$word ;; esac
done
if [ "$server" ]; then
  kill -CONT "$server"; kill -QUIT "$server"
  for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$server" && sleep 0.1; done
  kill -KILL "$server"
fi
for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf -- "$1" && sleep 0.1; [ -e "$1" ] || exit; done
"#;

pub(crate) struct Guard(Child);

impl Guard {
    /// Watches over a folder, and over the server in it as soon as there is one.
    pub(crate) fn over(folder: &Path) -> io::Result<Self> {
        let mut shell = Command::new("sh");
        shell.args(["-c", WATCH, "sh"]).arg(folder);
        shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        shell.spawn().map(Self)
    }

    /// The server is this child of ours.
    pub(crate) fn watch(&mut self, server: u32) {
        self.say(server);
    }

    /// The server has been stopped, and the folder will be removed.
    pub(crate) fn dismiss(&mut self) {
        self.say("over");
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }

    /// If it does not listen any more, somebody has killed it: the test goes on without it.
    fn say(&mut self, word: impl Display) {
        if let Some(stdin) = &mut self.0.stdin {
            let _ = writeln!(stdin, "{word}");
        }
    }
}
