//! The order of the crates, as data. ARCHITECTURE.md tells it in prose.

/// One crate: its rank and what it may use. A crate uses only crates of lower ranks.
pub(crate) struct Row {
    pub(crate) rank: u8,
    /// Directory name; the package is `qixian-` and this.
    pub(crate) name: &'static str,
    pub(crate) uses: Uses,
}

/// Which of the lower crates a crate may name in `[dependencies]`.
pub(crate) enum Uses {
    Only(&'static [&'static str]),
    AllBut(&'static [&'static str]),
}

use Uses::{AllBut, Only};

const fn row(rank: u8, name: &'static str, uses: Uses) -> Row {
    Row { rank, name, uses }
}

/// Rows may stand here before their crates exist.
pub(crate) const CRATES: &[Row] = &[
    row(0, "time", Only(&[])),
    row(0, "plugin-abi", Only(&[])),
    row(1, "core", Only(&["time"])),
    row(1, "plugin-sdk", Only(&["plugin-abi"])),
    row(1, "plugin-runner", Only(&["plugin-abi"])),
    row(2, "workflow", Only(&["core", "time"])),
    row(2, "store", Only(&["core", "time"])),
    row(2, "notify", Only(&["core", "time"])),
    row(2, "icp", Only(&["core", "time"])),
    row(3, "store-sled", Only(&["store"])),
    row(3, "store-postgres", Only(&["store"])),
    row(3, "plugin-host", Only(&["plugin-abi", "notify"])),
    row(
        4,
        "engine",
        Only(&["core", "time", "workflow", "store", "notify"]),
    ),
    row(
        5,
        "sim",
        AllBut(&["icp", "plugin-sdk", "plugin-runner", "plugin-host"]),
    ),
    row(5, "api", Only(&[])),
    row(6, "daemon", AllBut(&["sim", "plugin-sdk", "plugin-runner"])),
    row(7, "cli", AllBut(&["sim", "plugin-sdk"])),
];

/// Outside libraries with one home, so that they can be replaced, and so that pure crates stay pure.
pub(crate) const HOMES: &[(&str, &[&str])] = &[
    ("axum", &["daemon"]),
    ("cel", &["core"]),
    ("chrono", &["time"]),
    ("cron", &["time"]),
    ("jiff", &["time"]),
    ("lettre", &["notify"]),
    ("libloading", &["plugin-runner"]),
    ("sled", &["store-sled"]),
    ("ureq", &["api", "plugin-sdk", "daemon"]),
];

/// Crates that know no async, and the libraries that would bring it.
pub(crate) const PURE: &[&str] = &["time", "core", "workflow", "icp"];
pub(crate) const ASYNC_LIBRARIES: &[&str] = &["async-trait", "futures-util", "pollster", "tokio"];

/// Crates whose job is the C boundary. All others forbid unsafe code.
pub(crate) const UNSAFE_CRATES: &[&str] = &["plugin-abi", "plugin-sdk", "plugin-runner"];
