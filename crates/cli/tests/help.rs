//! Every help page as text in both languages. `UPDATE_GOLDEN=1` rewrites them; read the difference before committing it.

mod common;

use std::path::Path;

use common::{run, stderr, stdout};

/// The commands of a help page: the indented names below its heading.
fn subcommands(page: &str) -> Vec<String> {
    let lines = page
        .lines()
        .skip_while(|line| !matches!(*line, "命令:" | "Commands:"));
    let named = lines.skip(1).take_while(|line| !line.is_empty());
    let names = named.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

fn pages(path: &[String], lang: &str, book: &mut String) {
    let mut words: Vec<&str> = path.iter().map(String::as_str).collect();
    words.extend(["--help", "--lang", lang]);
    let output = run(&words);
    assert!(output.status.success(), "{words:?}: {}", stderr(&output));
    let page = stdout(&output);
    book.push_str(&format!("━━ qixian {} ━━\n{page}\n", path.join(" ")));
    for name in subcommands(&page) {
        pages(&[path, &[name]].concat(), lang, book);
    }
}

fn check(lang: &str) {
    let mut book = String::new();
    pages(&[], lang, &mut book);
    assert!(
        book.matches("━━ qixian").count() > 40,
        "the walk has lost its way:\n{book}"
    );
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/help.{lang}.txt"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &book).expect("written");
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    if book != kept {
        let differs = book.lines().zip(kept.lines()).find(|(new, old)| new != old);
        panic!(
            "{} differs, first at {differs:?}; UPDATE_GOLDEN=1 rewrites it",
            file.display()
        );
    }
}

#[test]
fn chinese_pages() {
    check("zh");
}

#[test]
fn english_pages() {
    check("en");
}

#[test]
fn wrong_use_is_told_in_both_languages() {
    let check = |words: &[&str], said: &str| {
        let output = run(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        let told = stderr(&output);
        assert!(told.contains(said), "{words:?}: {told}");
    };
    check(&["dew"], "没有“dew”这个命令");
    check(&["--lang", "en", "dew"], "unrecognized subcommand 'dew'");
    check(&["due", "--from", "2026-02-15"], "缺少");
    check(&["case", "close", "X"], "--reason");
    check(&["workflow", "show"], "缺少");
}
