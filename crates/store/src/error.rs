//! What can go wrong with a store, by what the caller can do about it.

use std::time::Duration;

use qixian_core::Words;

/// An error of a store. Codes are listed in `docs/errors.md`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// ST0001: another process has the directory open.
    #[error("ST0001: the data directory {dir} is in use by another process; stop that one first")]
    InUse {
        /// The directory.
        dir: String,
    },
    /// ST0002: the directory was written by a newer version.
    #[error(
        "ST0002: the data directory has format {found}; this version reads up to {known}: use a newer qixian"
    )]
    NewerFormat {
        /// What it has.
        found: u32,
        /// What this version knows.
        known: u32,
    },
    /// ST0003: a record does not read back: damaged or unknown.
    #[error("ST0003: record {key} cannot be read: {reason}")]
    Damaged {
        /// The record's key, printable.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// ST0004: the directory cannot be used (not writable, no space, not a directory).
    #[error("ST0004: the data directory {dir} cannot be used: {reason}")]
    Unusable {
        /// The directory.
        dir: String,
        /// What the system said.
        reason: String,
    },
    /// ST0005: the backend failed.
    #[error("ST0005: the store failed: {0}")]
    Backend(String),
    /// ST0006: a cursor that this store did not give out.
    #[error("ST0006: the cursor is not one that was given out")]
    BadCursor,
    /// ST0007: a record is larger than the store takes.
    #[error("ST0007: {what} has {size} bytes; at most {limit} are taken")]
    TooLarge {
        /// What it is.
        what: String,
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// ST0008: a file to import does not hold what an export writes.
    #[error("ST0008: line {line} of the file cannot be taken: {reason}")]
    BadLine {
        /// Its number, 1 for the first.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// ST0009: the directory holds an older state than the one acknowledged: what was written last is damaged or missing.
    #[error(
        "ST0009: {file} holds the writes up to number {found}, but number {expected} was acknowledged: what was written last is damaged or missing; {}",
        KEEP
    )]
    Lost {
        /// The file that should hold them.
        file: String,
        /// The number of the last batch of writes in it.
        found: u64,
        /// The number of the last batch that was acknowledged.
        expected: u64,
    },
    /// ST0010: nobody can say whether the directory holds all that was acknowledged.
    #[error(
        "ST0010: {file} is {}, so nobody can say whether the last writes are there; put back the file that belongs to this directory. Otherwise: {}",
        if *damaged { "damaged" } else { "missing" },
        KEEP
    )]
    Uncounted {
        /// The file that counts what was acknowledged.
        file: String,
        /// Whether it is there, but does not read back.
        damaged: bool,
    },
    /// ST0011: the disk has no room.
    #[error(
        "ST0011: the disk has no room left ({reason}); make room, or raise the limit that it says, then start again"
    )]
    Full {
        /// What the system said.
        reason: String,
    },
    /// ST0012: the disk takes nothing any more.
    #[error(
        "ST0012: the disk did not take what was written to {dir} within {} s ([store] flush_limit_seconds); look at the disk, then start again",
        limit.as_secs_f32()
    )]
    Stuck {
        /// The store's directory.
        dir: String,
        /// How long was waited.
        limit: Duration,
    },
}

/// What to do about a directory that is not opened.
const KEEP: &str = "it is not served. Keep a copy of the directory, then restore a backup; \
or save what is intact with `qixian store export` and import it into a new directory";

impl Error {
    /// It in both languages, the code in front.
    pub fn words(&self) -> Words {
        let keep = "因此不提供服务。先留一份目录的副本，再恢复备份；或者用 qixian store export 保存完好的部分，装入新目录";
        let zh = match self {
            Error::InUse { dir } => {
                format!("ST0001：{dir} 正被另一个进程使用；先停下守护进程")
            }
            Error::NewerFormat { found, known } => {
                format!("ST0002：数据格式为 {found}，本版本只认识到 {known}；请用更新的 qixian")
            }
            Error::Damaged { key, reason } => format!("ST0003：读不出 {key}：{reason}"),
            Error::Unusable { dir, reason } => format!("ST0004：不能使用 {dir}：{reason}"),
            Error::Backend(reason) => format!("ST0005：存储出错：{reason}"),
            Error::BadCursor => "ST0006：这个 cursor 不是本服务给出的".to_owned(),
            Error::TooLarge { what, size, limit } => {
                format!("ST0007：{what} 有 {size} 字节，最多 {limit}")
            }
            Error::BadLine { line, reason } => format!("ST0008：第 {line} 行不能用：{reason}"),
            Error::Lost {
                file,
                found,
                expected,
            } => format!(
                "ST0009：{file} 里只有到第 {found} 批的写入，而已确认到第 {expected} 批：最后写的损坏或不见了；{keep}"
            ),
            Error::Uncounted { file, damaged } => {
                let how = if *damaged { "损坏了" } else { "不见了" };
                format!(
                    "ST0010：{file} {how}，无法判断最后的写入是否还在；放回属于这个目录的那一份。否则：{keep}"
                )
            }
            Error::Full { reason } => {
                format!("ST0011：磁盘没有空间了（{reason}）；腾出空间或放宽所说的限制，再启动")
            }
            Error::Stuck { dir, limit } => format!(
                "ST0012：磁盘在 {} 秒内（[store] flush_limit_seconds）没有收下写到 {dir} 的内容；查看磁盘，再启动",
                limit.as_secs_f32()
            ),
        };
        Words::new(zh, self.to_string())
    }
}
