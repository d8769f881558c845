//! A thread for each connection, and a drain that may have a fault.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio, abort, exit};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::{Called, asleep, connection, listen, say, say_bytes, say_ready};

/// How often the listener looks whether it is to be closed.
const TICK: Duration = Duration::from_millis(2);

pub(crate) struct Service {
    called: Called,
    draining: AtomicBool,
    listening: AtomicBool,
    /// How many requests for something slow have come.
    pub(crate) asked: AtomicUsize,
    /// The open connections.
    open: Mutex<HashMap<usize, Open>>,
    closed: Condvar,
}

struct Open {
    stream: TcpStream,
    /// So many requests were read, and so many answered.
    read: usize,
    answered: usize,
}

pub(crate) fn serve(called: Called) -> ! {
    let listener = listen(&called);
    let caught: &[_] = match called.name.as_str() {
        "dies" => &[],
        "quit" => &[SIGQUIT],
        _ => &[SIGTERM, SIGINT, SIGQUIT],
    };
    let mut signals = Signals::new(caught).expect("signals can be handled");
    let address = listener.local_addr().expect("a bound socket has an address");
    let service = Arc::new(Service {
        called,
        draining: AtomicBool::new(false),
        listening: AtomicBool::new(true),
        asked: AtomicUsize::new(0),
        open: Mutex::default(),
        closed: Condvar::new(),
    });
    let acceptor = service.clone();
    thread::spawn(move || acceptor.accept(listener));
    if service.is(&["garbled"]) {
        say_bytes(b"\xff\xfe");
    }
    if !service.is(&["silent"]) {
        say_ready(address);
    }
    service.be_noisy();
    if service.is(&["exits"]) {
        thread::sleep(Duration::from_millis(200));
        exit(0);
    }
    match signals.forever().next() {
        Some(number) if !service.is(&["deaf"]) => service.drain(number),
        _ => asleep(),
    }
}

impl Service {
    pub(crate) fn is(&self, names: &[&str]) -> bool {
        self.called.is(names)
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    pub(crate) fn has_read(&self, number: usize) {
        self.open().entry(number).and_modify(|open| open.read += 1);
    }

    pub(crate) fn answered(&self, number: usize) {
        self.open().entry(number).and_modify(|open| open.answered += 1);
    }

    fn open(&self) -> MutexGuard<'_, HashMap<usize, Open>> {
        self.open.lock().expect("nobody panics with it")
    }

    fn be_noisy(&self) {
        if self.is(&["noisy", "garbled"]) {
            (0..2_000).for_each(|number| say(&format!("{number:0100}")));
        }
    }

    /// Takes connections until the listener is closed, which it is when this returns.
    fn accept(self: Arc<Self>, listener: TcpListener) {
        listener.set_nonblocking(true).expect("a listener");
        let mut next = 0;
        while self.listening.load(Ordering::SeqCst) {
            if self.is_draining() && self.is(&["kernel-accepts"]) {
                thread::sleep(TICK);
                continue;
            }
            let Ok((stream, _)) = listener.accept() else {
                thread::sleep(TICK);
                continue;
            };
            next += 1;
            let served = self.clone().serve(next, stream);
            if self.is(&["one-at-a-time"]) {
                let _ = served.map(JoinHandle::join);
            }
            if self.is(&["slow-to-accept"]) {
                thread::sleep(Duration::from_millis(60));
            }
        }
    }

    fn serve(self: Arc<Self>, number: usize, mut stream: TcpStream) -> io::Result<JoinHandle<()>> {
        stream.set_nonblocking(false)?;
        let copy = stream.try_clone()?;
        self.open().insert(number, Open { stream: copy, read: 0, answered: 0 });
        Ok(thread::spawn(move || {
            connection::serve(&self, number, &mut stream);
            self.open().remove(&number);
            self.closed.notify_all();
        }))
    }

    fn drain(&self, number: i32) -> ! {
        self.draining.store(true, Ordering::SeqCst);
        if !self.is(&["silent"]) {
            say("draining");
        }
        self.be_noisy();
        self.break_connections();
        thread::sleep(Duration::from_millis(match () {
            () if self.is(&["window", "cuts-early"]) => 1_000,
            () if self.is(&["refuses-early"]) => 300,
            () if self.is(&["refuses-a-little-early"]) => 700,
            () => 0,
        }));
        if !self.is(&["accepts", "kernel-accepts"]) {
            self.listening.store(false, Ordering::SeqCst);
        }
        // Who waits for a request now waits in vain; who has one answers it first.
        let idle = |open: &HashMap<usize, Open>| {
            if !self.is(&["waits"]) {
                open.values().for_each(|open| drop(open.stream.shutdown(Shutdown::Read)));
            }
        };
        let mut open = self.open();
        idle(&open);
        let deadline = Instant::now() + Duration::from_secs(20);
        while !open.is_empty() && Instant::now() < deadline {
            open = self.closed.wait_timeout(open, TICK).expect("nobody panics with it").0;
            idle(&open);
        }
        drop(open);
        self.leave(number)
    }

    /// What is wrong with those that do not answer what is in flight.
    fn break_connections(&self) {
        let open = self.open();
        // Not the newest: that may have come after the signal, if we hear of it late.
        let in_flight = open.iter().filter(|(_, open)| open.read > open.answered);
        let oldest = in_flight.map(|(number, _)| *number).min();
        for (number, open) in open.iter() {
            let dropped = match self.called.name.as_str() {
                "drops" | "drops-and-leaks" => true,
                "drops-one" => Some(*number) == oldest,
                "drops-new" | "truncates-and-drops-new" => open.answered == 0,
                "drops-keep-alive" | "truncates-and-drops-keep-alive" => open.answered > 0,
                _ => false,
            };
            if dropped {
                let _ = open.stream.shutdown(Shutdown::Both);
            }
        }
    }

    fn leave(&self, number: i32) -> ! {
        match self.called.name.as_str() {
            "aborts" => abort(),
            "hangs" => asleep(),
            "exit-code" => exit(3),
            "exits-143" => exit(128 + number),
            "leaks" | "drops-and-leaks" => start("sleep", &["20"]),
            "lingers" => start("sleep", &["0.05"]),
            "leaks-a-session" => start("setsid", &["sleep", "20"]),
            _ => {}
        }
        exit(0)
    }
}

#[expect(clippy::zombie_processes, reason = "it is to outlive us")]
fn start(program: &str, arguments: &[&str]) {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("it starts");
}
