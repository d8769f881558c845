//! Acceptance tests for task 15.

mod peers;

use std::iter;
use std::thread;
use std::time::Duration;

use drain_kit::{Client, Cut, Frame, Moment, Program, Scenario, Signal, WebSocket, ms, program, secs, shown};

use crate::peers::*;

/// Before the signal each message is answered with the same message, of the same kind, whatever its size, in order, and a ping
/// with a pong.
///
/// Why: a server that is told to stop is one that has worked. What is done for the drain must not cost the answers.
///
/// Stub passes: the echo is there; what is missing is its end.
#[test]
fn messages_are_answered_before_the_signal() {
    let scenario = Scenario::new();
    let service = Service::start(&scenario, "5s");
    let mut peer = service.peer("client");
    for size in [0, 5, 125, 126, 65_535, 65_536, 1 << 20] {
        let messages = [Frame::Text(vec![b'x'; size]), Frame::Binary(vec![0xfe; size])];
        for message in &messages {
            peer.socket.send(message);
            peer.expect(message);
        }
    }
    let ping = Frame::Ping(b"are you there?".to_vec());
    let numbers = (0..50).map(|number| Frame::text(&number.to_string()));
    let numbers: Vec<Frame> = numbers.collect();
    for number in &numbers {
        peer.socket.send(number);
    }
    peer.socket.send(&ping);
    let in_two = Frame::text("one message in two frames");
    peer.socket.send_bytes(&in_two.in_two(), "a message in two frames");
    numbers.iter().for_each(|number| peer.expect(number));
    peer.expect(&Frame::Pong(b"are you there?".to_vec()));
    peer.expect(&in_two);
}

/// A client that closes gets a close frame with the same code, and the server closes the connection.
///
/// Why: most connections end because somebody closes the page. An end without the handshake is one that both sides take for a
/// network that has failed.
///
/// Stub passes: tungstenite answers a close frame by itself.
#[test]
fn a_client_that_closes_gets_its_answer() {
    let scenario = Scenario::new();
    let service = Service::start(&scenario, "5s");
    for code in [1000, 1001, 3456] {
        let mut peer = service.peer(&format!("client {code}"));
        peer.converse("hello");
        let closed = peer.socket.send(&Frame::Close(Some(code), "done".to_owned()));
        match peer.socket.receive(PATIENCE) {
            Ok(Frame::Close(Some(answer), _)) if answer == code => {}
            Ok(frame) => scenario.fail(format!("close {code}"), frame),
            Err(cut) => scenario.fail(format!("close {code}"), cut),
        }
        peer.expect_closed(closed);
    }
}

/// With the signal each connection gets a close frame with code 1001 and a reason, once; when the client has answered, the server
/// closes the connection. The program exits when all are closed, with code 0.
///
/// Why: 1001 is "I am going away, connect to somebody else". A client whose connection just ends waits, tries again, and does not
/// know what became of its last message.
#[test]
fn each_connection_gets_its_close_frame() {
    let scenario = Scenario::new();
    let service = Service::start(&scenario, "5s");
    let silent = service.peer("client 1");
    let mut used = service.peer("client 2");
    used.converse("hello");
    let mut on_an_open_connection = Peer::upgrade(&scenario, service.open("client 3"));
    on_an_open_connection.converse("hello");
    let signal = service.signal();
    let mut last = signal;
    for mut peer in [silent, used, on_an_open_connection] {
        peer.expect_goodbye(signal);
        last = peer.leave();
    }
    service.complete(last);
}

/// The server waits for the answer, also if other frames come before it, and a second signal changes nothing: no other close frame, no
/// earlier end.
///
/// Why: a close frame asks, and whoever hangs up without waiting has not asked. What the client had sent before it read ours is
/// then unread, and makes of the end a reset, which may take our close frame along.
#[test]
fn the_server_waits_for_the_answer() {
    let scenario = Scenario::new();
    let service = Service::start(&scenario, "5s");
    let mut peer = service.peer("client");
    peer.converse("hello");
    let signal = service.program.signal(Signal::SIGINT);
    peer.expect_goodbye(signal);
    for again in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGINT] {
        service.program.signal(again);
        peer.socket.send(&Frame::text("sent before your close frame was read"));
        peer.expect_silence(ms(300));
    }
    peer.socket.send(&Frame::Binary(vec![7; 300_000]));
    service.complete(peer.leave());
}

/// What the machine has received when the signal comes is answered before the close frame: messages, large ones too, and a ping.
///
/// Why: a client that has sent something and gets the close frame in its place has to ask itself whether it was done. A drain is there
/// so that nobody has to.
#[test]
fn what_has_been_received_is_answered_before_the_close_frame() {
    let scenario = Scenario::new();
    let service = Service::start(&scenario, "5s");
    let small: Vec<Frame> = (0..800).map(|number| Frame::text(&number.to_string())).collect();
    let ping = vec![Frame::Ping(b"still there?".to_vec())];
    // What fits into the buffer of a socket that nobody reads from.
    let large = vec![Frame::text("before"), Frame::Binary(vec![7; 30_000]), Frame::text("behind")];
    let mut sent = vec![small, ping, large];
    // Together more than tokio lets a task do without a pause. Of uneven lengths, so that the pause comes now before a read, now
    // before a write.
    sent.extend((1..=12).map(|step| {
        let length = |number: usize| 100 + number * step * 389 % 1500;
        (0..70).map(|number| Frame::text(&format!("{number:0>0$}", length(number)))).collect()
    }));
    let mut peers: Vec<Peer> =
        (1..=sent.len()).map(|number| service.peer(&format!("client {number}"))).collect();
    peers.iter_mut().for_each(|peer| peer.converse("hello"));
    let signal = service.program.standing_still(|| {
        for (peer, frames) in peers.iter_mut().zip(&sent) {
            let bytes: Vec<u8> = frames.iter().flat_map(Frame::bytes).collect();
            peer.socket.send_bytes(&bytes, format!("{} frames", frames.len()));
            peer.socket.wait_until_received();
        }
        service.signal()
    });
    let mut last = signal;
    for (mut peer, frames) in peers.into_iter().zip(sent) {
        for frame in frames {
            match frame {
                Frame::Ping(payload) => peer.expect_before_the_end(&Frame::Pong(payload), signal),
                message => peer.expect_before_the_end(&message, signal),
            }
        }
        peer.expect_goodbye(signal);
        last = peer.leave();
    }
    service.complete(last);
}

/// A client that goes on sending without a pause gets its close frame in time all the same, and nothing behind it.
///
/// Why: "answer what is there" never comes to its end with a client that always has something there. One of them is enough to
/// make each deploy run into its deadline. And what comes behind a close frame is an error to most clients: also a pong, which a library may
/// still owe when it is told to close.
#[test]
fn a_client_that_goes_on_sending_gets_its_close_frame() {
    let scenario = Scenario::new();
    let service = Service::start(&scenario, "5s");
    let mut peer = service.peer_in_small_segments("client");
    // Nobody answers a pong: the client can send more of them than the server can read.
    peer.socket.keep_sending(&Frame::Pong(Vec::new()));
    thread::sleep(ms(200));
    let signal = service.signal();
    peer.expect_goodbye(signal);
    peer.socket.reset();
    service.complete(Moment::now());

    // Three times: whether a pong is owed when the close frame comes up is a matter of luck.
    for round in 2..=4 {
        let service = Service::start_called(&scenario, "5s", &format!("program {round}"));
        let mut peer = service.peer(&format!("client {round}"));
        peer.socket = peer.socket.quiet();
        peer.socket.keep_sending(&Frame::Ping(b"there?".to_vec()));
        let pong = Frame::Pong(b"there?".to_vec());
        peer.expect(&pong);
        service.signal();
        // It may have to read many before that.
        let goodbye = iter::repeat_with(|| peer.socket.receive(PATIENCE))
            .find(|received| received.as_ref() != Ok(&pong));
        peer.judge_goodbye(goodbye.expect("it is read until then"), Moment::now());
        peer.expect_silence(ms(200));
        peer.socket.reset();
        service.complete(Moment::now());
    }
}

/// A client that closes at the same time, so that the two close frames cross, has answered: the connection is closed, and the drain is
/// complete.
///
/// Why: in a deploy of both sides that is no rare case. Who then waits for another answer waits for the deadline.
#[test]
fn close_frames_that_cross_are_an_answer() {
    let scenario = Scenario::new();
    let service = Service::start(&scenario, "5s");
    let mut peers: Vec<Peer> = (1..=6).map(|number| service.peer(&format!("client {number}"))).collect();
    for peer in &mut peers {
        peer.converse("hello");
    }
    let (before, after) = peers.split_at_mut(3);
    let signal = service.program.standing_still(|| {
        for peer in before.iter_mut() {
            peer.socket.send(&Frame::close(1000));
        }
        service.signal()
    });
    let mut last = signal;
    for peer in before {
        match peer.socket.receive(PATIENCE) {
            Ok(Frame::Close(Some(1000 | 1001), _)) => last = peer.expect_closed(signal),
            Ok(frame) => scenario.fail("a close frame, with 1000 or 1001", frame),
            Err(cut) => scenario.fail("a close frame, with 1000 or 1001", cut),
        }
    }
    // Theirs is no answer to ours, and the server cannot know that.
    for peer in after {
        peer.expect_goodbye(signal);
        let closed = peer.socket.send(&Frame::close(1000));
        last = peer.expect_closed(closed);
    }
    service.complete(last);
}

/// Connections that have gone without a close frame, before the signal or in the drain, are not waited for, and not counted.
///
/// Why: laptops are shut and phones leave the house. A registry in which they stay makes each drain run into its deadline.
#[test]
fn connections_that_have_gone_are_not_waited_for() {
    let scenario = Scenario::new();
    let service = Service::start(&scenario, "5s");
    let peer = |name: &str| {
        let mut peer = service.peer(name);
        peer.converse("hello");
        peer
    };
    let mut half = peer("client 1");
    half.socket.send_bytes(&Frame::text("half").bytes()[..5], "half a frame");
    half.socket.wait_until_read();
    drop((half, peer("client 2")));
    peer("client 3").socket.reset();
    let [mut stays, mut closes, mut resets] = ["client 4", "client 5", "client 6"].map(peer);
    let signal = service.signal();
    for peer in [&mut stays, &mut closes, &mut resets] {
        peer.expect_goodbye(signal);
    }
    drop(closes);
    resets.socket.reset();
    service.complete(stays.leave());
    let alone = Service::start_called(&scenario, "5s", "program 2");
    drop(alone.peer("client 7"));
    alone.peer("client 8").socket.reset();
    // It has taken its leave, and does not hurry with the rest.
    let mut polite = alone.peer("client 9");
    polite.socket.send(&Frame::close(1000));
    let _ = polite.socket.receive(PATIENCE);
    thread::sleep(ms(50));
    alone.complete(alone.signal());
}

/// Clients that never answer, never read, or have sent half a frame delay nobody else; at the deadline they are cut, and the program exits
/// with code 1.
///
/// Why: among two thousand clients there is always one that has lost its way. The other nineteen hundred and ninety-nine must not
/// wait behind it, and neither must the deploy.
#[test]
fn those_who_do_not_answer_delay_nobody() {
    let scenario = Scenario::new();
    let service = Service::start(&scenario, "1s");
    let deaf = (1..=3).map(|number| {
        let mut peer = service.peer(&format!("deaf {number}"));
        peer.socket.send_until_stuck(&Frame::Binary(vec![7; 60_000]));
        peer
    });
    let _deaf: Vec<Peer> = deaf.collect();
    let mute = ["mute", "half a head", "half a frame", "half a message"].map(|name| service.peer(name));
    let [mut mute, mut head, mut frame, mut message] = mute;
    mute.converse("hello");
    let bytes = Frame::Binary(vec![7; 300]).bytes();
    head.socket.send_bytes(&bytes[..3], "half a head");
    frame.socket.send_bytes(&bytes[..100], "half a frame");
    let in_two = Frame::text("a message in two frames").in_two();
    message.socket.send_bytes(&in_two[..in_two.len() / 2 - 3], "half a message");
    // It changes nothing about the outcome, nor about the end.
    let mut request = service.open("half a request");
    request.send_bytes("GET /fast HT");
    request.wait_until_read();
    let others: Vec<Peer> = (1..=20).map(|number| service.peer(&format!("client {number}"))).collect();
    for peer in [&head, &frame, &message] {
        peer.socket.wait_until_read();
    }
    let signal = service.signal();
    for mut peer in others {
        peer.expect_goodbye(signal);
        peer.leave();
    }
    scenario.at_most(ms(900), signal, Moment::now(), "the end of all who have answered");
    for peer in [&mut mute, &mut head, &mut frame, &mut message] {
        peer.expect_goodbye(signal);
    }
    service.program.exit_at_the_deadline(secs(1), signal);
    service.program.require_report("deadline_exceeded", 7);
}

/// A client that did not read, and begins to in time, be it late in the drain, gets what it had been sent, then the close frame, and can answer it.
///
/// Why: slow is not dead. A phone in a tunnel reads on when it comes out of it, and finds its answers and a goodbye, or something that it has to
/// call an error.
#[test]
fn a_client_that_begins_to_read_in_time_gets_its_close_frame() {
    let scenario = Scenario::new();
    let message = Frame::Binary(vec![7; 60_000]);
    let stuck = |name: &str, budget: &str| {
        let service = Service::start_called(&scenario, budget, name);
        let mut peer = service.peer(&format!("client of {name}"));
        peer.socket = peer.socket.quiet();
        let sent = peer.socket.send_until_stuck(&message);
        let signal = service.signal();
        (service, peer, sent, signal)
    };
    let early = (stuck("program 1", "10s"), ms(800));
    let late = (stuck("program 2", "6s"), ms(3_500));
    for ((service, mut peer, sent, signal), pause) in [early, late] {
        signal.plus(pause).wait();
        if Moment::now() > signal.plus(pause + secs(1)) {
            scenario.unknown("machine too busy: there is no time left to read in");
        }
        let reads = scenario.timeline().mark("client", "begins to read");
        let answers = peer.expect_goodbye_behind(&message, sent, reads);
        scenario.require(answers > 0, "answers before the close frame", "none");
        service.complete(peer.leave());
    }
}

/// In the drain an upgrade is answered with 503, on new connections and on open ones, as long as the drain lasts.
///
/// Why: clients whose close frame has come connect again at once. If nobody tells them that they are still in the wrong place, they come in, and are
/// thrown out again.
#[test]
fn upgrades_in_the_drain_are_refused() {
    let scenario = Scenario::new();
    let service = Service::start(&scenario, "5s");
    let mut peer = service.peer("client");
    let open =
        ["client 1", "client 2", "client 3"].map(|name| Client::connected(&scenario, name, service.address));
    let signal = service.signal();
    peer.expect_goodbye(signal);
    for (later, client) in [110, 700, 1_400].into_iter().zip(open) {
        signal.plus(ms(later)).wait();
        // What was never used may have been closed by now.
        if later < 1_000 {
            service.refused(client);
        }
        service.refused(Client::connected(&scenario, "late", service.address));
    }
    service.complete(peer.leave());
}

/// An upgrade that the machine has when the signal comes is answered with 101, and then gets its close frame, or with 503; also if there is no
/// other connection.
///
/// Why: between the answer to the upgrade and the moment in which its connection is known lies a gap. Who falls into it has been told "come in", and is
/// cut.
#[test]
fn an_upgrade_under_way_is_answered() {
    /// Many servers close a connection on which nothing has come for two seconds.
    const IDLE: Duration = ms(1_500);
    let scenario = Scenario::new();
    // So often, because the gap is narrow.
    for round in 1..=16 {
        let service = Service::start_called(&scenario, "5s", &format!("program {round}"));
        let others = (round % 2 == 0).then(|| service.peer("other"));
        let opened = Moment::now();
        let mut clients = service.open_all(40);
        // Before the program has seen any of them, and when it has just begun.
        let signal = service.program.standing_still(|| {
            for client in &mut clients {
                WebSocket::ask(client);
            }
            clients.iter().for_each(Client::wait_until_received);
            if Moment::now() > opened.plus(IDLE) {
                scenario.unknown(
                    "machine too busy: the connections were idle for so long that they may be closed",
                );
            }
            (round % 3 > 0).then(|| service.signal())
        });
        let signal = signal.unwrap_or_else(|| service.signal());
        let mut last = signal;
        let mut upgraded = Vec::new();
        for client in clients {
            match Peer::answered(&scenario, client) {
                Ok(peer) => upgraded.push(peer),
                Err(Ok(response)) if response.status == 503 => last = last.max(response.at),
                Err(outcome) => scenario.fail("an upgrade answered with 101 or 503", shown(&outcome)),
            }
        }
        for mut peer in upgraded.into_iter().chain(others) {
            peer.expect_goodbye(signal);
            last = last.max(peer.leave());
        }
        service.complete(last);
    }
}

/// With no WebSocket open the drain is over at once, whatever other connections there are; one that has sent half a request may be waited for, and
/// the drain is complete.
///
/// Why: idle connections are not work. A browser keeps some of them open for minutes, just in case.
#[test]
fn without_a_websocket_the_drain_is_over_at_once() {
    let scenario = Scenario::new();
    let service = Service::start(&scenario, "5s");
    let _idle = service.open("client 1");
    let _silent = Client::connected(&scenario, "client 2", service.address);
    service.complete(service.signal());
    let half = Service::start_called(&scenario, "1s", "program 2");
    let mut client = Client::connected(&scenario, "client 3", half.address);
    client.send_bytes(&WebSocket::request()[..60]);
    client.wait_until_read();
    let mut peer = half.peer("client 4");
    let signal = half.signal();
    peer.expect_goodbye(signal);
    peer.leave();
    half.program.exit_at_most(ms(1_500), signal);
    half.program.exit_with(0);
    half.program.require_report("complete", 0);
}

/// Requests for `/ws` that are no upgrade are answered with 400 or 426, `/fast` with 200 and anything else with 404, also beside connections that are
/// open.
///
/// Why: health checks and curious people come, too, and a server that hangs on them, or falls, does so for everybody.
///
/// Stub passes: the requests are served already.
#[test]
fn what_is_no_upgrade_is_answered() {
    let scenario = Scenario::new();
    let service = Service::start(&scenario, "5s");
    let mut peer = service.peer("client 1");
    let mut client = Client::connected(&scenario, "client 2", service.address);
    for (path, statuses) in [("/fast", &[200][..]), ("/ws", &[400, 426]), ("/other", &[404])] {
        match client.get(path, PATIENCE) {
            Ok(response) if statuses.contains(&response.status) => {}
            outcome => {
                scenario.fail_at(client.settled(), format!("GET {path}: {statuses:?}"), shown(&outcome))
            }
        }
    }
    peer.converse("hello");
}

/// A signal that comes while the ready line is being written drains.
///
/// Why: an orchestrator may change its mind while your program starts.
#[test]
fn a_signal_during_the_ready_line_drains() {
    let scenario = Scenario::new();
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let program = Program::new(&scenario, program!()).called(signal.as_str()).stdout_full().start();
        program.blocked_in_write();
        program.signal(signal);
        program.read_on();
        program.exit_with(0);
        program.require_report("complete", 0);
    }
}

/// A value that cannot be used is named in one line on stderr, and the program exits with code 2; so is an address that is in use.
///
/// Why: a service that starts with something else than what it was told is found out at the first deploy that hangs.
///
/// Stub passes: the configuration is that of task 3.
#[test]
fn a_bad_value_is_named_and_ends_the_program() {
    let scenario = Scenario::new();
    let taken = drain_kit::somebody_listens();
    let address = taken.local_addr().expect("a bound socket has an address").to_string();
    let budgets = ["", "soon", "5", "7x", "0s", "-1s", "12000000000000000000s"];
    for (variable, values) in [("DRAIN_BUDGET", &budgets[..]), ("LISTEN_ADDR", &["", "8080", "localhost"])] {
        for value in values {
            Program::new(&scenario, program!()).require_refused(variable, value);
        }
    }
    Program::new(&scenario, program!()).require_refused("LISTEN_ADDR", &address);
}

mod leaks {
    use super::*;

    use drain_kit::leaks;

    /// Connections that have ended leave nothing behind, in whatever way they ended, and the drain does not wait for them.
    ///
    /// Why: each page that is opened and closed is one. A registry that only grows is a leak with a name.
    #[test]
    fn connections_that_have_ended_leave_nothing() {
        let scenario = Scenario::new();
        let service = Service::start(&scenario, "5s");
        let round = || {
            // The upgrade is under way when they go; between reading and answering it is not much time.
            for _ in 0..20 {
                let mut client = service.open("client").quiet();
                WebSocket::ask(&mut client);
                client.reset();
            }
            for way in 0..5 {
                let mut peer = service.peer("client");
                peer.socket = peer.socket.quiet();
                peer.converse("hello");
                match way {
                    0 => drop(peer),
                    1 => peer.socket.reset(),
                    2 => {
                        peer.socket.send(&Frame::close(1000));
                        let _ = peer.socket.receive(PATIENCE);
                        peer.expect_closed(Moment::now());
                    }
                    // No client may send a frame that is not masked, or of a kind that does not exist.
                    3 => {
                        peer.socket.send_bytes(&[0x81, 0x01, b'x'], "a frame without a mask");
                    }
                    _ => {
                        peer.socket.send_bytes(&[0x8f, 0x80, 0, 0, 0, 0], "a frame of no kind");
                    }
                }
            }
        };
        round();
        let before = service.program.descriptors();
        (0..20).for_each(|_| round());
        leaks::require_descriptors_at_most(&scenario, &service.program, before + 5);
        service.complete(service.signal());
    }
}

mod load {
    use super::*;

    /// Two thousand connections get their close frames within 500 ms of the signal, and the program exits when they have answered.
    ///
    /// Why: that is what one server of a chat has. If each close costs a look at all others, or waits for the one before, then it is the
    /// deploy that does not scale.
    ///
    /// Limit: 30 s
    #[test]
    fn two_thousand_connections_drain() {
        let scenario = Scenario::new();
        let service = Service::start(&scenario, "5s");
        let mut peers = service.many(2_000);
        peers[1_999].converse("hello");
        let signal = service.signal();
        let mut last = signal;
        for peer in &mut peers {
            last = last.max(peer.expect_goodbye_at_all());
            peer.socket.send(&Frame::close(1001));
        }
        scenario.at_most(SOON, signal, last, "the last of the close frames");
        let answered = Moment::now();
        let mut end = answered;
        for peer in &mut peers {
            end = end.max(peer.expect_closed(answered));
        }
        service.complete(end);
        scenario.note(format!("the last of 2000 close frames after {:.0?}", last.since(signal)));
    }
}

mod report {
    use super::*;

    /// The drain reports itself once: complete, how long it took from the signal on, nothing abandoned.
    ///
    /// Why: the line is what you look for the morning after a deploy that went wrong.
    #[test]
    fn the_drain_reports_itself_once() {
        let scenario = Scenario::new();
        let service = Service::start(&scenario, "5s");
        let mut peer = service.peer("client");
        // So that it is seen from when on it counts.
        thread::sleep(ms(300));
        let signal = service.signal();
        peer.expect_goodbye(signal);
        signal.plus(ms(400)).wait();
        peer.leave();
        let exit = service.program.exit_with(0);
        let report = service.program.require_report("complete", 0);
        report.require_duration(&scenario, ms(400) - ms(50), exit.at.since(signal));
        scenario.note(format!("drain complete in {:.1?}, 0 abandoned", report.duration));
    }

    /// An overrun is reported, too, with the number of connections that were cut: those that were left at the deadline, and not those that the drain
    /// has found.
    ///
    /// Why: "three of two thousand were cut" is a fact to act on.
    #[test]
    fn an_overrun_reports_what_it_abandoned() {
        let scenario = Scenario::new();
        let service = Service::start(&scenario, "600ms");
        let mut peers: Vec<Peer> = (1..=5).map(|number| service.peer(&format!("client {number}"))).collect();
        let signal = service.signal();
        for peer in &mut peers {
            peer.expect_goodbye(signal);
        }
        for peer in peers.drain(..2) {
            peer.leave();
        }
        scenario.at_most(ms(500), signal, Moment::now(), "the answers of two clients, before the deadline,");
        let exit = service.program.exit_at_the_deadline(ms(600), signal);
        let report = service.program.require_report("deadline_exceeded", 3);
        report.require_duration(&scenario, ms(550), exit.at.since(signal));
        for mut peer in peers {
            let cut = peer.socket.receive(PATIENCE);
            let gone = matches!(cut, Err(Cut::Closed | Cut::Reset));
            scenario.require(gone, "a connection that was cut, without another frame", format!("{cut:?}"));
        }
    }
}
