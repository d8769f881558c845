//! A line to the database that can be cut, and that can keep an answer back.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use drain_kit::secs;
use drain_service_kit::Postgres;

/// How PostgreSQL ends an answer in which there is no row.
const EMPTY: [&[u8]; 3] = [b"SELECT 0\0", b"UPDATE 0\0", b"DELETE 0\0"];
/// Longer than a service that looks now and then goes without a look.
const PATIENCE: Duration = secs(5);

/// A port behind which the database is.
pub(crate) struct Line {
    url: String,
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    cut: bool,
    /// Both ends of each connection.
    ends: Vec<TcpStream>,
    empty: Empty,
}

/// What is done with an answer without a row.
#[derive(Clone, Copy, Default, PartialEq)]
enum Empty {
    #[default]
    Passes,
    IsKeptBack,
    HasBeenKeptBack,
}

impl Line {
    pub(crate) fn to(database: &Postgres) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let (behind, port) = (database.port(), listener.local_addr().expect("a bound socket").port());
        let inner = Arc::<Inner>::default();
        let url = database.url().replace(&format!(":{behind}/"), &format!(":{port}/"));
        let line = Self { url, inner: inner.clone() };
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if let Ok(server) = TcpStream::connect(("127.0.0.1", behind)) {
                    inner.connect(client, server);
                }
            }
        });
        line
    }

    /// The address of the database at this end.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Breaks all connections, and each new one as soon as it is there.
    pub(crate) fn cut(&self) {
        let mut state = self.inner.lock();
        state.cut = true;
        for end in state.ends.drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn mend(&self) {
        self.inner.lock().cut = false;
    }

    /// The next answer without a row is kept back until [`Line::let_go`]. Returns when there is one.
    pub(crate) fn keep_an_empty_answer_back(&self) {
        let mut state = self.inner.lock();
        state.empty = Empty::IsKeptBack;
        let no_answer_yet = |state: &mut State| state.empty == Empty::IsKeptBack;
        let waited = self.inner.changed.wait_timeout_while(state, PATIENCE, no_answer_yet);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn let_go(&self) {
        self.inner.lock().empty = Empty::Passes;
        self.inner.changed.notify_all();
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(self: &Arc<Self>, client: TcpStream, server: TcpStream) {
        let mut state = self.lock();
        if state.cut {
            return;
        }
        for (from, to) in [(&client, &server), (&server, &client)] {
            let _ = to.set_nodelay(true);
            let (from, to) = (clone(from), clone(to));
            state.ends.push(clone(&from));
            let inner = self.clone();
            thread::spawn(move || inner.carry(from, to));
        }
    }

    /// What the service sends holds no end of an answer.
    fn carry(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 8192];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if EMPTY.iter().any(|end| buffer[..count].windows(end.len()).any(|bytes| bytes == *end)) {
                self.wait_if_kept_back();
            }
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    }

    fn wait_if_kept_back(&self) {
        let mut state = self.lock();
        if state.empty == Empty::IsKeptBack {
            state.empty = Empty::HasBeenKeptBack;
            self.changed.notify_all();
            let kept_back = |state: &mut State| state.empty == Empty::HasBeenKeptBack;
            drop(self.changed.wait_while(state, kept_back).unwrap_or_else(PoisonError::into_inner));
        }
    }
}

fn clone(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("one more descriptor")
}
