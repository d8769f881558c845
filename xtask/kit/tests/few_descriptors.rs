//! A process of its own: the limit on open files is one for all tests in a process.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use drain_kit::{Client, Program, Scenario, load, secs};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

#[test]
fn a_descriptor_that_the_test_lacks_is_no_refusal() {
    let scenario = Scenario::new();
    let address = answering();
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let few = 64;

    setrlimit(Resource::RLIMIT_NOFILE, few, hard).unwrap();
    let mut open = Vec::new();
    let told = catch_unwind(AssertUnwindSafe(|| {
        loop {
            open.push(Client::connect(&scenario, "client", address).map_err(|cut| panic!("{cut}")));
        }
    }));
    let told = *told.unwrap_err().downcast::<String>().unwrap();
    assert!(told.contains("could not be judged") && told.contains("ulimit -n"), "{told}");
    open.clear();

    let ledger = load::settle(load::in_flight(&scenario, address, 100, "/", secs(5)));
    assert_eq!(ledger.answered, 100, "the limit was raised: {ledger}");

    let program = Program::new(&scenario, "/bin/sh").arg("-c").arg("ulimit -Sn").start();
    program.line(&few.to_string());
    program.exit_with(0);
    let told =
        catch_unwind(AssertUnwindSafe(|| load::in_flight(&scenario, address, hard as usize, "/", secs(5))));
    let told = *told.err().unwrap().downcast::<String>().unwrap();
    assert!(told.contains("could not be judged") && told.contains("ulimit -n"), "{told}");
}

/// A server that answers each connection once.
fn answering() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            // It shares our limit, and may lack one too.
            let Ok(mut stream) = stream else { continue };
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 1024]);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            });
        }
    });
    address
}
