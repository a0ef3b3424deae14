//! `qixian store export` and `import`.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use qixian_daemon::Settings;
use qixian_store::kv::dump::{self, About, Exported, Finding, verify};
use qixian_store_sled::Offline;
use qixian_time::{Clock, SystemClock};
use serde_json::json;

use super::{failed, open, options, sentence, told};
use crate::failure::Failure;
use crate::files;
use crate::out::Out;

/// Writes what is intact; what is not is told on standard error. Where the store would not be served, that is said too.
pub(super) fn export(out: &Out, settings: &Settings, file: &Path) -> Result<(), Failure> {
    let to_stdout = file.as_os_str() == "-";
    if !to_stdout && file.exists() {
        let file = file.display();
        return Err(Failure::refused(
            format!("{file} 已经存在；换一个名字"),
            format!("{file} exists already; choose another name"),
        ));
    }
    let rows = Offline::open_to_save(&settings.data.join("store"), &options(settings));
    let rows = rows.map_err(failed)?;
    let complaint = rows.complaint().cloned();
    let written = match to_stdout {
        true => write(out, &rows, &mut BufWriter::new(io::stdout().lock())),
        false => write_file(out, &rows, file),
    };
    let done = written.map_err(|error| files::bad(file, &error.to_string()))?;
    rows.close().map_err(failed)?;
    if !to_stdout {
        said(out, file, &done);
    }
    match (complaint, done.left_out) {
        (Some(complaint), _) => Err(failed(complaint)),
        (None, 0) => Ok(()),
        (None, _) => Err(Failure::Told),
    }
}

fn said(out: &Out, file: &Path, done: &Exported) {
    let (counts, left_out) = (&done.counts, done.left_out);
    if out.json {
        return out.json(&json!({ "file": file, "counts": counts, "left_out": left_out }));
    }
    let (file, count) = (file.display(), counts.values().sum::<u64>());
    out.say(
        format!("已写入 {file}：{count} 条记录"),
        format!("Wrote {file}: {count} records"),
    );
    if left_out > 0 {
        out.say(
            format!("{left_out} 处读不出，没有写入"),
            format!("{left_out} could not be read and are not in it"),
        );
    }
}

/// The name appears once the file is whole.
fn write_file(out: &Out, rows: &Offline, file: &Path) -> io::Result<Exported> {
    let mut partial = file.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let written = File::create(&partial).and_then(|target| {
        let mut target = BufWriter::new(target);
        let done = write(out, rows, &mut target)?;
        target.get_ref().sync_all()?;
        fs::rename(&partial, file)?;
        Ok(done)
    });
    if written.is_err() {
        fs::remove_file(&partial).ok();
    }
    written
}

fn write(out: &Out, rows: &Offline, target: &mut impl Write) -> io::Result<Exported> {
    let about = About {
        version: env!("CARGO_PKG_VERSION"),
        exported_at: SystemClock.now(),
    };
    let mut tell = |finding: Finding| {
        let words = sentence(&finding);
        out.note(&words.zh, &words.en);
    };
    let done = dump::export(rows, target, &about, &mut tell)?;
    target.flush()?;
    Ok(done)
}

/// Builds a store of the file, then looks at all of it.
pub(super) fn import(out: &Out, settings: &Settings, file: &Path) -> Result<(), Failure> {
    let mut input: Box<dyn BufRead> = match file.as_os_str() == "-" {
        true => Box::new(io::stdin().lock()),
        false => {
            let opened = File::open(file).map_err(|error| files::bad(file, &error.to_string()))?;
            Box::new(BufReader::new(opened))
        }
    };
    let dir = settings.data.join("store");
    let imported = qixian_store_sled::import(&dir, &mut input, &options(settings));
    let imported = imported.map_err(failed)?;
    let rows = open(settings)?;
    let sum = verify(&rows, &mut |finding| told(out, &finding));
    rows.close().map_err(failed)?;
    let (counts, left_out, findings) = (&imported.counts, imported.left_out, sum.findings);
    let place = dir.display();
    match out.json {
        true => out.json_line(&json!({
            "store": dir, "counts": counts, "left_out": left_out, "findings": findings,
        })),
        false => {
            let count = counts.values().sum::<u64>();
            out.say(
                format!("已装入 {place}：{count} 条记录；其中 {findings} 个问题，导出时缺 {left_out} 处"),
                format!("{place} holds {count} records; {findings} problem(s) among them, {left_out} left out by the export"),
            );
        }
    }
    match findings + left_out {
        0 => Ok(()),
        _ => Err(Failure::Told),
    }
}
