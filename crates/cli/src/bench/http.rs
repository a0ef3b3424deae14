//! A keep-alive HTTP client that costs next to nothing, since it shares its cores with the daemon it measures: one
//! connection, one request at a time, and no more of HTTP/1.1 than this daemon's answers need.

use std::io::{self, Write};
use std::ops::Range;

use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::place::failed;
use crate::failure::Failure;

/// How much is read at once.
const CHUNK: usize = 16 * 1_024;

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    /// Host, token and what else each request says.
    headers: String,
    sent: Vec<u8>,
    received: Vec<u8>,
}

/// An answer: its status and where in what was received its body is.
type Answer = (u16, Range<usize>);

impl Connection {
    /// Connects to a daemon's address (`http://127.0.0.1:43210`).
    pub(super) async fn to(address: &str, token: &str) -> Result<Self, Failure> {
        let host = address.trim_start_matches("http://");
        let stream = TcpStream::connect(host).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let headers = format!(
            "host: {host}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n"
        );
        Ok(Self {
            stream,
            headers,
            sent: Vec::with_capacity(CHUNK),
            received: Vec::with_capacity(CHUNK),
        })
    }

    /// A GET below `/api/v1` that must be answered 200.
    pub(super) async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, Failure> {
        let body = self.good("GET", path, b"").await?;
        serde_json::from_slice(body).map_err(failed)
    }

    /// A POST below `/api/v1` that must be answered 2xx.
    pub(super) async fn post<T: DeserializeOwned>(
        &mut self,
        path: &str,
        body: &[u8],
    ) -> Result<T, Failure> {
        let body = self.good("POST", path, body).await?;
        serde_json::from_slice(body).map_err(failed)
    }

    /// The same, for callers whom the status is enough.
    pub(super) async fn send(&mut self, path: &str, body: &[u8]) -> Result<(), Failure> {
        self.good("POST", path, body).await.map(drop)
    }

    /// The body of an answer that must be 2xx.
    async fn good(&mut self, method: &str, path: &str, body: &[u8]) -> Result<&[u8], Failure> {
        let (status, place) = self.ask(method, path, body).await.map_err(failed)?;
        let answer = &self.received[place];
        if !(200..300).contains(&status) {
            let said = String::from_utf8_lossy(answer);
            return Err(failed(format!("{method} {path}: {status} {said}")));
        }
        Ok(answer)
    }

    /// Asks and waits for the whole answer. It fails when the connection ends, or what comes is no answer with a length.
    async fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> io::Result<Answer> {
        let (headers, length) = (&self.headers, body.len());
        self.sent.clear();
        write!(
            self.sent,
            "{method} /api/v1{path} HTTP/1.1\r\n{headers}content-length: {length}\r\n\r\n"
        )?;
        self.sent.extend_from_slice(body);
        self.stream.write_all(&self.sent).await?;
        self.received.clear();
        loop {
            self.received.reserve(CHUNK);
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(answer) = whole(&self.received)? {
                return Ok(answer);
            }
        }
    }
}

/// The answer, once all of it is there.
fn whole(received: &[u8]) -> io::Result<Option<Answer>> {
    let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&received[..end]).map_err(io::Error::other)?;
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let named = name.eq_ignore_ascii_case("content-length");
        named.then(|| value.trim().parse::<usize>().ok())?
    });
    let (Some(status), Some(length)) = (status, length) else {
        return Err(io::Error::other("an answer without status or length"));
    };
    let body = end + 4;
    Ok((received.len() >= body + length).then_some((status, body..body + length)))
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn an_answer_is_whole_when_its_body_is() {
        let text = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\netag: \"1\"\r\n\r\n{}";
        for end in 0..text.len() {
            assert!(whole(&text[..end]).expect("well-formed").is_none(), "{end}");
        }
        let (status, body) = whole(text).expect("well-formed").expect("whole");
        assert_eq!((status, &text[body]), (201, &b"{}"[..]));
        assert!(whole(b"HTTP/1.1 200 OK\r\n\r\n").is_err(), "no length");
    }
}
