//! Where a measurement happens: a temporary directory beside the data directory, with a configuration of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use qixian_daemon::{Loaded, Settings};
use tempfile::TempDir;

use super::Where;
use crate::args::ConfigArgs;
use crate::failure::Failure;
use crate::local;

/// The workflow that is measured with.
pub(super) const WORKFLOW: &str = "bench";
/// A round that only tries whether it runs.
const TRIAL: Duration = Duration::from_millis(60);
/// The directory of the usual configuration, and the file in each.
const CONFIG: &str = "config";
const FILE: &str = "qixian.toml";
/// Somebody must be there to be reminded.
const STAFF: &str =
    "[[staff]]\nname = \"小周\"\nroles = [\"handler\"]\nemail = \"handler@agency.example\"\n";

/// The directory and what was loaded from it. It is removed at the end.
pub(super) struct Place {
    dir: TempDir,
    /// How long a round is.
    pub(super) round: Duration,
    /// The settings in force there.
    pub(super) settings: Settings,
    /// Definitions, the bench's workflow among them.
    pub(super) loaded: Loaded,
}

impl Place {
    /// Makes it.
    pub(super) fn new(args: &Where) -> Result<Self, Failure> {
        let dir = tempfile::Builder::new()
            .prefix("qixian-bench-")
            .tempdir_in(base(args)?)
            .map_err(failed)?;
        let config = write_config(&dir.path().join(CONFIG), "").map_err(failed)?;
        let config = ConfigArgs {
            config: Some(config),
        };
        let settings = local::settings(&config, Vec::new())?;
        let loaded = local::loaded(&settings)?;
        let round = match args.seconds {
            0 => TRIAL,
            seconds => Duration::from_secs(seconds),
        };
        Ok(Self {
            dir,
            round,
            settings,
            loaded,
        })
    }

    /// `length`, unless this is only a trial.
    pub(super) fn at_most(&self, length: Duration) -> Duration {
        match self.round == TRIAL {
            true => TRIAL.min(length),
            false => length,
        }
    }

    /// The directory.
    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The configuration file, for a daemon.
    pub(super) fn config(&self) -> PathBuf {
        self.path().join(CONFIG).join(FILE)
    }

    /// Writes another configuration file, with these settings beside the usual ones, into a directory of this name.
    pub(super) fn other_config(&self, name: &str, settings: &str) -> Result<PathBuf, Failure> {
        write_config(&self.path().join(name), settings).map_err(failed)
    }
}

/// The disk to measure: that of `--dir`, else of the data directory or the one above it.
fn base(args: &Where) -> Result<PathBuf, Failure> {
    if let Some(dir) = &args.dir {
        return Ok(dir.clone());
    }
    let data = local::settings(&args.config, Vec::new())?.data;
    let above = data.parent().filter(|dir| dir.is_dir());
    Ok(match data.is_dir() {
        true => data,
        false => above.unwrap_or(Path::new(".")).to_owned(),
    })
}

fn write_config(dir: &Path, settings: &str) -> std::io::Result<PathBuf> {
    let workflows = dir.join("workflows");
    fs::create_dir_all(&workflows)?;
    fs::write(workflows.join("bench.toml"), include_str!("bench.toml"))?;
    let file = dir.join(FILE);
    fs::write(&file, format!("{settings}{STAFF}"))?;
    Ok(file)
}

/// Why nothing could be measured.
pub(super) fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::refused(
        format!("无法测量：{error}"),
        format!("cannot measure: {error}"),
    )
}
