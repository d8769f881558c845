//! What a program prints, read to its end, and when it printed it.

use std::fs::{self, File};
use std::io::{PipeReader, PipeWriter, Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::running::Exit;
use crate::timeline::{Moment, Role};
use crate::{Scenario, ms, proc};

/// A program that floods its output is read to the end, but only this much of it is kept.
const MOST_LINES: usize = 20_000;
const LONGEST_LINE: usize = 4_096;
/// Only the first lines of a stream appear in the timeline.
const MOST_LINES_SHOWN: usize = 100;
/// The streams of a program end with it, unless somebody else holds them.
const ENDS_WITHIN: Duration = ms(500);

#[derive(Clone, Copy)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) at: Moment,
    pub(crate) text: String,
}

/// What has come so far.
#[derive(Default)]
pub(crate) struct Printed {
    pub(crate) stdout: Vec<Line>,
    pub(crate) stderr: Vec<Line>,
    /// When each of the two streams ended.
    stdout_closed: Option<Moment>,
    stderr_closed: Option<Moment>,
    pub(crate) exit: Option<Exit>,
}

impl Printed {
    /// `; stderr: thread 'main' panicked at …`, for a message about a program that ended too early.
    pub(crate) fn last_words(&self) -> String {
        let said = self.stderr.iter().map(|line| line.text.as_str());
        let words: Vec<&str> = said.filter(|line| !is_noise(line)).collect();
        let from = words.len().saturating_sub(3);
        if words.is_empty() { String::new() } else { format!("; stderr: {}", words[from..].join(" / ")) }
    }

    fn ended(&self) -> bool {
        self.stdout_closed.is_some() && self.stderr_closed.is_some()
    }
}

/// The output of a program, shared by those who read it and those who wait for it.
pub(crate) struct Output {
    printed: Mutex<Printed>,
    changed: Condvar,
    stdout: PipeReader,
    stderr: PipeReader,
}

impl Output {
    pub(crate) fn new(stdout: PipeReader, stderr: PipeReader) -> Arc<Self> {
        Arc::new(Self { printed: Mutex::default(), changed: Condvar::new(), stdout, stderr })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Printed> {
        self.printed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wait<'a>(&self, printed: MutexGuard<'a, Printed>) -> MutexGuard<'a, Printed> {
        self.changed.wait_timeout(printed, ms(100)).unwrap_or_else(PoisonError::into_inner).0
    }

    pub(crate) fn exited(&self, exit: Exit) {
        self.lock().exit = Some(exit);
        self.changed.notify_all();
    }

    /// Waits until the output of a program that has exited has ended; not for long if somebody holds it.
    pub(crate) fn settle(&self) {
        let patience = Moment::now().plus(ENDS_WITHIN);
        let mut printed = self.lock();
        while !printed.ended() && Moment::now() < patience {
            printed = self.wait(printed);
        }
    }

    /// Why no more lines will come on standard output, and since when; nothing while they may.
    pub(crate) fn over(&self, printed: &Printed) -> Option<(Moment, String)> {
        let now = Moment::now();
        match printed.exit {
            Some(exit) if printed.ended() => Some((exit.at, format!("{exit} without it"))),
            Some(exit) if now.since(exit.at) > ENDS_WITHIN && !has_more(&self.stdout) => {
                // Nobody holds it: then the end is there, and we are late to see it.
                let holders = self.holders()?;
                Some((exit.at, format!("{exit} without it, and its output is still held open by {holders}")))
            }
            Some(_) => None,
            None => {
                // An exit closes stdout too, a moment before it is seen.
                let closed = printed.stdout_closed.filter(|at| now.since(*at) > ENDS_WITHIN)?;
                Some((closed, "stdout closed without it, and the program ran on".to_owned()))
            }
        }
    }

    /// Who could still write: `sleep (process 4711)`.
    fn holders(&self) -> Option<String> {
        let pipes = [&self.stdout, &self.stderr].map(|pipe| format!("/proc/self/fd/{}", pipe.as_raw_fd()));
        let pipes: Vec<_> = pipes.iter().filter_map(|path| fs::read_link(path).ok()).collect();
        let holders = proc::holders(&pipes).into_iter().filter(|pid| *pid != std::process::id());
        let names: Vec<String> = holders.map(|pid| format!("{} (process {pid})", proc::name(pid))).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    fn pipe(&self, stream: Stream) -> &PipeReader {
        match stream {
            Stream::Stdout => &self.stdout,
            Stream::Stderr => &self.stderr,
        }
    }

    /// Reads a stream to its end on a thread of its own; `skip` bytes were put there by the test.
    pub(crate) fn read(self: &Arc<Self>, stream: Stream, mut skip: usize, gate: Gate, recorder: Recorder) {
        let output = self.clone();
        let scenario = recorder.scenario.share();
        scenario.spawn(move || {
            gate.pass();
            let mut pipe = output.pipe(stream);
            let mut line = Vec::new();
            let mut buffer = [0; 16 * 1024];
            loop {
                // Taken out of the pipe and entered under one lock: what is not in the one is in the other.
                let _ = poll(&mut [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE);
                let mut printed = output.lock();
                let Ok(count @ 1..) = pipe.read(&mut buffer) else { break };
                let at = Moment::now();
                let skipped = skip.min(count);
                skip -= skipped;
                for &byte in &buffer[skipped..count] {
                    if byte == b'\n' {
                        keep(stream, &mut line, at, &mut printed, &recorder);
                    } else if line.len() < LONGEST_LINE {
                        line.push(byte);
                    }
                }
                drop(printed);
                output.changed.notify_all();
            }
            let mut printed = output.lock();
            let at = Moment::now();
            if !line.is_empty() {
                keep(stream, &mut line, at, &mut printed, &recorder);
            }
            match stream {
                Stream::Stdout => printed.stdout_closed = Some(at),
                Stream::Stderr => printed.stderr_closed = Some(at),
            }
            drop(printed);
            output.changed.notify_all();
        });
    }
}

/// Puts what a program does into the picture: in one lane for each stream, or all in the program's own.
pub(crate) struct Recorder {
    pub(crate) scenario: Scenario,
    lane: Option<String>,
}

impl Recorder {
    pub(crate) fn new(scenario: &Scenario, lane: &Option<String>) -> Self {
        Self { scenario: scenario.share(), lane: lane.clone() }
    }

    pub(crate) fn record(&self, source: &str, what: &str, at: Moment) {
        let timeline = self.scenario.timeline();
        match &self.lane {
            None => timeline.record(source, what.to_owned(), Role::Point, at),
            Some(lane) => timeline.record(lane, format!("{source} {what}"), Role::Point, at),
        };
    }
}

/// Holds the reader of a full pipe back until the test has done what it wants to do first.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn opened() -> Self {
        let gate = Self::default();
        gate.open();
        gate
    }

    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let open = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.0.1.wait_while(open, |open| !*open).unwrap_or_else(PoisonError::into_inner));
    }
}

/// Fills a pipe until it takes only so many bytes more, less than a page; says with how many.
pub(crate) fn fill(writer: &mut PipeWriter, takes: usize) -> usize {
    let capacity = fcntl(&*writer, FcntlArg::F_GETPIPE_SZ).expect("the size of a pipe");
    let filled = usize::try_from(capacity).expect("a size is no error") - takes;
    // At once: what one write puts into a page is followed there by what the next one writes.
    writer.write_all(&vec![b'\n'; filled]).expect("so much fits");
    filled
}

/// Fills the pipe that is the standard error of a process, through a description of our own: that it does not
/// block is no matter of the process.
pub(crate) fn fill_stderr(pid: u32) {
    let to =
        File::options().write(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(format!("/proc/{pid}/fd/2"));
    let Ok(mut to) = to else { return };
    // Lines, but few of them: a reader keeps only so many.
    for line in [format!("{:4095}\n", ""), "\n".to_owned()] {
        while to.write_all(line.as_bytes()).is_ok() {}
    }
}

/// Whether a thread of the process stands in `write(1, …)`.
pub(crate) fn stands_in_write(pid: u32) -> bool {
    const WRITE: &str = if cfg!(target_arch = "aarch64") { "64 0x1 " } else { "1 0x1 " };
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    let calls = threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("syscall")).ok());
    calls.into_iter().any(|call| call.starts_with(WRITE))
}

/// Whether something stands in the pipe that has not been taken out.
fn has_more(pipe: &PipeReader) -> bool {
    let mut asked = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
    let _ = poll(&mut asked, PollTimeout::ZERO);
    asked[0].revents().is_some_and(|found| found.contains(PollFlags::POLLIN))
}

fn keep(stream: Stream, line: &mut Vec<u8>, at: Moment, printed: &mut Printed, recorder: &Recorder) {
    let text = plain(&String::from_utf8_lossy(line)).trim_end().to_owned();
    line.clear();
    // What is read after the exit was written before it.
    let at = printed.exit.map_or(at, |exit| at.min(exit.at));
    let (lines, source) = match stream {
        Stream::Stdout => (&mut printed.stdout, "stdout"),
        Stream::Stderr => (&mut printed.stderr, "stderr"),
    };
    if lines.len() < MOST_LINES_SHOWN && !is_noise(&text) {
        recorder.record(source, &text, at);
    }
    if lines.len() < MOST_LINES {
        lines.push(Line { at, text });
    }
}

fn is_noise(line: &str) -> bool {
    line.is_empty() || line.starts_with("note: run with")
}

/// A line without colours and other commands to a terminal: it is compared, and shown to somebody.
fn plain(line: &str) -> String {
    let mut plain = String::new();
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            letters.by_ref().find(char::is_ascii_alphabetic);
        } else if letter == '\t' || !letter.is_control() {
            plain.push(letter);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_no_part_of_a_line() {
        let line =
            "\u{1b}[2m2026\u{1b}[0m \u{1b}[32m INFO\u{1b}[0m drain \u{1b}[3moutcome\u{1b}[0m=complete\r\u{7}";
        assert_eq!(plain(line), "2026  INFO drain outcome=complete");
    }
}
