//! What is printed when the daemon is ready: where it is, how to sign in, and what holds.

use std::io::{self, Write};
use std::net::SocketAddr;

use qixian_core::Lang;
use qixian_store_sled::Upgraded;

use crate::catalog::Loaded;
use crate::settings::Settings;

/// Prints to standard output; a closed one is no reason to stop.
pub(super) fn print(
    settings: &Settings,
    loaded: &Loaded,
    upgraded: Option<&Upgraded>,
    address: SocketAddr,
    demo: bool,
) {
    let data = settings.data.display();
    let rules = &settings.rules;
    let version = loaded.pack(rules).map_or(0, |pack| pack.version);
    let folder = settings
        .sending
        .routes
        .channels
        .values()
        .all(|name| name == "folder");
    let mut zh = vec![
        format!("期限 Qixian 在 http://{address}"),
        format!("登录：把 {data}/admin.token 里的令牌贴到页面上，或用在 Authorization: Bearer"),
        format!("规则包：{rules} v{version}；数据：{data}"),
    ];
    let mut en = vec![
        format!("Qixian at http://{address}"),
        format!(
            "sign in with the token in {data}/admin.token, on the page or as Authorization: Bearer"
        ),
        format!("rule pack: {rules} v{version}; data: {data}"),
    ];
    if let Some(Upgraded { from, to, export }) = upgraded {
        let file = export.as_ref().map(|path| path.display().to_string());
        let file = file.unwrap_or_else(|| "before-format-*.jsonl".to_owned());
        zh.push(format!(
            "数据已从格式 {from} 升级到 {to}；升级前的全部记录在 {file}，确认无误后可以删去。旧程序不再认识这些数据"
        ));
        en.push(format!(
            "the data were upgraded from format {from} to {to}; all records as they were before are in {file}: remove it when all is well. Older programs refuse these data"
        ));
    }
    if demo {
        zh.push(format!("演示：消息写到 {data}/outbox/，什么也不会发出去"));
        en.push(format!(
            "demo: messages go to {data}/outbox/, nothing leaves the machine"
        ));
    } else if folder {
        zh.push(format!("还没有接发送通道：消息写到 {data}/messages/"));
        en.push(format!(
            "no provider is configured: messages go to {data}/messages/"
        ));
    }
    let texts = match settings.lang {
        Lang::Zh => [zh, en],
        Lang::En => [en, zh],
    };
    let mut out = io::stdout().lock();
    for line in texts.iter().flatten() {
        writeln!(out, "{line}").ok();
    }
    writeln!(out, "ready http://{address}")
        .and_then(|()| out.flush())
        .ok();
}
