//! What `qixian config check` says of broken configurations, kept as text.
//!
//! Each folder of `golden/config/` is one configuration directory, with `said.zh.txt` (and for some `said.en.txt`) beside
//! its files. `env.txt` and `size.txt`, where there are any, hold environment variables (`NAME=VALUE`) and files to be made
//! (`NAME BYTES`). `UPDATE_GOLDEN=1` rewrites what is said; read it before committing it.

mod common;

use std::path::{Path, PathBuf};

use common::{qixian, run, stderr, stdout};

/// Files of a folder that are none of the configuration.
const NOTES: [&str; 4] = ["said.zh.txt", "said.en.txt", "env.txt", "size.txt"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/config")
}

fn names_in(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("a directory");
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<String> = entries
        .map(|entry| name(entry).into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for name in names_in(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        match from.is_dir() {
            true => copy(&from, &to),
            false if NOTES.contains(&name.as_str()) => {}
            false => drop(std::fs::copy(from, to).expect("copied")),
        }
    }
}

/// A case laid out in a directory of its own, so that paths in messages are short and always the same.
struct Case {
    kept: PathBuf,
    dir: tempfile::TempDir,
}

impl Case {
    fn new(name: &str) -> Self {
        let (kept, dir) = (
            folder().join(name),
            tempfile::tempdir().expect("a directory"),
        );
        copy(&kept, &dir.path().join("etc"));
        for line in lines(&kept.join("size.txt")) {
            let (name, bytes) = line.split_once(' ').expect("NAME BYTES");
            let bytes = bytes.parse().expect("a count");
            std::fs::write(dir.path().join("etc").join(name), vec![b'#'; bytes]).expect("written");
        }
        Self { kept, dir }
    }

    fn run(&self, words: &[&str], lang: &str) -> (String, Option<i32>) {
        let mut command = qixian(words);
        command.args(["--config", "etc/qixian.toml", "--lang", lang]);
        command.current_dir(self.dir.path());
        for line in lines(&self.kept.join("env.txt")) {
            let (name, value) = line.split_once('=').expect("NAME=VALUE");
            command.env(name, value);
        }
        let output = command.output().expect("the binary runs");
        assert_eq!(stderr(&output), "", "{}", self.kept.display());
        (stdout(&output), output.status.code())
    }
}

fn lines(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Compares with the kept text; `None` when it is the same.
fn differs(case: &Case, lang: &str) -> Option<String> {
    let (said, code) = case.run(&["config", "check"], lang);
    assert_eq!(code, Some(1), "{}: {said}", case.kept.display());
    let kept = case.kept.join(format!("said.{lang}.txt"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&kept, &said).expect("written");
    }
    let same = std::fs::read_to_string(&kept).unwrap_or_default() == said;
    (!same).then(|| format!("--- {} ---\n{said}", kept.display()))
}

#[test]
fn every_broken_configuration_is_told_as_before() {
    let cases = names_in(&folder());
    assert!(cases.len() >= 24, "only {} cases", cases.len());
    let mut changed = Vec::new();
    for name in cases {
        let case = Case::new(&name);
        changed.extend(differs(&case, "zh"));
        if case.kept.join("said.en.txt").exists() {
            changed.extend(differs(&case, "en"));
        }
    }
    assert!(
        changed.is_empty(),
        "these are told otherwise now (UPDATE_GOLDEN=1 takes them):\n{}",
        changed.join("\n")
    );
}

/// The Chinese texts hold no English sentence: no line with three English words in a row outside quotes and file text.
#[test]
fn chinese_output_is_chinese() {
    for name in names_in(&folder()) {
        let kept = folder().join(&name).join("said.zh.txt");
        let said = std::fs::read_to_string(kept).unwrap_or_default();
        for line in said.lines().filter(|line| is_sentence(line)) {
            let mut in_a_row = 0;
            for word in line.split_whitespace() {
                let english = word.len() > 1 && word.chars().all(|c| c.is_ascii_lowercase());
                in_a_row = if english { in_a_row + 1 } else { 0 };
                assert!(in_a_row < 3, "{name}: {line}");
            }
        }
    }
}

/// Whether a line is said by the program: file text stands behind `│`.
fn is_sentence(line: &str) -> bool {
    let numbered = line.split_once('│');
    numbered.is_none_or(|(before, _)| before.trim().parse::<u32>().is_err())
}

const SECRETS: [&str; 5] = [
    "hc-secret-path",
    "icp-login@example.cn",
    "/etc/qixian/smtp.password",
    "wang@example.cn",
    "13800138000",
];

const WITH_SECRETS: &str = r#"
listen = "127.0.0.1:9000"
[ping]
url = "https://hc.example.cn/hc-secret-path"
[providers.mail]
kind = "smtp"
host = "smtp.example.cn"
from = "icp@example.cn"
user = "icp-login@example.cn"
password_file = "/etc/qixian/smtp.password"
[[staff]]
name = "王芳"
roles = ["handler"]
email = "wang@example.cn"
mobile = "13800138000"
"#;

#[test]
fn config_show_says_where_values_come_from_and_hides_secrets() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("qixian.toml"), WITH_SECRETS).expect("written");
    std::fs::write(
        dir.path().join("routes.toml"),
        "[channels]\nmail = \"mail\"\n",
    )
    .expect("written");
    for json in [&[][..], &["--json"]] {
        let mut command = qixian(&["config", "show", "--origin", "--config", "qixian.toml"]);
        command.args(json).current_dir(dir.path());
        command.env("QIXIAN_LOG_LEVEL", "debug");
        command.env("QIXIAN_PING_URL", "https://hc.example.cn/hc-secret-path");
        let output = command.output().expect("the binary runs");
        let said = stdout(&output);
        assert!(output.status.success(), "{said}{}", stderr(&output));
        for secret in SECRETS {
            assert!(!said.contains(secret), "{secret} is shown in:\n{said}");
        }
        for part in [
            "********",
            "qixian.toml:2",
            "env QIXIAN_LOG_LEVEL",
            "env QIXIAN_PING_URL",
            "routes.toml:2",
            "default",
        ] {
            assert!(said.contains(part), "{part} is missing in:\n{said}");
        }
    }
}

#[test]
fn what_is_shipped_is_told_nothing_of() {
    let output = run(&[
        "config",
        "check",
        "--config",
        "config/qixian.toml",
        "--lang",
        "zh",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert_eq!(stdout(&output), "配置检查完毕：0 个错误，0 个警告\n");
}

#[test]
fn a_secret_that_cannot_be_used_is_not_shown_either() {
    let mut command = qixian(&["config", "check", "--lang", "zh"]);
    command.env("QIXIAN_PING_URL", "ftp://hc.example.cn/hc-secret-path");
    let output = command.output().expect("the binary runs");
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("QIXIAN_PING_URL=********"), "{said}");
    assert!(!said.contains("hc-secret-path"), "{said}");
}
