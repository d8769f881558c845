//! As much of PostgreSQL's protocol as it takes to send a statement and read what comes back.

use std::io::{Error, Read as _, Result, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::USER;

const PROTOCOL: i32 = 3 << 16;
const ANSWER: Duration = Duration::from_secs(5);

/// One connection to a database of a server on this machine that trusts us.
pub struct Client(TcpStream);

/// A row of an answer, as text; `None` is NULL.
pub type Row = Vec<Option<String>>;

impl Client {
    /// Connects to a database.
    ///
    /// # Errors
    ///
    /// If nobody listens, or the server says no: its own words are the error.
    pub fn connect(port: u16, database: &str) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), ANSWER)?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_nodelay(true)?;
        let mut client = Self(stream);
        let who = format!("user\0{USER}\0database\0{database}\0\0");
        client.send(&[&PROTOCOL.to_be_bytes(), who.as_bytes()].concat())?;
        client.answer().map(|_| client)
    }

    /// Runs statements, and returns the rows of all of them.
    ///
    /// # Errors
    ///
    /// If the connection breaks, or the server says no: its own words are the error.
    pub fn query(&mut self, sql: &str) -> Result<Vec<Row>> {
        self.0.write_all(b"Q")?;
        self.send(format!("{sql}\0").as_bytes())?;
        self.answer()
    }

    fn send(&mut self, body: &[u8]) -> Result<()> {
        let length = (body.len() as i32 + 4).to_be_bytes();
        self.0.write_all(&[&length, body].concat())
    }

    /// Reads up to "ready for query".
    fn answer(&mut self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        let mut refused = None;
        loop {
            let (kind, body) = self.message()?;
            match kind {
                b'D' => rows.push(row(&body).ok_or_else(|| Error::other("a row is cut short"))?),
                b'E' => refused = Some(Error::other(complaint(&body))),
                b'R' if body != [0; 4] => {
                    return Err(Error::other("the server asks for a password, and this client has none"));
                }
                b'Z' => return refused.map_or(Ok(rows), Err),
                _ => {}
            }
        }
    }

    fn message(&mut self) -> Result<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.0.read_exact(&mut head)?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut body = Vec::new();
        (&self.0).take(u64::from(length.saturating_sub(4))).read_to_end(&mut body)?;
        Ok((head[0], body))
    }
}

fn row(body: &[u8]) -> Option<Row> {
    let (count, mut rest) = body.split_at_checked(2)?;
    let mut row = Row::new();
    for _ in 0..u16::from_be_bytes(count.try_into().ok()?) {
        let (length, behind) = rest.split_at_checked(4)?;
        rest = behind;
        // A length of -1 is NULL.
        let Ok(length) = usize::try_from(i32::from_be_bytes(length.try_into().ok()?)) else {
            row.push(None);
            continue;
        };
        let (value, behind) = rest.split_at_checked(length)?;
        rest = behind;
        row.push(Some(String::from_utf8_lossy(value).into_owned()));
    }
    Some(row)
}

/// The field `M` of an error holds what is meant for people.
fn complaint(body: &[u8]) -> String {
    let message = body.split(|&byte| byte == 0).find_map(|field| field.strip_prefix(b"M"));
    String::from_utf8_lossy(message.unwrap_or(b"an error without words")).into_owned()
}
