//! Tokens: who may call, as whom. Only their SHA-256 is kept, but for the admin token's own file.
//!
//! `tokens.json` in the data directory (mode 0600) lists them. The running daemon looks at the file's time of change at
//! each request, so that `qixian token create` and `revoke` take effect at once.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use qixian_core::{Actor, Words};
use qixian_time::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The roles a token may carry.
pub const ROLES: [&str; 4] = ["admin", "lead", "handler", "reader"];

const LIST: &str = "tokens.json";
const ADMIN: &str = "admin.token";
const SCHEMA: u32 = 1;

/// One token as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenEntry {
    /// Its name, under which its holder's doings stand in the journal.
    pub name: String,
    /// What it may do ([`ROLES`]).
    pub roles: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// SHA-256 of the token, lower-case hex.
    hash: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct TokenFile {
    schema: u32,
    tokens: Vec<TokenEntry>,
}

/// Whether an actor works with the cases' people, and so sees how to reach them; others see them masked.
pub fn sees_people(actor: &Actor) -> bool {
    let works = ["admin", "lead", "handler"];
    actor
        .roles
        .iter()
        .any(|role| works.contains(&role.as_str()))
}

/// Why tokens cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read or written.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The name is taken.
    #[error("there is a token named `{0}` already")]
    Taken(String),
    /// There is none of this name.
    #[error("there is no token named `{0}`")]
    Unknown(String),
    /// The admin token is not taken back by its name: its file would bring it again.
    #[error(
        "the admin token lives in admin.token: stop the daemon, delete that file and start again; the old one is void then"
    )]
    Admin,
    /// A role that does not exist.
    #[error("`{0}` is no role; expected admin, lead, handler or reader")]
    Role(String),
}

impl Error {
    /// It in both languages.
    pub fn words(&self) -> Words {
        let zh = match self {
            Self::Taken(name) => format!("已有名为“{name}”的令牌"),
            Self::Unknown(name) => format!("没有名为“{name}”的令牌"),
            Self::Admin => {
                "管理令牌在 admin.token 里：停下守护进程，删掉这个文件再启动，旧的就失效".to_owned()
            }
            Self::Role(role) => format!("“{role}”不是角色，应为 {}", ROLES.join("、")),
            Self::File { path, source } => format!("无法使用 {}：{source}", path.display()),
        };
        Words::new(zh, self.to_string())
    }
}

/// Who calls.
#[derive(Clone, Debug)]
pub struct Holder {
    /// Name and roles, as the engine knows them.
    pub actor: Actor,
    /// The token's hash: idempotency keys are scoped by it.
    pub scope: String,
}

/// What tells one state of the file from another: each change makes a new file.
type Stamp = (Option<SystemTime>, u64, u64);

/// The tokens of a data directory.
#[derive(Debug)]
pub struct Tokens {
    dir: PathBuf,
    cached: Mutex<(Option<Stamp>, Vec<TokenEntry>)>,
}

impl Tokens {
    /// The tokens of `dir`; nothing is read yet.
    pub fn of(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            cached: Mutex::default(),
        }
    }

    /// Makes the admin token unless there is one.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn ensure_admin(&self, now: Timestamp) -> Result<(), Error> {
        let path = self.dir.join(ADMIN);
        let token = match fs::read_to_string(&path) {
            Ok(text) if text.trim().len() >= 32 => text.trim().to_owned(),
            _ => {
                let token = new_token().map_err(|source| Error::File {
                    path: path.clone(),
                    source,
                })?;
                write_private(&path, format!("{token}\n").as_bytes())?;
                token
            }
        };
        let mut file = self.read()?;
        let entry = entry("admin", &["admin".to_owned()], &token, now);
        if !file.tokens.iter().any(|known| known.hash == entry.hash) {
            file.tokens.retain(|known| known.name != "admin");
            file.tokens.insert(0, entry);
            self.write(&file)?;
        }
        Ok(())
    }

    /// Makes a token and answers it; it cannot be read again.
    ///
    /// # Errors
    /// [`Error::Taken`], [`Error::Role`], or when the file cannot be written.
    pub fn create(&self, name: &str, roles: &[String], now: Timestamp) -> Result<String, Error> {
        if let Some(role) = roles.iter().find(|role| !ROLES.contains(&role.as_str())) {
            return Err(Error::Role(role.clone()));
        }
        let mut file = self.read()?;
        if file.tokens.iter().any(|known| known.name == name) {
            return Err(Error::Taken(name.to_owned()));
        }
        let token = new_token().map_err(|source| self.error(source))?;
        file.tokens.push(entry(name, roles, &token, now));
        self.write(&file)?;
        Ok(token)
    }

    /// Every token, in the order they were made.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn list(&self) -> Result<Vec<TokenEntry>, Error> {
        Ok(self.read()?.tokens)
    }

    /// Takes a token back.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Admin`], or when the file cannot be written.
    pub fn revoke(&self, name: &str) -> Result<(), Error> {
        if name == "admin" {
            return Err(Error::Admin);
        }
        let mut file = self.read()?;
        let before = file.tokens.len();
        file.tokens.retain(|known| known.name != name);
        if file.tokens.len() == before {
            return Err(Error::Unknown(name.to_owned()));
        }
        self.write(&file)
    }

    /// Who holds `token`; `None` when nobody does. Every known hash is compared, in constant time each.
    pub fn holder(&self, token: &str) -> Option<Holder> {
        let hash = hash(token);
        let mut found = None;
        for known in self.current() {
            if bool::from(known.hash.as_bytes().ct_eq(hash.as_bytes())) {
                found = Some(known);
            }
        }
        found.map(|entry| Holder {
            actor: Actor {
                name: entry.name,
                roles: entry.roles,
            },
            scope: entry.hash,
        })
    }

    /// The entries as the file says now.
    fn current(&self) -> Vec<TokenEntry> {
        let changed = fs::metadata(self.path()).ok().map(|meta| stamp(&meta));
        let Ok(mut cached) = self.cached.lock() else {
            return Vec::new();
        };
        if cached.0 != changed || changed.is_none() {
            match self.read() {
                Ok(file) => *cached = (changed, file.tokens),
                Err(error) => tracing::error!(event = "tokens_unreadable", %error),
            }
        }
        cached.1.clone()
    }

    fn path(&self) -> PathBuf {
        self.dir.join(LIST)
    }

    fn error(&self, source: io::Error) -> Error {
        Error::File {
            path: self.path(),
            source,
        }
    }

    fn read(&self) -> Result<TokenFile, Error> {
        match fs::read(self.path()) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|error| self.error(io::Error::other(error)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(TokenFile::default()),
            Err(error) => Err(self.error(error)),
        }
    }

    fn write(&self, file: &TokenFile) -> Result<(), Error> {
        let file = TokenFile {
            schema: SCHEMA,
            tokens: file.tokens.clone(),
        };
        let text = serde_json::to_vec_pretty(&file)
            .map_err(|error| self.error(io::Error::other(error)))?;
        write_private(&self.path(), &text)
    }
}

fn stamp(meta: &fs::Metadata) -> Stamp {
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(meta);
    #[cfg(not(unix))]
    let inode = 0;
    (meta.modified().ok(), meta.len(), inode)
}

/// The admin token of a data directory, for commands on the daemon's own machine.
pub fn admin_token(dir: &Path) -> Option<String> {
    let text = fs::read_to_string(dir.join(ADMIN)).ok()?;
    Some(text.trim().to_owned()).filter(|token| !token.is_empty())
}

fn entry(name: &str, roles: &[String], token: &str, now: Timestamp) -> TokenEntry {
    TokenEntry {
        name: name.to_owned(),
        roles: roles.to_vec(),
        created_at: now,
        hash: hash(token),
    }
}

/// 32 random bytes in hex, after `qx_` so that scanners know it.
fn new_token() -> io::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(format!("qx_{}", hex(&bytes)))
}

fn hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    // Every request hashes its token: no allocation for each byte.
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |four: u8| char::from(DIGITS[usize::from(four)]);
    let pairs = bytes.iter().map(|byte| [byte >> 4, byte & 15]);
    pairs.flatten().map(digit).collect()
}

/// Writes a file only its owner can read, all or nothing.
fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let write = || {
        let beside = path.with_extension("new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file: File = options.open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        // The new name lasts once its directory does: a power cut must not bring back a token that was taken back, nor
        // forget the one under which a request is asked again.
        match path.parent() {
            Some(dir) => File::open(dir)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_as_two_digits_each() {
        assert_eq!(hex(&[0x00, 0x0f, 0xa9, 0xff]), "000fa9ff");
    }

    #[test]
    fn tokens_come_and_go_while_in_use() {
        let dir = tempfile::tempdir().expect("a directory");
        let (tokens, elsewhere) = (Tokens::of(dir.path()), Tokens::of(dir.path()));
        let now = Timestamp::from_millis(0);
        tokens.ensure_admin(now).expect("made");
        let admin = admin_token(dir.path()).expect("a file");
        assert_eq!(
            tokens.holder(&admin).map(|h| h.actor.name),
            Some("admin".to_owned())
        );
        assert!(tokens.holder("qx_guess").is_none());

        let token = elsewhere
            .create("wang", &["handler".to_owned()], now)
            .expect("made");
        assert!(
            tokens
                .holder(&token)
                .is_some_and(|h| h.actor.may_as("handler"))
        );
        assert!(matches!(
            tokens.create("wang", &[], now),
            Err(Error::Taken(_))
        ));
        assert!(matches!(
            tokens.create("li", &["boss".to_owned()], now),
            Err(Error::Role(_))
        ));
        elsewhere.revoke("wang").expect("revoked");
        assert!(matches!(elsewhere.revoke("wang"), Err(Error::Unknown(_))));
        assert!(matches!(elsewhere.revoke("admin"), Err(Error::Admin)));
        let kept = fs::read_to_string(dir.path().join(LIST)).expect("a file");
        assert!(
            !kept.contains(&token) && !kept.contains(&admin),
            "only hashes are kept"
        );
    }

    #[test]
    fn the_admin_token_survives_a_restart() {
        let dir = tempfile::tempdir().expect("a directory");
        let now = Timestamp::from_millis(0);
        Tokens::of(dir.path()).ensure_admin(now).expect("made");
        let first = admin_token(dir.path());
        Tokens::of(dir.path()).ensure_admin(now).expect("kept");
        assert_eq!(admin_token(dir.path()), first);
        assert_eq!(Tokens::of(dir.path()).list().expect("read").len(), 1);
    }
}
