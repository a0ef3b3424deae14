//! The mail provider against a real socket: a scripted server that answers what each test tells it to.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use common::{context, mail_to, message};
use qixian_core::Channel;
use qixian_notify::{Address, Outcome, Provider, SmtpProvider, SmtpSettings, Tls};

/// What the scripted server does at one step instead of agreeing.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reaction {
    /// Answers these bytes and a line end.
    Say(Vec<u8>),
    /// Says nothing until the client goes away.
    Silence,
    /// Closes the connection.
    Drop,
}

use Reaction::{Drop, Silence};

fn say(line: &str) -> Reaction {
    Reaction::Say(line.as_bytes().to_vec())
}

/// The first line of an answer whose last line never comes.
const UNFINISHED: &str = "250-wait";

/// A mail server on loopback. Each connection follows the same script.
struct Server {
    port: u16,
    /// Each mail it took: recipient and text.
    taken: Receiver<(String, String)>,
    /// One word per connection.
    connections: Receiver<()>,
}

/// Steps: `greeting`, the first word of a command, `text` for the end of the text.
fn server(script: &[(&'static str, Reaction)]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (took, taken) = mpsc::channel();
    let (came, connections) = mpsc::channel();
    let script = script.to_vec();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (took, script) = (took.clone(), script.clone());
            came.send(()).ok();
            thread::spawn(move || converse(stream, &script, &took));
        }
    });
    Server {
        port,
        taken,
        connections,
    }
}

fn converse(
    stream: TcpStream,
    script: &[(&'static str, Reaction)],
    took: &mpsc::Sender<(String, String)>,
) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    let mut recipient = String::new();
    react(&stream, script, "greeting", "220 test ESMTP")?;
    loop {
        line.clear();
        if lines.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let command = line
            .split([' ', ':', '\r'])
            .next()
            .unwrap_or_default()
            .to_uppercase();
        match command.as_str() {
            "EHLO" => react(&stream, script, "EHLO", "250-test\r\n250 AUTH PLAIN LOGIN")?,
            "AUTH" => react(&stream, script, "AUTH", "235 welcome")?,
            "RCPT" => {
                recipient = line.trim().to_owned();
                react(&stream, script, "RCPT", "250 ok")?;
            }
            "DATA" => {
                react(&stream, script, "DATA", "354 go on")?;
                let text = read_text(&mut lines)?;
                react(&stream, script, "text", "250 2.0.0 Ok: queued as 4F1B2")?;
                took.send((recipient.clone(), text)).ok();
            }
            "MAIL" => react(&stream, script, "MAIL", "250 ok")?,
            _ => react(&stream, script, "other", "250 ok")?,
        }
    }
}

/// Answers by the script; `None` ends the connection.
fn react(
    mut stream: &TcpStream,
    script: &[(&'static str, Reaction)],
    step: &str,
    usual: &str,
) -> Option<()> {
    match script.iter().find(|(at, _)| *at == step).map(|(_, r)| r) {
        None => stream.write_all(format!("{usual}\r\n").as_bytes()).ok(),
        Some(Reaction::Say(bytes)) => {
            stream.write_all(bytes).ok()?;
            stream.write_all(b"\r\n").ok()
        }
        Some(Silence) => {
            // Ends when the client closes its side.
            let mut rest = Vec::new();
            std::io::Read::read_to_end(&mut stream, &mut rest).ok()?;
            None
        }
        Some(Drop) => None,
    }
}

fn read_text(lines: &mut impl BufRead) -> Option<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == ".\r\n" {
            return Some(text);
        }
        text.push_str(&line);
    }
}

fn settings(port: u16) -> SmtpSettings {
    SmtpSettings {
        host: "127.0.0.1".to_owned(),
        port: Some(port),
        tls: Tls::None,
        allow_plaintext: false,
        from: "notice@agency.example".to_owned(),
        from_name: "期限提醒".to_owned(),
        reply_to: None,
        user: None,
        password_file: None,
        password_env: None,
        ca_file: None,
        connections: 2,
        connect_timeout_ms: 5_000,
        send_timeout_ms: 10_000,
    }
}

fn provider(settings: &SmtpSettings) -> SmtpProvider {
    SmtpProvider::new("mail".to_owned(), settings).unwrap()
}

/// Sends one mail to a server with this script and compares the outcome's name and reason.
async fn check(step: &'static str, reaction: Reaction, expected: &str, reason: &str) {
    let shown = format!("{step} {reaction:?}");
    let server = server(&[(step, reaction.clone())]);
    let mut settings = settings(server.port);
    if reaction == Silence || reaction == say(UNFINISHED) {
        settings.send_timeout_ms = 1_000;
    }
    let outcome = provider(&settings)
        .send(&mail_to("wang@example.cn"), &context(1))
        .await;
    assert_eq!(outcome.name(), expected, "{shown}: {outcome:?}");
    assert_eq!(outcome.reason().unwrap_or_default(), reason, "{shown}");
}

#[tokio::test]
async fn each_refusal_has_its_outcome() {
    let to_wang = "550 5.1.1 <wang@example.cn> no such user here";
    check(
        "greeting",
        say("421 too many connections"),
        "transient",
        "421 while connecting",
    )
    .await;
    check(
        "greeting",
        say("554 go away"),
        "channel_down",
        "554 while connecting",
    )
    .await;
    check(
        "MAIL",
        say("530 sign in first"),
        "channel_down",
        "530 at the sender",
    )
    .await;
    check(
        "MAIL",
        say("553 not your address"),
        "channel_down",
        "553 at the sender",
    )
    .await;
    check(
        "RCPT",
        say("451 4.7.1 greylisted"),
        "transient",
        "451 4.7.1 at the recipient",
    )
    .await;
    check(
        "RCPT",
        say(to_wang),
        "bad_recipient",
        "550 5.1.1 at the recipient",
    )
    .await;
    check("DATA", say("452 full"), "transient", "452 before the text").await;
    check(
        "text",
        say("552 5.3.4 too big"),
        "bad_message",
        "552 5.3.4 after the text",
    )
    .await;
    check(
        "text",
        say("554 DT:SPM"),
        "bad_message",
        "554 after the text",
    )
    .await;
    check(
        "text",
        say("421 closing"),
        "transient",
        "421 after the text",
    )
    .await;
}

#[tokio::test]
async fn a_lost_answer_is_unknown_only_after_the_text() {
    let silent = "no answer in time, before the text was handed over";
    check("RCPT", Silence, "transient", silent).await;
    check(
        "RCPT",
        Drop,
        "transient",
        "no readable answer (at the recipient)",
    )
    .await;
    check(
        "text",
        Silence,
        "unknown",
        "no answer after the text was handed over",
    )
    .await;
    check(
        "text",
        Drop,
        "unknown",
        "no readable answer (after the text)",
    )
    .await;
    check(
        "text",
        say(UNFINISHED),
        "unknown",
        "no answer after the text was handed over",
    )
    .await;
}

#[tokio::test]
async fn nobody_listening_is_transient() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let outcome = provider(&settings(port))
        .send(&mail_to("wang@example.cn"), &context(1))
        .await;
    assert_eq!(outcome.name(), "transient");
}

#[tokio::test]
async fn an_accepted_mail_is_whole_and_the_connection_is_used_again() {
    let server = server(&[]);
    let provider = provider(&settings(server.port));
    for attempt in [1, 2] {
        let outcome = provider
            .send(&mail_to("wang@example.cn"), &context(attempt))
            .await;
        let receipt = Some("4F1B2".to_owned());
        assert_eq!(outcome, Outcome::Accepted { receipt });
        let (to, text) = server.taken.recv().unwrap();
        assert_eq!(to, "RCPT TO:<wang@example.cn>");
        for header in [
            "Message-ID: <01KGXSY6DG0WGE1R70W3GE1R70-7-0.0@agency.example>\r\n",
            "Date: Fri, 13 Feb 2026 09:30:00 +0000\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "From: =?utf-8?b?",
            "Subject: =?utf-8?b?",
        ] {
            assert!(text.contains(header), "{header} in\n{text}");
        }
    }
    assert_eq!(server.connections.try_iter().count(), 1);
}

#[tokio::test]
async fn a_connection_closed_while_parked_is_replaced() {
    // The server hangs up after each mail, so the second finds its connection gone.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().unwrap());
            let answer = |text: &str| (&stream).write_all(text.as_bytes()).is_ok();
            answer("220 test\r\n");
            for usual in ["250 test\r\n", "250 ok\r\n", "250 ok\r\n", "354 go on\r\n"] {
                lines.read_line(&mut String::new()).unwrap();
                answer(usual);
            }
            read_text(&mut lines);
            answer("250 ok\r\n");
        }
    });
    let provider = provider(&settings(port));
    for attempt in [1, 2, 3] {
        let outcome = provider
            .send(&mail_to("wang@example.cn"), &context(attempt))
            .await;
        assert!(outcome.is_accepted(), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_wrong_authorisation_code_stops_the_channel() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "wrong-code\n").unwrap();
    let signing_in = |port| SmtpSettings {
        user: Some("notice@agency.example".to_owned()),
        password_file: Some(secret.path().to_owned()),
        ..settings(port)
    };
    let refusing = server(&[("AUTH", say("535 5.7.8 Error: authentication failed"))]);
    let outcome = provider(&signing_in(refusing.port))
        .send(&mail_to("wang@example.cn"), &context(1))
        .await;
    assert_eq!(outcome.reason(), Some("535 5.7.8 at the sign-in"));
    assert_eq!(outcome.name(), "channel_down");

    // 535 in GBK, as QQ answers: no code reaches us. The second time is the last.
    let gbk = Reaction::Say(b"535 \xb5\xc7\xc2\xbc\xca\xa7\xb0\xdc".to_vec());
    let unreadable = server(&[("AUTH", gbk)]);
    let provider = provider(&signing_in(unreadable.port));
    for expected in ["transient", "channel_down"] {
        let outcome = provider
            .send(&mail_to("wang@example.cn"), &context(1))
            .await;
        assert_eq!(outcome.name(), expected, "{outcome:?}");
    }
    assert!(!format!("{provider:?}").contains("wrong-code"));
}

#[tokio::test]
async fn starttls_is_not_skipped_where_the_server_has_none() {
    let server = server(&[]);
    let settings = SmtpSettings {
        tls: Tls::Starttls,
        ..settings(server.port)
    };
    let outcome = provider(&settings).probe().await;
    assert_eq!(outcome.reason(), Some("the server offers no STARTTLS"));
    assert_eq!(outcome.name(), "channel_down");
}

#[tokio::test]
async fn a_bad_address_never_reaches_the_server() {
    let server = server(&[]);
    let provider = provider(&settings(server.port));
    for address in ["", "wang", "wang@", "wang@example.cn\r\nRCPT TO:<x@y.cn>"] {
        let outcome = provider.send(&mail_to(address), &context(1)).await;
        assert_eq!(outcome.name(), "bad_recipient", "{address:?}");
    }
    let task = message(
        Channel::Person,
        Address::Person {
            mail: Some("zhou@agency.example".to_owned()),
            mobile: None,
        },
    );
    assert!(provider.send(&task, &context(1)).await.is_accepted());
    assert_eq!(
        server.taken.recv().unwrap().0,
        "RCPT TO:<zhou@agency.example>"
    );
}

#[test]
fn settings_that_cannot_work_are_named() {
    let good = settings(25);
    let named = |change: fn(&mut SmtpSettings)| {
        let mut settings = good.clone();
        change(&mut settings);
        SmtpProvider::new("mail".to_owned(), &settings)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    for (text, expected) in [
        (named(|s| s.host = "mail.example.cn".to_owned()), "tls"),
        (named(|s| s.from = "nobody".to_owned()), "from"),
        (named(|s| s.user = Some("a".to_owned())), "user"),
        (
            named(|s| s.password_env = Some("QIXIAN_TEST_UNSET".to_owned())),
            "password_env",
        ),
        (
            named(|s| s.password_file = Some("/nowhere/at/all".into())),
            "password_file",
        ),
    ] {
        assert!(
            text.contains(&format!("[providers.mail] {expected}:")),
            "{expected}: {text}"
        );
    }
    assert_eq!(named(|_| ()), "");
}
