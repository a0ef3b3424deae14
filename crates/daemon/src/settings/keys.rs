//! Every scalar setting, as one table: its name, what it may hold, its default and what it is for.

use std::net::SocketAddr;

use qixian_core::Words;
use qixian_time::Zone;

/// What a setting holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any text.
    Text,
    /// A file or directory.
    Path,
    /// An address to listen on.
    Address,
    /// An IANA zone.
    Zone,
    /// One of these.
    Choice(&'static [&'static str]),
    /// A whole number, both ends included.
    Count(u64, u64),
    /// 0 for none, or a whole number, both ends included.
    CountOrNone(u64, u64),
    /// `true` or `false`.
    Flag,
    /// An http or https address; empty for none.
    Url,
}

/// One setting.
#[derive(Debug)]
pub(super) struct Key {
    /// Its dotted name in `qixian.toml`.
    pub(super) path: &'static str,
    pub(super) kind: Kind,
    pub(super) default: &'static str,
    /// Whether its value is shown masked.
    pub(super) secret: bool,
}

const fn key(path: &'static str, kind: Kind, default: &'static str) -> Key {
    Key {
        path,
        kind,
        default,
        secret: false,
    }
}

const fn secret(path: &'static str, kind: Kind, default: &'static str) -> Key {
    Key {
        secret: true,
        ..key(path, kind, default)
    }
}

/// All of them, in the order of the shipped `qixian.toml`, which says what each is for.
pub(super) const KEYS: &[Key] = &[
    key("data", Kind::Path, "./qixian-data"),
    key("listen", Kind::Address, "127.0.0.1:8700"),
    key("lang", Kind::Choice(&["zh", "en"]), "zh"),
    key("zone", Kind::Zone, "Asia/Shanghai"),
    key("calendar", Kind::Text, "cn"),
    key("rules", Kind::Text, "guide"),
    key("base_url", Kind::Url, ""),
    key("open_metrics", Kind::Flag, "true"),
    secret("ping.url", Kind::Url, ""),
    key("limits.inbox", Kind::Count(1, 1_000_000), "4096"),
    key("limits.body_kib", Kind::Count(1, 65_536), "1024"),
    key("limits.sends_per_provider", Kind::Count(1, 1_000), "4"),
    key("limits.request_seconds", Kind::Count(1, 600), "30"),
    key("store.cache_mib", Kind::Count(8, 1_048_576), "64"),
    key("store.reserve_mib", Kind::CountOrNone(64, 1_048_576), "256"),
    key("store.flush_limit_seconds", Kind::Count(1, 600), "30"),
    key("log.format", Kind::Choice(&["text", "json"]), "text"),
    key(
        "log.level",
        Kind::Choice(&["error", "warn", "info", "debug", "trace"]),
        "info",
    ),
];

impl Key {
    /// Its environment variable: `QIXIAN_LOG_LEVEL` for `log.level`.
    pub(super) fn env(&self) -> String {
        format!("QIXIAN_{}", self.path.replace('.', "_").to_uppercase())
    }

    /// What is expected, for people.
    pub(super) fn expected(&self) -> Words {
        match self.kind {
            Kind::Text => Words::new("应为文本，不能空着", "expected a text, not empty"),
            Kind::Path => Words::new("应为路径，不能空着", "expected a path, not empty"),
            Kind::Address => Words::new(
                "应为地址和端口，如 127.0.0.1:8700",
                "expected an address with port, such as 127.0.0.1:8700",
            ),
            Kind::Zone => Words::new(
                "应为 IANA 时区名，如 Asia/Shanghai",
                "expected an IANA zone, such as Asia/Shanghai",
            ),
            Kind::Choice(values) => Words::new(
                format!("应为其中之一：{}", values.join("、")),
                format!("expected one of: {}", values.join(", ")),
            ),
            Kind::Count(least, most) => Words::new(
                format!("应为 {least} 到 {most} 之间的整数"),
                format!("expected a whole number from {least} to {most}"),
            ),
            Kind::CountOrNone(least, most) => Words::new(
                format!("应为 0（不要）或 {least} 到 {most} 之间的整数；比 {least} 少就不够用"),
                format!(
                    "expected 0 for none, or a whole number from {least} to {most}; less than {least} is not enough"
                ),
            ),
            Kind::Flag => Words::new("应为 true 或 false", "expected true or false"),
            Kind::Url => Words::new(
                "应以 http:// 或 https:// 开头；空文本表示不用",
                "expected an address that begins with http:// or https://; empty for none",
            ),
        }
    }

    /// Whether `text` is a value it may have.
    pub(super) fn accepts(&self, text: &str) -> bool {
        match self.kind {
            Kind::Text | Kind::Path => !text.trim().is_empty(),
            Kind::Address => text.parse::<SocketAddr>().is_ok(),
            Kind::Zone => Zone::named(text).is_ok(),
            Kind::Choice(values) => values.contains(&text),
            Kind::Count(least, most) => text
                .parse()
                .is_ok_and(|count: u64| (least..=most).contains(&count)),
            Kind::CountOrNone(least, most) => text
                .parse()
                .is_ok_and(|count: u64| count == 0 || (least..=most).contains(&count)),
            Kind::Flag => matches!(text, "true" | "false"),
            Kind::Url => {
                let rest = text
                    .strip_prefix("http://")
                    .or_else(|| text.strip_prefix("https://"));
                text.is_empty() || rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(' '))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_a_value_of_its_kind() {
        for key in KEYS {
            assert!(key.accepts(key.default), "{}", key.path);
        }
    }

    #[test]
    fn values_are_checked_by_kind() {
        let check = |path: &str, text: &str, expected: bool| {
            let key = KEYS.iter().find(|key| key.path == path).expect("a setting");
            assert_eq!(key.accepts(text), expected, "{path} = {text}");
        };
        check("listen", "0.0.0.0:80", true);
        check("listen", "localhost", false);
        check("zone", "Asia/Beijing", false);
        check("limits.inbox", "0", false);
        check("store.reserve_mib", "0", true);
        check("store.reserve_mib", "1", false);
        check("store.reserve_mib", "63", false);
        check("store.reserve_mib", "64", true);
        check("store.reserve_mib", "256MiB", false);
        check("store.flush_limit_seconds", "1", true);
        check("store.flush_limit_seconds", "600", true);
        check("store.flush_limit_seconds", "0", false);
        check("store.flush_limit_seconds", "601", false);
        check("ping.url", "ftp://example.cn", false);
        check("ping.url", "https://", false);
        check("ping.url", "https://hc.example.cn/abc", true);
        check("data", " ", false);
    }

    #[test]
    fn a_reserve_that_is_too_small_is_refused_in_words() {
        let reserve = KEYS.iter().find(|key| key.path == "store.reserve_mib");
        let expected = reserve.expect("a setting").expected();
        assert!(expected.zh.contains("0（不要）或 64 到"), "{}", expected.zh);
        assert!(
            expected
                .en
                .contains("0 for none, or a whole number from 64"),
            "{}",
            expected.en
        );
    }
}
