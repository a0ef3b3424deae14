//! The folder provider: what lies in the directory afterwards.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;

use common::{context, mail_to, message};
use qixian_core::Channel;
use qixian_notify::{Address, FolderProvider, Outcome, Provider};

fn names(dir: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn each_channel_has_its_form() {
    let dir = tempfile::tempdir().unwrap();
    let folder = FolderProvider::new("folder", dir.path().join("new/messages"));
    let mobile = Address::Mobile("13800138000".to_owned());
    let robot = Address::Robot("sales".to_owned());
    let task = Address::Person {
        mail: None,
        mobile: None,
    };
    let messages = [
        mail_to("wang@example.cn"),
        message(Channel::Sms, mobile),
        message(Channel::Wecom, robot),
        message(Channel::Person, task),
    ];
    for message in &messages {
        assert!(folder.send(message, &context(1)).await.is_accepted());
    }
    let key = "01KGXSY6DG0WGE1R70W3GE1R70-7-0.0";
    assert_eq!(
        names(folder.dir()),
        [
            format!("20260213T093000Z-mail-{key}.eml"),
            format!("20260213T093000Z-person-{key}.txt"),
            format!("20260213T093000Z-sms-{key}.txt"),
            format!("20260213T093000Z-wecom-{key}.json"),
        ]
    );
    let mail = fs::read_to_string(folder.dir().join(&names(folder.dir())[0])).unwrap();
    assert!(mail.starts_with("To: 王建国 <wang@example.cn>\nSubject: 请完成短信核验\nDate: Fri, 13 Feb 2026 09:30:00 +0000\n"));
    assert!(mail.ends_with("\n\n您好：\n\n请按短信核验。\n"));
    let sms = fs::read_to_string(folder.dir().join(&names(folder.dir())[2])).unwrap();
    assert!(
        sms.starts_with("To: 13800138000 王建国\nX-Length: 12 units, 1 segments\n"),
        "{sms}"
    );
}

#[tokio::test]
async fn a_key_is_written_once_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mail = mail_to("wang@example.cn");
    let first = FolderProvider::new("folder", dir.path());
    let key = context(1).idempotency_key;
    let unwritten = first.lookup(&key).await.unwrap();
    assert_eq!(unwritten.name(), "transient", "it never went out");
    assert!(first.send(&mail, &context(1)).await.is_accepted());
    for provider in [first, FolderProvider::new("folder", dir.path())] {
        let mut later = context(2);
        later.now = later.now.saturating_add_millis(3_600_000);
        assert!(provider.send(&mail, &later).await.is_accepted());
        let found = Some(Outcome::Accepted { receipt: None });
        assert_eq!(provider.lookup(&key).await, found);
    }
    assert_eq!(names(dir.path()).len(), 1);
}

#[tokio::test]
async fn names_and_headers_cannot_be_forged() {
    let dir = tempfile::tempdir().unwrap();
    let folder = FolderProvider::new("folder", dir.path());
    let mut mail = mail_to("wang@example.cn");
    mail.recipient.name = "王\nBcc: x@y.cn".to_owned();
    let mut context = context(1);
    context.idempotency_key = "../../etc/passwd".to_owned();
    assert!(folder.send(&mail, &context).await.is_accepted());
    let written = names(dir.path());
    assert_eq!(written, ["20260213T093000Z-mail-.._.._etc_passwd.eml"]);
    let text = fs::read_to_string(dir.path().join(&written[0])).unwrap();
    assert!(!text.lines().any(|line| line.starts_with("Bcc")));
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_transient() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let folder = FolderProvider::new("folder", file.path().join("below"));
    let outcome = folder.send(&mail_to("wang@example.cn"), &context(1)).await;
    assert_eq!(outcome.name(), "transient");
    assert_eq!(folder.probe().await.name(), "channel_down");
}
