//! Of which format the rows are, and how older ones become the present one.
//!
//! | format | what changed |
//! | --- | --- |
//! | 1 | the first one |
//! | 2 | batches are numbered ([`keys::BATCHES`], the file `durable`); a program that does not count them must not write |
//!
//! Before anything changes, all records are exported. A step may be ended at any moment and is then done again: the rows of
//! a format are complete once its number stands under [`keys::FORMAT`].

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use qixian_store::kv::Changes;
use qixian_store::kv::dump::{About, Apply, Finding, export};
use qixian_store::time::{Clock, SystemClock};
use qixian_store::{Error, codec, keys};

use crate::open::unusable;
use crate::space::FreeSpace;

/// The format of the rows that this version writes.
pub(crate) const FORMAT: u32 = 2;

/// An upgrade that was done when a store was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgraded {
    /// The format it had.
    pub from: u32,
    /// The format it has.
    pub to: u32,
    /// What was written out before; `None` where an earlier start had done that and the file is gone.
    pub export: Option<PathBuf>,
}

/// From one format to the next.
pub(crate) struct Step<R> {
    /// The format it takes.
    pub(crate) from: u32,
    /// Changes rows, at most some hundred at once. What it did before it was ended must not harm when it is done again.
    pub(crate) run: fn(&R) -> Result<(), Error>,
}

/// Every step, in order.
pub(crate) fn steps<R: Apply>() -> Vec<Step<R>> {
    vec![Step {
        from: 1,
        run: number_batches,
    }]
}

/// From 1 to 2: the count begins, and the count of clean closes ends.
fn number_batches<R: Apply>(rows: &R) -> Result<(), Error> {
    let first = codec::encode(keys::BATCHES, &0_u64)?;
    rows.apply(Changes::from([
        (keys::BATCHES.to_vec(), Some(first)),
        (keys::CLOSINGS.to_vec(), None),
    ]))
}

/// Brings rows of format `from` to the format after the last step. `sync` makes durable what was applied.
///
/// # Errors
/// Whatever the export or the backend says. Where the export fails, nothing was changed.
pub(crate) fn upgrade<R: Apply>(
    rows: &R,
    from: u32,
    steps: &[Step<R>],
    exports: &Path,
    sync: impl Fn() -> Result<(), Error>,
) -> Result<Upgraded, Error> {
    let to = steps.last().map_or(from, |step| step.from + 1);
    let put = |key: &[u8], row: Vec<u8>| (key.to_vec(), Some(row));
    let begun = match rows.get(keys::UPGRADING)? {
        Some(row) => codec::decode::<u64>(keys::UPGRADING, &row)? == u64::from(to),
        None => false,
    };
    tracing::info!(event = "store_upgrade_begun", from, to, again = begun);
    let written = match begun {
        // What is in the rows now may be of both formats; the export of the first try is the one to keep.
        true => last_export(exports, to),
        false => Some(write_export(rows, exports, to)?),
    };
    if !begun {
        let row = codec::encode(keys::UPGRADING, &u64::from(to))?;
        rows.apply([put(keys::UPGRADING, row)].into())?;
        sync()?;
    }
    for step in steps.iter().filter(|step| step.from >= from) {
        (step.run)(rows)?;
        // Its rows first: the number says that they are all there.
        sync()?;
        let row = codec::encode(keys::FORMAT, &(step.from + 1))?;
        let mut changes = Changes::from([put(keys::FORMAT, row)]);
        if step.from + 1 == to {
            changes.insert(keys::UPGRADING.to_vec(), None);
        }
        rows.apply(changes)?;
        sync()?;
    }
    let file = written.as_ref().map(|path| path.display().to_string());
    tracing::info!(event = "store_upgraded", from, to, export = file);
    Ok(Upgraded {
        from,
        to,
        export: written,
    })
}

/// Where an export grows: one name, so that a start that is ended again and again leaves one file.
fn partial(dir: &Path, to: u32) -> PathBuf {
    dir.join(format!("{}unfinished.jsonl.partial", prefix(to)))
}

/// Refuses where the export might fill the disk: it is seldom larger than sled's file.
///
/// # Errors
/// [`Error::Unusable`], and whatever the rows say.
pub(crate) fn check_room<R: Apply>(
    rows: &R,
    to: u32,
    exports: &Path,
    needed: u64,
    space: &dyn FreeSpace,
) -> Result<(), Error> {
    if rows.get(keys::UPGRADING)?.is_some() {
        // The export is there.
        return Ok(());
    }
    // Nobody can say is no reason to stop, as everywhere.
    let Ok(free) = space.free(exports) else {
        return Ok(());
    };
    let unfinished = fs::metadata(partial(exports, to)).map_or(0, |file| file.len());
    if free.saturating_add(unfinished) >= needed {
        return Ok(());
    }
    let reason = format!(
        "the upgrade begins with an export, for which {needed} bytes must be free there, and {free} are; nothing was changed"
    );
    Err(unusable(
        exports,
        &io::Error::new(io::ErrorKind::StorageFull, reason),
    ))
}

fn prefix(to: u32) -> String {
    format!("before-format-{to}-")
}

/// Writes every record beside, under a name that appears once all of it is durable.
fn write_export<R: Apply>(rows: &R, dir: &Path, to: u32) -> Result<PathBuf, Error> {
    let now = SystemClock.now();
    let about = About {
        version: env!("CARGO_PKG_VERSION"),
        exported_at: now,
    };
    let digits = now.to_string();
    let digits = digits.split('.').next().unwrap_or_default();
    let time: String = digits
        .chars()
        .filter(|c| c.is_ascii_alphanumeric())
        .collect();
    let time = time.trim_end_matches('Z');
    let file = dir.join(format!("{}{time}Z.jsonl", prefix(to)));
    let partial = partial(dir, to);
    let mut tell = |finding: Finding| {
        let Finding { key, what, .. } = finding;
        tracing::warn!(event = "store_upgrade_left_out", key, what);
    };
    let written = File::create(&partial).and_then(|target| {
        let mut target = BufWriter::new(target);
        export(rows, &mut target, &about, &mut tell)?;
        target.into_inner()?.sync_all()?;
        fs::rename(&partial, &file)?;
        File::open(dir)?.sync_all()
    });
    if let Err(error) = written {
        fs::remove_file(&partial).ok();
        let reason = format!("the export before the upgrade failed, nothing was changed: {error}");
        return Err(unusable(dir, &io::Error::new(error.kind(), reason)));
    }
    Ok(file)
}

fn last_export(dir: &Path, to: u32) -> Option<PathBuf> {
    let entries = fs::read_dir(dir).ok()?.filter_map(Result::ok);
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let last = names.filter(|name| name.starts_with(&prefix(to)) && name.ends_with(".jsonl"));
    last.max().map(|name| dir.join(name))
}
