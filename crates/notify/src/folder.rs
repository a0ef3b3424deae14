//! Messages as files: for a first look, for demos and tests. Nothing leaves the machine.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use lettre::message::header::{Date, Headers};
use qixian_core::Channel;
use qixian_time::Zone;

use crate::{Address, Message, Outcome, Provider, SendContext, sms_segments};

/// Writes each message to one file of its own: mail as `.eml`, SMS and tasks as `.txt`, robots and webhooks as `.json`.
///
/// A file is named `UTCTIME-CHANNEL-KEY.EXT`, is readable by its owner only, appears whole or not at all, and is on disk
/// when it is accepted. A key that has a file already is accepted without writing another.
#[derive(Clone, Debug)]
pub struct FolderProvider {
    name: String,
    folder: Arc<Folder>,
}

#[derive(Debug)]
struct Folder {
    dir: PathBuf,
    /// `CHANNEL-KEY` of every file, read once when first needed.
    written: Mutex<Option<HashSet<String>>>,
}

impl FolderProvider {
    /// A provider that writes below `dir`, which is made when the first message comes.
    pub fn new(name: impl Into<String>, dir: impl Into<PathBuf>) -> Self {
        let folder = Folder {
            dir: dir.into(),
            written: Mutex::new(None),
        };
        Self {
            name: name.into(),
            folder: Arc::new(folder),
        }
    }

    /// Where the files are.
    pub fn dir(&self) -> &Path {
        &self.folder.dir
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Folder) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let folder = Arc::clone(&self.folder);
        tokio::task::spawn_blocking(move || work(&folder))
            .await
            .unwrap_or_else(|_| Err(io::Error::other("the writing task ended early")))
    }
}

#[async_trait]
impl Provider for FolderProvider {
    fn name(&self) -> &str {
        &self.name
    }

    async fn send(&self, message: &Message, context: &SendContext) -> Outcome {
        let file = FileToWrite::of(message, context);
        let receipt = Some(file.name.clone());
        match self.blocking(move |folder| folder.write(&file)).await {
            Ok(()) => Outcome::Accepted { receipt },
            Err(error) => Outcome::Transient {
                reason: format!("cannot write the file: {}", error.kind()),
            },
        }
    }

    async fn lookup(&self, idempotency_key: &str) -> Option<Outcome> {
        let keys = Channel::ALL.map(|channel| known_as(channel, idempotency_key));
        let found = self
            .blocking(move |folder| folder.knows_any(&keys))
            .await
            .ok()?;
        Some(match found {
            true => Outcome::Accepted { receipt: None },
            false => Outcome::Transient {
                reason: "no such file was written".to_owned(),
            },
        })
    }

    async fn probe(&self) -> Outcome {
        match self
            .blocking(|folder| fs::create_dir_all(&folder.dir))
            .await
        {
            Ok(()) => Outcome::Accepted { receipt: None },
            Err(error) => Outcome::ChannelDown {
                reason: format!("cannot make the folder: {}", error.kind()),
            },
        }
    }
}

impl Folder {
    fn write(&self, file: &FileToWrite) -> io::Result<()> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.known(&mut written)?;
        if known.contains(&file.known_as) {
            return Ok(());
        }
        let unfinished = self.dir.join(format!(".{}.tmp", file.name));
        let mut out = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)?;
        out.write_all(file.content.as_bytes())?;
        // Who is told that it was written finds it after a power cut too: first the content, then the name.
        out.sync_all()?;
        drop(out);
        let finished = self.dir.join(&file.name);
        let named = fs::rename(&unfinished, &finished).and_then(|()| sync_dir(&self.dir));
        if named.is_err() {
            // It will be tried again, and there shall not be two of it then.
            fs::remove_file(&finished).ok();
        }
        named?;
        known.insert(file.known_as.clone());
        Ok(())
    }

    fn knows_any(&self, keys: &[String]) -> io::Result<bool> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.known(&mut written)?;
        Ok(keys.iter().any(|key| known.contains(key)))
    }

    fn known<'a>(
        &self,
        written: &'a mut Option<HashSet<String>>,
    ) -> io::Result<&'a mut HashSet<String>> {
        if written.is_none() {
            if !self.dir.is_dir() {
                fs::create_dir_all(&self.dir)?;
                sync_dir(self.dir.parent().unwrap_or(&self.dir))?;
            }
            // A process that was killed may have left a name that is not synced.
            sync_dir(&self.dir)?;
            *written = Some(read_known(&self.dir)?);
        }
        Ok(written.get_or_insert_default())
    }
}

/// Makes the names in a directory last.
fn sync_dir(dir: &Path) -> io::Result<()> {
    // The parent of a plain name is empty, and means where the process is.
    let dir = if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    };
    File::open(dir)?.sync_all()
}

/// `CHANNEL-KEY` of every finished file.
fn read_known(dir: &Path) -> io::Result<HashSet<String>> {
    let mut known = HashSet::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let finished = name.to_str().filter(|name| !name.starts_with('.'));
        let named = finished.and_then(|name| {
            let (_, rest) = name.split_once('-')?;
            Some(rest.rsplit_once('.')?.0.to_owned())
        });
        known.extend(named);
    }
    Ok(known)
}

fn known_as(channel: Channel, key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let key: String = key
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    format!("{channel}-{key}")
}

struct FileToWrite {
    name: String,
    known_as: String,
    content: String,
}

impl FileToWrite {
    fn of(message: &Message, context: &SendContext) -> Self {
        let time = context.now.to_rfc3339(&Zone::utc());
        let seconds = time.split(['.', 'Z', '+']).next().unwrap_or_default();
        let time: String = seconds
            .chars()
            .filter(|c| !matches!(c, '-' | ':'))
            .collect();
        let known_as = known_as(message.channel, &context.idempotency_key);
        let (ending, content) = match message.channel {
            Channel::Mail => ("eml", mail(message, context)),
            Channel::Sms => ("txt", sms(message, context)),
            Channel::Person => ("txt", task(message, context)),
            _ => ("json", robot(message, context)),
        };
        Self {
            name: format!("{time}Z-{known_as}.{ending}"),
            known_as,
            content,
        }
    }
}

/// A mail any mail program opens and any person reads: UTF-8 headers (RFC 6532), the plain text only.
fn mail(message: &Message, context: &SendContext) -> String {
    let to = message.recipient.address.mail().unwrap_or("-");
    let headers = format!(
        "To: {} <{}>\nSubject: {}\nDate: {}\nMessage-ID: <{}@qixian.invalid>\nMIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\nAuto-Submitted: auto-generated\n",
        one_line(&message.recipient.name),
        one_line(to),
        one_line(&message.subject),
        mail_date(context),
        context.idempotency_key,
    );
    format!("{headers}{}\n{}\n", own_headers(message), message.text)
}

fn mail_date(context: &SendContext) -> String {
    let millis = u64::try_from(context.now.as_millis()).unwrap_or_default();
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_millis(millis);
    let mut headers = Headers::new();
    headers.set(Date::new(at));
    headers.get_raw("Date").unwrap_or_default().to_owned()
}

fn sms(message: &Message, _context: &SendContext) -> String {
    let to = match &message.recipient.address {
        Address::Mobile(number) => number.as_str(),
        _ => "-",
    };
    let length = sms_segments(&message.text);
    format!(
        "To: {} {}\nX-Length: {} units, {} segments\n{}\n{}\n",
        one_line(to),
        one_line(&message.recipient.name),
        length.units,
        length.segments,
        own_headers(message),
        message.text
    )
}

fn task(message: &Message, _context: &SendContext) -> String {
    let name = one_line(&message.recipient.name);
    format!(
        "For: {} {name}\nSubject: {}\n{}\n{}\n",
        message.recipient.role,
        one_line(&message.subject),
        own_headers(message),
        message.text
    )
}

fn robot(message: &Message, context: &SendContext) -> String {
    let robot = match &message.recipient.address {
        Address::Robot(name) => name.as_str(),
        _ => "-",
    };
    let value = serde_json::json!({
        "robot": robot,
        "channel": message.channel.name(),
        "subject": message.subject,
        "text": message.text,
        "case": message.case,
        "template": message.template,
        "urgent": message.urgent,
        "key": context.idempotency_key,
    });
    format!("{value:#}\n")
}

fn own_headers(message: &Message) -> String {
    format!(
        "X-Qixian-Message: {}\nX-Qixian-Role: {}\nX-Qixian-Template: {}\nX-Qixian-Urgent: {}\n",
        message.id, message.recipient.role, message.template, message.urgent
    )
}

/// Header values come from people: no line break may start another header.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control())
        .collect::<Vec<_>>()
        .join(" ")
}
