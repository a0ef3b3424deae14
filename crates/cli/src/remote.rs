//! Talking to a daemon: which one, with which token, and what it means when it does not answer.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use clap::Args;
use qixian_api::{CaseView, Client, Error, Page};
use qixian_core::{CaseId, Lang};
use qixian_daemon::{Settings, auth};
use qixian_time::{Start, Zone};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::ConfigArgs;
use crate::failure::Failure;
use crate::out::Out;
use crate::{local, when};

/// Which daemon, and as whom.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct RemoteArgs {
    /// 守护进程的地址，默认 http://127.0.0.1:8700 | The daemon's address, http://127.0.0.1:8700 unless given
    #[arg(
        long,
        global = true,
        display_order = 810,
        value_name = "URL",
        env = "QIXIAN_SERVER",
        hide_env_values = true
    )]
    server: Option<String>,
    /// 令牌；本机默认取数据目录中的 admin.token | The token; on the daemon's machine admin.token of the data directory
    #[arg(
        long,
        global = true,
        display_order = 811,
        value_name = "TOKEN",
        env = "QIXIAN_TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
    /// 数据目录（找令牌用） | The data directory, where the token is looked for
    #[arg(
        long,
        global = true,
        display_order = 812,
        value_name = "DIR",
        env = "QIXIAN_DATA",
        hide_env_values = true
    )]
    data: Option<PathBuf>,
    /// 配置文件 | Configuration file
    #[arg(
        long,
        global = true,
        display_order = 813,
        value_name = "FILE",
        env = "QIXIAN_CONFIG",
        hide_env_values = true
    )]
    config: Option<PathBuf>,
}

impl RemoteArgs {
    /// The settings of this machine.
    pub(crate) fn settings(&self) -> Result<Settings, Failure> {
        let config = ConfigArgs {
            config: self.config.clone(),
        };
        let data = self
            .data
            .iter()
            .map(|data| ("data", data.display().to_string()));
        local::settings(&config, data.collect())
    }

    /// Where the daemon is asked: the address given, else the one a running daemon left in the data directory, else the
    /// one it is configured to listen on.
    pub(crate) fn server(&self, settings: &Settings) -> String {
        let configured = || {
            let mut listen = settings.listen;
            if listen.ip().is_unspecified() {
                listen.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
            }
            format!("http://{listen}")
        };
        let left = || {
            let text = std::fs::read_to_string(settings.data.join("address")).ok()?;
            Some(text.trim().to_owned()).filter(|address| address.starts_with("http://"))
        };
        let given = self.server.clone().filter(|server| !server.is_empty());
        given.or_else(left).unwrap_or_else(configured)
    }

    /// The token given, or that of the data directory.
    pub(crate) fn token(&self, settings: &Settings) -> Option<String> {
        let given = self.token.clone().filter(|token| !token.is_empty());
        given.or_else(|| auth::admin_token(&settings.data))
    }

    /// Ready to talk.
    pub(crate) fn session(&self, out: &Out) -> Result<Session, Failure> {
        let settings = self.settings()?;
        let lang = match out.lang {
            Lang::Zh => "zh",
            Lang::En => "en",
        };
        let client = Client::new(&self.server(&settings), self.token(&settings)).in_language(lang);
        Ok(Session {
            client,
            zone: settings.zone,
        })
    }
}

/// One daemon, asked by one command.
#[derive(Debug)]
pub(crate) struct Session {
    client: Client,
    /// The zone of times without offset.
    pub(crate) zone: Zone,
}

impl Session {
    /// Asks an address outside the API.
    pub(crate) fn probe(&self, path: &str) -> Result<(u16, String), Failure> {
        self.client.probe(path).map_err(failure)
    }

    /// The address asked.
    pub(crate) fn server(&self) -> &str {
        self.client.server()
    }

    /// Reads `path`.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.client.get(path).map_err(failure)
    }

    /// Posts `body` to `path`.
    pub(crate) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        self.client.post(path, body, None).map_err(failure)
    }

    /// Changes `path`, with `if_match` only at that revision.
    pub(crate) fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        if_match: Option<u64>,
    ) -> Result<T, Failure> {
        self.client.patch(path, body, if_match).map_err(failure)
    }

    /// The id of a case named by its id or by its reference (`QX-2026-000123`).
    pub(crate) fn case_id(&self, name: &str) -> Result<String, Failure> {
        if name.parse::<CaseId>().is_ok() {
            return Ok(name.to_owned());
        }
        let found: Page<CaseView> = self.get(&format!("/cases?q={}", encode(name)))?;
        let exact = found.items.into_iter().find(|case| case.reference == name);
        exact.map(|case| case.id).ok_or_else(|| {
            Failure::refused(
                format!("没有编号或参考号为“{name}”的案件；可用 qixian case list --q 查找"),
                format!("there is no case with the id or reference `{name}`; qixian case list --q finds cases"),
            )
        })
    }

    /// A time of the command line as the daemon wants it: with offset.
    pub(crate) fn time(&self, text: Option<&str>) -> Result<Option<String>, Failure> {
        let Some(text) = text else { return Ok(None) };
        let at = when::instant_or_day(text, &self.zone)?;
        Ok(Some(at.to_rfc3339(&self.zone)))
    }

    /// The same, but a bare day stays one.
    pub(crate) fn time_or_day(&self, text: Option<&str>) -> Result<Option<String>, Failure> {
        let Some(text) = text else { return Ok(None) };
        Ok(Some(match when::start(text, &self.zone)? {
            Start::Day(day) => day.to_string(),
            Start::Instant(at) => at.to_rfc3339(&self.zone),
        }))
    }
}

/// What became of a request that was not carried out.
pub(crate) fn failure(error: Error) -> Failure {
    match error {
        Error::Unreachable { server, reason } => Failure::Unreachable(qixian_core::Words::new(
            format!(
                "{server} 没有应答（{reason}）。守护进程在运行吗？本机可运行 qixian serve；在别处则用 --server 或 QIXIAN_SERVER 指明"
            ),
            format!(
                "nobody answers at {server} ({reason}). Is the daemon running? Start it with qixian serve, or name another with --server or QIXIAN_SERVER"
            ),
        )),
        Error::Refused(mut problem) => {
            if problem.status == 401 {
                problem.hint = Some("token".to_owned());
            }
            Failure::Problem(problem)
        }
        Error::Strange {
            server,
            status,
            text,
        } => Failure::Unreachable(qixian_core::Words::new(
            format!("{server} 的应答（{status}）不像 qixian：{text}"),
            format!("{server} answered {status}, which is not what qixian says: {text}"),
        )),
    }
}

/// A query string from what is given; empty when nothing is.
pub(crate) fn query(parts: &[(&str, Option<String>)]) -> String {
    let given = parts
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let pairs: Vec<String> = given
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    match pairs.is_empty() {
        true => String::new(),
        false => format!("?{}", pairs.join("&")),
    }
}

/// `text` for a path or query.
pub(crate) fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_encoded() {
        let parts = [
            ("q", Some("兰州 a+b".to_owned())),
            ("x", None),
            ("due_before", Some("2026-02-13T17:30:00+08:00".to_owned())),
        ];
        assert_eq!(
            query(&parts),
            "?q=%E5%85%B0%E5%B7%9E%20a%2Bb&due_before=2026-02-13T17%3A30%3A00%2B08%3A00"
        );
        assert_eq!(query(&[("x", None)]), "");
    }
}
