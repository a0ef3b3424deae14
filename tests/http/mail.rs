//! Reminders as real mail, to a mail server on loopback.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use qixian_tests::daemon::Daemon;

use crate::start::{start_gansu, to_sms_check};

/// How long a mail may take; it comes within a second unless something is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// A mail as the server got it: envelope recipient and text.
#[derive(Debug)]
struct Mail {
    to: String,
    text: String,
}

/// A mail server that takes everything.
fn server() -> (u16, Receiver<Mail>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let (sender, mails) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let sender = sender.clone();
            // A sender that breaks off has nothing more to say.
            thread::spawn(move || talk(stream, &sender).ok());
        }
    });
    (port, mails)
}

fn talk(stream: TcpStream, mails: &Sender<Mail>) -> std::io::Result<()> {
    let mut answers = stream.try_clone()?;
    let mut lines = BufReader::new(stream).lines();
    let mut to = String::new();
    answers.write_all(b"220 test\r\n")?;
    while let Some(line) = lines.next().transpose()? {
        let command = line.to_ascii_uppercase();
        let answer: &[u8] = match command.as_str() {
            _ if command.starts_with("EHLO") => b"250-test\r\n250 8BITMIME\r\n",
            _ if command.starts_with("RCPT TO:") => {
                to = line[8..].trim_matches(['<', '>', ' ']).to_owned();
                b"250 ok\r\n"
            }
            "DATA" => {
                answers.write_all(b"354 go on\r\n")?;
                let text = lines
                    .by_ref()
                    .map_while(Result::ok)
                    .take_while(|line| line != ".");
                let text = text.collect::<Vec<_>>().join("\n");
                // The test may have seen enough and be gone.
                mails
                    .send(Mail {
                        to: to.clone(),
                        text,
                    })
                    .ok();
                b"250 2.0.0 taken as 42\r\n"
            }
            "QUIT" => {
                answers.write_all(b"221 bye\r\n")?;
                return Ok(());
            }
            _ => b"250 ok\r\n",
        };
        answers.write_all(answer)?;
    }
    Ok(())
}

#[test]
fn a_gansu_filing_writes_to_its_people_by_mail() {
    let (port, mails) = server();
    let dir = tempfile::tempdir().expect("a directory");
    let config = dir.path().join("qixian.toml");
    let settings = format!(
        "[providers.post]\nkind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nfrom = \"icp@agency.example\"\n"
    );
    std::fs::write(&config, settings).expect("written");
    let config = config.to_str().expect("a path").to_owned();
    let daemon = Daemon::start(&dir.path().join("data"), &["--config", &config]);
    let case = start_gansu(&daemon);
    to_sms_check(&daemon, &case);
    let mut people = vec!["wang@client.example", "li@client.example"];
    while !people.is_empty() {
        let mail = mails
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|_| panic!("no mail for {people:?}"));
        assert!(
            mail.text.contains("From: ") && mail.text.contains("Subject: "),
            "{mail:?}"
        );
        people.retain(|person| *person != mail.to);
    }
}
