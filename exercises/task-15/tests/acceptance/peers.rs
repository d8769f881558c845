//! Those at the other end: how they take the close, and how they do not.

use std::net::SocketAddr;
use std::time::Duration;

use drain_kit::{
    Client, Cut, Frame, Moment, NotUpgraded, Program, Response, Running, Scenario, Signal, WebSocket, ms,
    program, secs, shown,
};

/// How long a peer waits for whatever it waits for: longer than anything here may take.
pub(crate) const PATIENCE: Duration = secs(5);
/// Within this the close frame comes, the connection is closed, and the program exits.
pub(crate) const SOON: Duration = ms(500);

/// The program under test, and what a test asks of it.
pub(crate) struct Service<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) program: Running,
    pub(crate) address: SocketAddr,
}

impl<'a> Service<'a> {
    #[track_caller]
    pub(crate) fn start(scenario: &'a Scenario, budget: &str) -> Self {
        Self::of(scenario, Program::new(scenario, program!()), budget)
    }

    /// One of several, with a lane of its own in the picture.
    #[track_caller]
    pub(crate) fn start_called(scenario: &'a Scenario, budget: &str, lane: &str) -> Self {
        Self::of(scenario, Program::new(scenario, program!()).called(lane), budget)
    }

    #[track_caller]
    fn of(scenario: &'a Scenario, program: Program<'a>, budget: &str) -> Self {
        let program = program.env("DRAIN_BUDGET", budget).start();
        let address = program.address();
        Self { scenario, program, address }
    }

    #[track_caller]
    pub(crate) fn peer(&self, name: &str) -> Peer<'a> {
        Peer { scenario: self.scenario, socket: WebSocket::connected(self.scenario, name, self.address) }
    }

    /// One whose client can send without a pause.
    #[track_caller]
    pub(crate) fn peer_in_small_segments(&self, name: &str) -> Peer<'a> {
        let socket = WebSocket::in_small_segments(self.scenario, name, self.address);
        Peer { scenario: self.scenario, socket }
    }

    /// So many connections, which are not in the picture.
    #[track_caller]
    pub(crate) fn many(&self, count: usize) -> Vec<Peer<'a>> {
        let sockets = WebSocket::many(self.scenario, self.address, count);
        sockets.into_iter().map(|socket| Peer { scenario: self.scenario, socket }).collect()
    }

    /// An HTTP connection that has been used and stays open.
    #[track_caller]
    pub(crate) fn open(&self, name: &str) -> Client {
        let mut client = Client::connected(self.scenario, name, self.address);
        match client.get("/fast", PATIENCE) {
            Ok(response) if response.status == 200 => client,
            outcome => self.scenario.fail_at(client.settled(), "GET /fast: 200", shown(&outcome)),
        }
    }

    /// So many of them, opened side by side: one that is idle for long may be closed.
    #[track_caller]
    pub(crate) fn open_all(&self, count: usize) -> Vec<Client> {
        let connected = |number| Client::connected(self.scenario, &format!("client {number}"), self.address);
        let mut clients: Vec<Client> = (1..=count).map(connected).collect();
        for client in &mut clients {
            client.send("/fast");
        }
        for client in &mut clients {
            let outcome = client.response(PATIENCE);
            if !outcome.as_ref().is_ok_and(|response| response.status == 200) {
                self.scenario.fail_at(client.settled(), "GET /fast: 200", shown(&outcome));
            }
        }
        clients
    }

    pub(crate) fn signal(&self) -> Moment {
        self.program.signal(Signal::SIGTERM)
    }

    /// The exit comes soon after this, with code 0, and nothing was abandoned.
    #[track_caller]
    pub(crate) fn complete(&self, last: Moment) {
        // The code first: a drain that ran into its deadline is wrong however busy the machine is.
        self.program.exit_at_most(secs(10), last);
        let exit = self.program.exit_with(0);
        self.scenario.at_most(SOON, last, exit.at, "exit");
        self.program.require_report("complete", 0);
    }

    /// Asks for an upgrade, which must be refused.
    #[track_caller]
    pub(crate) fn refused(&self, mut client: Client) {
        let asked = WebSocket::ask(&mut client);
        let expected = "an upgrade in the drain answered with 503";
        match WebSocket::answered(client, secs(2)) {
            Ok(socket) => self.scenario.fail_at(socket.settled(), expected, "101"),
            Err(NotUpgraded { outcome: Ok(response), at }) if response.status == 503 => {
                response.require_content_length(self.scenario);
                self.scenario.at_most(SOON, asked, at, "the 503");
            }
            Err(NotUpgraded { outcome, at }) => self.scenario.fail_at(at, expected, shown(&outcome)),
        }
    }
}

/// One WebSocket, and what its client expects of it.
pub(crate) struct Peer<'a> {
    scenario: &'a Scenario,
    pub(crate) socket: WebSocket,
}

impl<'a> Peer<'a> {
    /// Upgrades an open connection.
    #[track_caller]
    pub(crate) fn upgrade(scenario: &'a Scenario, client: Client) -> Self {
        Self { scenario, socket: WebSocket::on(client) }
    }

    /// What became of a request for an upgrade: a peer, or an answer that is none.
    pub(crate) fn answered(scenario: &'a Scenario, client: Client) -> Result<Self, Result<Response, Cut>> {
        let answered = WebSocket::answered(client, PATIENCE);
        answered.map(|socket| Self { scenario, socket }).map_err(|not| not.outcome)
    }

    /// Sends a message, and requires the same one in return.
    #[track_caller]
    pub(crate) fn converse(&mut self, text: &str) {
        let message = Frame::text(text);
        self.socket.send(&message);
        self.expect(&message);
    }

    /// Requires this frame as the next one.
    #[track_caller]
    pub(crate) fn expect(&mut self, frame: &Frame) {
        let received = self.socket.receive(PATIENCE);
        if received.as_ref() != Ok(frame) {
            self.fail(format!("{frame}"), received);
        }
    }

    /// Requires this frame as the next one. A close frame in its place may be one that could wait no longer, on a machine that is busy.
    #[track_caller]
    pub(crate) fn expect_before_the_end(&mut self, frame: &Frame, signal: Moment) {
        let received = self.socket.receive(PATIENCE);
        let at = self.socket.settled();
        if matches!(received, Ok(Frame::Close(..))) && self.scenario.too_busy(ms(100), signal, at) {
            self.scenario.too_late(ms(100), signal, at, &frame.to_string(), "the close frame");
        }
        if received.as_ref() != Ok(frame) {
            self.fail(format!("{frame}"), received);
        }
    }

    /// Requires the close frame as the next one, soon after this.
    #[track_caller]
    pub(crate) fn expect_goodbye(&mut self, signal: Moment) -> Moment {
        let received = self.socket.receive(PATIENCE);
        self.judge_goodbye(received, signal)
    }

    /// The same, whenever it comes.
    #[track_caller]
    pub(crate) fn expect_goodbye_at_all(&mut self) -> Moment {
        let received = self.socket.receive(PATIENCE);
        // No time is too late here.
        self.judge_goodbye(received, self.socket.settled())
    }

    #[track_caller]
    pub(crate) fn judge_goodbye(&self, received: Result<Frame, Cut>, from: Moment) -> Moment {
        let at = self.socket.settled();
        let what = format!("the close frame to {}", self.socket.name());
        match received {
            Ok(Frame::Close(Some(1001), reason)) if (1..=123).contains(&reason.len()) => {
                self.scenario.at_most(SOON, from, at, what);
                at
            }
            Err(Cut::TimedOut(_)) => {
                self.scenario.too_late(SOON, from, at, &format!("{what} within {SOON:?}"), "nothing");
            }
            received => self.fail("close 1001, with a reason".to_owned(), received),
        }
    }

    /// Requires that frames like this one come, of which the client has sent so many, and then the close frame.
    #[track_caller]
    pub(crate) fn expect_goodbye_behind(&mut self, message: &Frame, most: usize, from: Moment) -> usize {
        let mut count = 0;
        loop {
            let received = self.socket.receive(PATIENCE);
            if received.as_ref() == Ok(message) && count < most {
                count += 1;
                continue;
            }
            self.judge_goodbye(received, from);
            return count;
        }
    }

    /// Answers the close frame, and requires that the connection is then closed, by the program. Says when.
    #[track_caller]
    pub(crate) fn leave(mut self) -> Moment {
        let answered = self.socket.send(&Frame::close(1001));
        self.expect_closed(answered)
    }

    /// Requires that the connection is closed soon after this, with nothing before that.
    #[track_caller]
    pub(crate) fn expect_closed(&mut self, from: Moment) -> Moment {
        let received = self.socket.receive(PATIENCE);
        let at = self.socket.settled();
        match received {
            Err(Cut::Closed) => {
                let what = format!("the end of the connection of {}", self.socket.name());
                self.scenario.at_most(SOON, from, at, what);
                at
            }
            Err(Cut::TimedOut(_)) => {
                let expected = format!("the connection closed within {SOON:?}, by the program");
                self.scenario.too_late(SOON, from, at, &expected, "still open");
            }
            received => self.fail("the connection closed, and nothing before that".to_owned(), received),
        }
    }

    /// Requires that nothing comes for so long, and that the connection stays.
    #[track_caller]
    pub(crate) fn expect_silence(&mut self, time: Duration) {
        let received = self.socket.receive(time);
        if !matches!(received, Err(Cut::TimedOut(_))) {
            self.fail("nothing, and the connection open".to_owned(), received);
        }
    }

    #[track_caller]
    fn fail(&self, expected: String, received: Result<Frame, Cut>) -> ! {
        let observed = match received {
            Ok(frame) => frame.to_string(),
            Err(cut) => cut.to_string().replace(" without a response", ""),
        };
        let at = self.socket.settled();
        let observed = format!("{observed}, {}", self.scenario.timeline().when(at));
        self.scenario.fail_at(at, format!("{}: {expected}", self.socket.name()), observed)
    }
}
