//! Log lines: key and value, one event name each, on standard error.

use tracing_subscriber::EnvFilter;

/// Starts logging at `level` and above; `RUST_LOG` overrides it. A second call does nothing.
pub fn start(level: &str, json: bool) {
    // Libraries speak up only when something is wrong.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| own_crates(level));
    let logger = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // Whoever embeds the daemon may have started logging already.
    match json {
        true => logger.json().try_init().ok(),
        false => logger.with_ansi(false).try_init().ok(),
    };
}

fn own_crates(level: &str) -> EnvFilter {
    let own = ["daemon", "engine", "notify", "store", "store_sled"];
    let own = own.map(|name| format!("qixian_{name}={level}")).join(",");
    EnvFilter::new(format!("warn,{own}"))
}
