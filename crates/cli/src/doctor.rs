//! `qixian doctor`: whether everything a deadline hangs on is in order.

use std::path::Path;

use clap::Args;
use qixian_api::{CaseView, MessageView, Page};
use qixian_core::Words;
use qixian_daemon::{Loaded, Settings};
use qixian_store::{Room, RoomState};
use qixian_store_sled::{FileSystem, FreeSpace};
use qixian_time::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::out::Out;
use crate::remote::{RemoteArgs, Session};

/// Free space below which it is told that nothing is kept in reserve, in bytes: the default reserve.
const NO_RESERVE_SPACE: u64 = 256 << 20;
/// Free space below which it is told, in bytes; below the reserve it is a failure.
const LITTLE_SPACE: u64 = 2 << 30;
/// How many days before its end a calendar is asked for.
const CALENDAR_DAYS: i64 = 45;

/// Which daemon.
#[derive(Debug, Args)]
#[command(after_help = "qixian doctor\nqixian doctor --data /var/lib/qixian --json")]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    remote: RemoteArgs,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Ok,
    Warn,
    Fail,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "fail",
        }
    }
}

/// One line of the answer.
struct Check {
    name: &'static str,
    level: Level,
    text: Words,
}

fn check(name: &'static str, level: Level, zh: impl Into<String>, en: impl Into<String>) -> Check {
    Check {
        name,
        level,
        text: Words::new(zh, en),
    }
}

/// Runs `qixian doctor`.
pub(crate) fn run(out: &Out, args: DoctorArgs) -> Result<(), Failure> {
    let settings = args.remote.settings()?;
    let session = args.remote.session(out)?;
    let mut checks = Vec::new();
    let reached = daemon(&session, &mut checks);
    configured(&settings, &mut checks);
    checks.push(clock());
    checks.push(space(&settings));
    if settings.data.join("admin.token").exists() {
        checks.push(token_file(&settings.data));
    }
    tell(out, &checks);
    let failed = checks.iter().any(|check| check.level == Level::Fail);
    match (reached, failed) {
        (Err(unreachable), _) => Err(unreachable),
        (Ok(()), true) => Err(Failure::Told),
        (Ok(()), false) => Ok(()),
    }
}

fn tell(out: &Out, checks: &[Check]) {
    if out.json {
        let line = |check: &Check| {
            json!({
                "name": check.name, "status": check.level.name(),
                "text": check.text.zh, "text_en": check.text.en,
            })
        };
        let worst = checks
            .iter()
            .map(|check| check.level)
            .max()
            .unwrap_or(Level::Ok);
        let checks: Vec<Value> = checks.iter().map(line).collect();
        out.json(&json!({ "status": worst.name(), "checks": checks }));
        return;
    }
    for check in checks {
        let mark = match check.level {
            Level::Ok => out.pick("正常", "ok  "),
            Level::Warn => out.pick("注意", "warn"),
            Level::Fail => out.pick("失败", "FAIL"),
        };
        out.line(format!("{mark}  {}", check.text.get(out.lang)));
    }
}

/// Whether the daemon answers, is ready, knows us, and has got rid of its messages. The error is that it does not answer.
fn daemon(session: &Session, checks: &mut Vec<Check>) -> Result<(), Failure> {
    let server = session.server().to_owned();
    if let Err(failure) = session.probe("/livez") {
        checks.push(check(
            "daemon",
            Level::Fail,
            format!("守护进程：{server} 没有应答"),
            format!("Daemon: nobody answers at {server}"),
        ));
        return Err(failure);
    }
    checks.push(check(
        "daemon",
        Level::Ok,
        format!("守护进程：{server} 在运行"),
        format!("Daemon: runs at {server}"),
    ));
    checks.push(match session.probe("/readyz") {
        Ok((200, _)) => check(
            "ready",
            Level::Ok,
            "定时：没有迟到的提醒",
            "Timers: nothing is late",
        ),
        Ok((_, text)) => {
            let detail = serde_json::from_str::<Value>(&text).ok();
            let detail = detail
                .as_ref()
                .and_then(|problem| problem["detail"].as_str());
            let detail = detail.unwrap_or(&text).to_owned();
            check(
                "ready",
                Level::Fail,
                format!("未就绪：{detail}"),
                format!("Not ready: {detail}"),
            )
        }
        Err(failure) => check(
            "ready",
            Level::Fail,
            failure.to_string(),
            failure.to_string(),
        ),
    });
    match session.get::<Page<CaseView>>("/cases?limit=1") {
        Ok(page) => {
            let due = page.items.first().and_then(|case| case.next_due_at.clone());
            let next = due
                .as_deref()
                .map_or_else(|| "–".to_owned(), crate::when::short);
            checks.push(check(
                "token",
                Level::Ok,
                format!("令牌有效；下一个期限：{next}"),
                format!("The token is good; next due: {next}"),
            ));
            checks.push(undelivered(session));
        }
        Err(failure) => checks.push(check(
            "token",
            Level::Fail,
            format!("令牌不被接受：{failure}"),
            format!("The token is refused: {failure}"),
        )),
    }
    Ok(())
}

fn undelivered(session: &Session) -> Check {
    match session.get::<Page<MessageView>>("/messages?status=dead&limit=500") {
        Ok(page) if page.items.is_empty() => check(
            "messages",
            Level::Ok,
            "消息：没有送不到的",
            "Messages: none is undeliverable",
        ),
        Ok(page) => {
            let count = page.items.len();
            check(
                "messages",
                Level::Warn,
                format!("消息：{count} 条送不到；见 qixian message list --status dead"),
                format!("Messages: {count} undeliverable; see qixian message list --status dead"),
            )
        }
        Err(failure) => check(
            "messages",
            Level::Fail,
            failure.to_string(),
            failure.to_string(),
        ),
    }
}

/// The configuration of this machine: files, calendar, rules, providers.
fn configured(settings: &Settings, checks: &mut Vec<Check>) {
    let loaded = match qixian_daemon::catalog(settings) {
        Ok(loaded) => loaded,
        Err(found) => {
            let count = found.iter().count();
            checks.push(check(
                "config",
                Level::Fail,
                format!("配置：{count} 个问题；见 qixian config check"),
                format!("Configuration: {count} problem(s); see qixian config check"),
            ));
            return;
        }
    };
    let count = loaded.workflows().count();
    checks.push(check(
        "config",
        Level::Ok,
        format!("配置：{count} 个流程，没有错误"),
        format!("Configuration: {count} workflows, no errors"),
    ));
    checks.push(calendar(settings, &loaded));
    let pack = loaded.pack(&settings.rules).unwrap_or_default();
    checks.push(check(
        "rules",
        Level::Ok,
        format!("规则包：{} 第 {} 版", pack.id, pack.version),
        format!("Rule pack: {} version {}", pack.id, pack.version),
    ));
    checks.push(providers(settings, &loaded));
}

fn calendar(settings: &Settings, loaded: &Loaded) -> Check {
    let id = &settings.calendar;
    let known = loaded
        .env
        .calendars
        .get(id)
        .and_then(|calendar| calendar.known_until());
    let Some(until) = known else {
        return check(
            "calendar",
            Level::Fail,
            format!("日历 {id}：没有数据"),
            format!("Calendar {id}: no data"),
        );
    };
    let left = settings
        .zone
        .end_of_day(until)
        .millis_since(SystemClock.now())
        / 86_400_000;
    let (zh, en) = (
        format!("日历 {id}：至 {until}，还有 {left} 天"),
        format!("Calendar {id}: known until {until}, {left} days ahead"),
    );
    match left < CALENDAR_DAYS {
        false => check("calendar", Level::Ok, zh, en),
        true => check(
            "calendar",
            Level::Warn,
            format!("{zh}；其后的工作日期限为暂定，请装入下一年的通知"),
            format!("{en}; later working-day dates are provisional: add the next year's notice"),
        ),
    }
}

fn providers(settings: &Settings, loaded: &Loaded) -> Check {
    if let Err(error) = loaded.setup(settings, &settings.data) {
        return check(
            "providers",
            Level::Fail,
            format!("通道：{error}"),
            format!("Providers: {error}"),
        );
    }
    let kinds: Vec<String> = settings
        .shown()
        .iter()
        .filter_map(|shown| {
            let name = shown.path.strip_prefix("providers.")?;
            let is_kind = !name.contains('.') || name.ends_with(".kind");
            is_kind.then(|| format!("{}={}", name.trim_end_matches(".kind"), shown.value))
        })
        .collect();
    let list = kinds.join(", ");
    match kinds.iter().all(|kind| kind.ends_with("=folder")) {
        true => check(
            "providers",
            Level::Warn,
            format!("通道：{list}；消息只写进文件夹，不会发出去"),
            format!("Providers: {list}; messages only go into a folder, nothing is sent"),
        ),
        false => check(
            "providers",
            Level::Ok,
            format!("通道：{list}"),
            format!("Providers: {list}"),
        ),
    }
}

/// Whether something keeps the clock right, as far as the system tells.
fn clock() -> Check {
    let now = SystemClock.now().to_string();
    let signs = [
        "/run/systemd/timesync/synchronized",
        "/run/chrony/chronyd.pid",
        "/run/ntpd.pid",
        "/var/run/ntpd.pid",
    ];
    match signs.iter().any(|sign| Path::new(sign).exists()) {
        true => check(
            "clock",
            Level::Ok,
            format!("时钟：{now}，已有校时服务"),
            format!("Clock: {now}, kept by a time service"),
        ),
        false => check(
            "clock",
            Level::Warn,
            format!("时钟：{now}；看不出有校时服务（systemd-timesyncd、chrony、ntpd）"),
            format!("Clock: {now}; no time service is seen (systemd-timesyncd, chrony, ntpd)"),
        ),
    }
}

fn space(settings: &Settings) -> Check {
    // Before the first start the directory is not there; what counts is the disk it will be on.
    let mut places = settings.data.ancestors();
    let place = places.find(|dir| dir.exists() && !dir.as_os_str().is_empty());
    let place = place.unwrap_or(Path::new("."));
    let free = match FileSystem.free(place) {
        Ok(free) => free,
        Err(error) => {
            let place = place.display();
            return check(
                "disk",
                Level::Warn,
                format!("磁盘：无法查看 {place}：{error}"),
                format!("Disk: cannot look at {place}: {error}"),
            );
        }
    };
    let room = Room {
        free: Some(free),
        reserve: settings.reserve_mib << 20,
    };
    let (level, zh, en) = of_room(&room);
    let place = place.display();
    let (free, reserve) = (room.free_mib(), room.reserve_mib());
    check(
        "disk",
        level,
        format!("磁盘：{place} 剩余 {free} MiB，预留 {reserve} MiB{zh}"),
        format!("Disk: {free} MiB free at {place}, {reserve} MiB kept in reserve{en}"),
    )
}

/// How bad it is, and what follows from it.
fn of_room(room: &Room) -> (Level, &'static str, &'static str) {
    let free = room.free.unwrap_or(u64::MAX);
    match room.state() {
        RoomState::Exhausted => (
            Level::Fail,
            "；提醒也暂停，请立刻腾出空间",
            ": reminders pause too, make room now",
        ),
        RoomState::Low => (
            Level::Fail,
            "；不接受新的案件和事件，请腾出空间",
            ": no new cases and events are taken, make room",
        ),
        RoomState::Enough if room.reserve == 0 && free < NO_RESERVE_SPACE => (
            Level::Warn,
            "；没有预留（store.reserve_mib = 0），写满时进程会停下，请腾出空间",
            " (store.reserve_mib = 0): a full disk ends the process, make room",
        ),
        RoomState::Enough if free < LITTLE_SPACE => (Level::Warn, "", ""),
        RoomState::Enough => (Level::Ok, "", ""),
    }
}

/// Whether only its owner can read the admin token.
fn token_file(data: &Path) -> Check {
    let path = data.join("admin.token");
    let shown = path.display();
    let others = rustix::fs::stat(&path).map(|stat| stat.st_mode & 0o077);
    match others {
        Ok(0) => check(
            "token_file",
            Level::Ok,
            format!("{shown}：仅属主可读"),
            format!("{shown}: readable by its owner only"),
        ),
        _ => check(
            "token_file",
            Level::Warn,
            format!("{shown}：别人也可读，请 chmod 600"),
            format!("{shown}: others can read it; chmod 600"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_room_is_told_by_what_follows_from_it() {
        let check = |free_mib: u64, reserve_mib: u64, level: Level, says: &str| {
            let room = Room {
                free: Some(free_mib << 20),
                reserve: reserve_mib << 20,
            };
            let (found, zh, en) = of_room(&room);
            assert_eq!(found, level, "{room}");
            assert!(en.contains(says), "{en}");
            assert_eq!(zh.is_empty(), en.is_empty(), "{zh}");
        };
        check(63, 256, Level::Fail, "reminders pause");
        check(255, 256, Level::Fail, "no new cases");
        check(256, 256, Level::Warn, "");
        check(255, 0, Level::Warn, "ends the process");
        check(256, 0, Level::Warn, "");
        check(2_048, 0, Level::Ok, "");
    }
}
