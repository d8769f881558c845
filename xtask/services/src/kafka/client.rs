//! As much of Kafka's protocol as it takes to know that a broker serves.
//!
//! Requests are in the oldest form that Kafka 4 takes: fields one after the other, big-endian.

use std::io::{Error, Read as _, Result, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

const METADATA: i16 = 3;
const FIND_COORDINATOR: i16 = 10;
const JOIN_GROUP: i16 = 11;
const LEAVE_GROUP: i16 = 13;
const SYNC_GROUP: i16 = 14;
const DELETE_GROUPS: i16 = 42;

/// The coordinator is being created, or loads, or has moved: ask again.
const ASK_AGAIN: [i16; 3] = [14, 15, 16];
const PATIENCE: Duration = Duration::from_secs(30);
const ANSWER: Duration = Duration::from_secs(5);
const GROUP: &str = "drain-services-warm-up";

/// A connection to the broker on a loopback port.
pub(crate) struct Client(TcpStream);

impl Client {
    pub(crate) fn connect(port: u16) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream = TcpStream::connect_timeout(&address, ANSWER)?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_nodelay(true)?;
        Ok(Self(stream))
    }

    /// Asks for the metadata; they must name the broker itself.
    pub(crate) fn find_broker(&mut self, port: u16) -> Result<()> {
        let no_topics = Fields::default().int(0);
        let mut answer = self.ask(METADATA, 1, &no_topics)?;
        for _ in 0..answer.int()? {
            let (_node, _host, broker, _rack) =
                (answer.int()?, answer.text()?, answer.int()?, answer.text()?);
            if broker == i32::from(port) {
                return Ok(());
            }
        }
        Err(Error::other("its metadata do not name the broker yet"))
    }

    /// One consumer joins a group of its own and leaves it. That creates the topic of the offsets and
    /// wakes the coordinator, for which the first client would have to wait three seconds.
    pub(crate) fn run_a_group(&mut self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        let group = || Fields::default().text(GROUP);
        self.ask_until(until, FIND_COORDINATOR, 0, &group())?;
        let join = group().int(6_000).int(6_000).text("").text("consumer").int(1).text("range").bytes(&[]);
        let mut joined = self.ask_until(until, JOIN_GROUP, 1, &join)?;
        let (generation, _protocol, _leader) = (joined.int()?, joined.text()?, joined.text()?);
        let member = joined.text()?;
        let sync = group().int(generation).text(&member).int(1).text(&member).bytes(&[]);
        self.ask_until(until, SYNC_GROUP, 0, &sync)?;
        self.ask_until(until, LEAVE_GROUP, 0, &group().text(&member))?;
        self.ask(DELETE_GROUPS, 0, &Fields::default().int(1).text(GROUP)).map(drop)
    }

    /// Asks until the answer, which begins with an error code, is neither an error nor "ask again".
    fn ask_until(&mut self, until: Instant, api: i16, version: i16, request: &Fields) -> Result<Answer> {
        loop {
            let mut answer = self.ask(api, version, request)?;
            match answer.short()? {
                0 => return Ok(answer),
                code if ASK_AGAIN.contains(&code) && Instant::now() < until => {
                    thread::sleep(Duration::from_millis(20));
                }
                code => return Err(Error::other(format!("request {api} was answered with error {code}"))),
            }
        }
    }

    fn ask(&mut self, api: i16, version: i16, request: &Fields) -> Result<Answer> {
        let correlation = 7;
        let header = Fields::default().short(api).short(version).int(correlation).text("drain-services");
        let message = [header.0, request.0.clone()].concat();
        self.0.write_all(&Fields::default().bytes(&message).0)?;
        let mut length = [0; 4];
        self.0.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length);
        if length > 1 << 20 {
            return Err(Error::other("the answer is not Kafka's"));
        }
        let mut answer = Vec::new();
        (&self.0).take(u64::from(length)).read_to_end(&mut answer)?;
        let mut answer = Answer { rest: answer };
        match answer.int()? {
            number if number == correlation => Ok(answer),
            _ => Err(Error::other("the answer belongs to another request")),
        }
    }
}

/// The body of a request.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn short(mut self, value: i16) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    fn int(mut self, value: i32) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    fn text(self, value: &str) -> Self {
        let mut fields = self.short(value.len() as i16);
        fields.0.extend(value.as_bytes());
        fields
    }

    fn bytes(self, value: &[u8]) -> Self {
        let mut fields = self.int(value.len() as i32);
        fields.0.extend(value);
        fields
    }
}

/// What is left of an answer.
struct Answer {
    rest: Vec<u8>,
}

impl Answer {
    fn take(&mut self, count: usize) -> Result<Vec<u8>> {
        if self.rest.len() < count {
            return Err(Error::other("the answer is cut short"));
        }
        let rest = self.rest.split_off(count);
        Ok(std::mem::replace(&mut self.rest, rest))
    }

    fn short(&mut self) -> Result<i16> {
        Ok(self.take(2)?.try_into().map(i16::from_be_bytes).expect("two bytes"))
    }

    fn int(&mut self) -> Result<i32> {
        Ok(self.take(4)?.try_into().map(i32::from_be_bytes).expect("four bytes"))
    }

    /// Text that may be absent is empty then.
    fn text(&mut self) -> Result<String> {
        let length = self.short()?.max(0);
        Ok(String::from_utf8_lossy(&self.take(length as usize)?).into_owned())
    }
}
