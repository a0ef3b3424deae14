//! What stands around the API: its description, health, metrics, methods, tokens.

use std::path::Path;

use qixian_daemon::auth::Tokens;
use qixian_time::{Clock, SystemClock};

use crate::start::{fresh, gansu};

/// `QIXIAN_BLESS=1` writes the file anew; read the difference before committing it.
#[test]
fn the_description_of_the_api_is_the_one_that_was_reviewed() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/openapi.json");
    let described = qixian_daemon::description() + "\n";
    if std::env::var_os("QIXIAN_BLESS").is_some() {
        std::fs::write(&golden, &described).expect("written");
    }
    let reviewed = std::fs::read_to_string(&golden).expect("a reviewed description");
    assert!(
        described == reviewed,
        "the API changed; run with QIXIAN_BLESS=1 and review tests/golden/openapi.json"
    );
}

#[test]
fn health_metrics_and_methods() {
    let (_dir, daemon) = fresh();
    let open = [("authorization", "")];
    assert_eq!(daemon.ask("GET", "/livez", &open, "").status, 200);
    assert_eq!(daemon.ask("GET", "/readyz", &open, "").status, 200);
    let metrics = daemon.ask("GET", "/metrics", &open, "");
    assert!(
        metrics
            .body
            .as_str()
            .is_some_and(|text| text.contains("# TYPE qixian_events_total counter")),
        "{metrics:?}"
    );
    let described = daemon.ask("GET", "/api/v1/openapi.json", &open, "");
    assert!(described.body["paths"]["/api/v1/cases"]["post"].is_object());
    let options = daemon.ask("OPTIONS", "/api/v1/cases", &open, "");
    assert_eq!(options.status, 204);
    assert!(options.header("allow").contains("POST"), "{options:?}");
    assert_eq!(daemon.ask("HEAD", "/livez", &open, "").status, 200);
}

#[test]
fn workflows_and_calendars_can_be_read() {
    let (_dir, daemon) = fresh();
    let workflow = daemon.get("/workflows/first-filing").body;
    assert_eq!(workflow["initial"], "collecting", "{workflow}");
    assert_eq!(daemon.get("/workflows/no-such").status, 404);
    let year = daemon.get("/calendar/cn/2026").body;
    assert_eq!(year["working_days"], 248, "{year}");
}

#[test]
fn tokens_take_effect_and_end_while_it_runs() {
    let (dir, daemon) = fresh();
    let tokens = Tokens::of(dir.path());
    let roles = ["reader".to_owned()];
    let token = tokens
        .create("auditor", &roles, SystemClock.now())
        .expect("made");
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(daemon.ask("GET", "/api/v1/cases", &headers, "").status, 200);
    let refused = daemon.post("/cases", &headers, &gansu());
    assert_eq!(refused.status, 403, "{refused:?}");
    tokens.revoke("auditor").expect("revoked");
    assert_eq!(daemon.ask("GET", "/api/v1/cases", &headers, "").status, 401);
}
