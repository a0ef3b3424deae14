//! A mail server that takes everything and only counts: an hour of reminders must not become a hundred thousand files.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::spawn;

/// A sink on a free port of this machine. Its threads end with the process.
#[derive(Debug)]
pub(crate) struct Sink {
    /// Its port.
    pub(crate) port: u16,
    taken: Arc<AtomicU64>,
}

impl Sink {
    /// Listens.
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let taken = Arc::new(AtomicU64::new(0));
        let count = taken.clone();
        spawn(move || {
            for stream in listener.incoming().flatten() {
                let count = count.clone();
                // A line that breaks off is the daemon's to try again.
                spawn(move || serve(&stream, &count).ok());
            }
        });
        Self { port, taken }
    }

    /// Mails taken so far.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

fn serve(stream: &TcpStream, taken: &AtomicU64) -> std::io::Result<()> {
    let mut out = stream;
    let mut lines = BufReader::new(stream).lines();
    out.write_all(b"220 sink.example\r\n")?;
    while let Some(line) = lines.next().transpose()? {
        let word = line.split(' ').next().unwrap_or_default();
        match word.to_ascii_uppercase().as_str() {
            "EHLO" => out.write_all(b"250-sink.example\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")?,
            "DATA" => {
                out.write_all(b"354 go on\r\n")?;
                for line in lines.by_ref() {
                    if line? == "." {
                        break;
                    }
                }
                let number = 1 + taken.fetch_add(1, Ordering::Relaxed);
                out.write_all(format!("250 taken as {number}\r\n").as_bytes())?;
            }
            "QUIT" => return out.write_all(b"221 bye\r\n"),
            _ => out.write_all(b"250 ok\r\n")?,
        }
    }
    Ok(())
}
