//! A watch over a server names the filings that hang on it.

use std::fs;
use std::path::Path;

use qixian_tests::daemon::Daemon;
use qixian_time::{Clock, SystemClock, Zone};
use serde_json::{Value, json};

use crate::start::{fresh, gansu, record, text};

const DAY: i64 = 86_400_000;

/// Waits until every message of the case has its end, and answers them.
fn settled(daemon: &Daemon, case: &str) -> Vec<Value> {
    loop {
        let list = daemon.get(&format!("/cases/{case}/messages")).body;
        let items = list["items"].as_array().expect("a list").clone();
        let under_way = |m: &&Value| m["status"] == "queued" || m["status"] == "sending";
        if !items.is_empty() && !items.iter().any(|m| under_way(&m)) {
            return items;
        }
        std::thread::yield_now();
    }
}

/// The texts of the case's messages, as the folder provider wrote them.
fn texts(data: &Path, case: &str) -> String {
    let files = fs::read_dir(data.join("messages")).expect("the folder");
    let names = files.map(|file| file.expect("a file").path());
    names
        .filter(|path| path.to_string_lossy().contains(case))
        .map(|path| fs::read_to_string(path).expect("a text"))
        .collect()
}

#[test]
fn it_names_the_filing_under_review_and_is_urgent() {
    let (dir, daemon) = fresh();
    let asset = daemon.post("/assets", &[], &json!({"title": "ECS i-1"}));
    assert_eq!(asset.status, 201, "{asset:?}");
    let asset = text(&asset.body["id"]);
    let mut filing = gansu();
    filing["assets"] = json!([asset]);
    filing["reference"] = json!("ON-THE-SERVER");
    let filing = daemon.post("/cases", &[], &filing);
    let filing = text(&filing.body["id"]);
    for event in ["type_verified", "product_verified", "submitted"] {
        assert_eq!(record(&daemon, &filing, event, json!({})).status, 200);
    }
    let soon = Zone::shanghai().date_of(SystemClock.now().saturating_add_millis(5 * DAY));
    let watch = json!({
        "workflow": "server-watch",
        "title": "ECS i-1",
        "assets": [asset],
        "fields": {"server": {"expires_on": soon.to_string()}},
        "parties": [{"role": "handler", "name": "小周", "email": "zhou@agency.example"}]
    });
    let watch = daemon.post("/cases", &[], &watch);
    assert_eq!(watch.status, 201, "{watch:?}");
    let watch = text(&watch.body["id"]);
    let sent = settled(&daemon, &watch);
    assert!(sent.iter().any(|m| m["status"] == "accepted"), "{sent:?}");
    let said = texts(dir.path(), &watch);
    assert!(said.contains("ON-THE-SERVER"), "{said}");
    assert!(said.contains("X-Qixian-Urgent: true"), "{said}");
}
