//! Finds the repository's files, and tells code from comments and strings well enough for the tidy rules.

use std::fs;
use std::path::{Path, PathBuf};

use crate::root;

/// One text file: its path from the root with `/`, and what it says.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// All text files of the repository. What is built, stored or hidden stays out, as in `.gitignore`.
pub(crate) fn files() -> Vec<File> {
    let (root, mut found) = (root(), Vec::new());
    walk(&root, &root, &mut found);
    assert!(
        found.len() > 20,
        "the walk found {} files; it has lost its way",
        found.len()
    );
    found
}

/// The Rust files among them.
pub(crate) fn rust_files() -> Vec<File> {
    files()
        .into_iter()
        .filter(|file| file.path.ends_with(".rs"))
        .collect()
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<File>) {
    for entry in fs::read_dir(folder).expect("a readable directory") {
        let path = entry.expect("a readable entry").path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() && !path.is_symlink() {
            if !stays_out(&name) {
                walk(root, &path, found);
            }
        } else if let Ok(text) = fs::read_to_string(&path) {
            found.push(File {
                path: relative(root, &path),
                text,
            });
        }
    }
}

fn stays_out(folder: &str) -> bool {
    let hidden = folder.starts_with('.') && folder != ".ci";
    hidden || folder == "target" || folder.starts_with("target-") || folder == "qixian-data"
}

fn relative(root: &Path, path: &Path) -> String {
    let path: PathBuf = path
        .strip_prefix(root)
        .expect("the walk stays below the root")
        .into();
    path.to_string_lossy().replace('\\', "/")
}

/// `source` with the insides of comments, strings and character literals blanked out; lines stay where they were.
pub(crate) fn code_of(source: &str) -> String {
    let mut rest = source;
    let mut code = String::with_capacity(source.len());
    while let Some(first) = rest.chars().next() {
        let after_word = code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let skipped = if after_word {
            plain_skip(rest)
        } else {
            raw_skip(rest).or_else(|| plain_skip(rest))
        };
        let length = skipped.unwrap_or(first.len_utf8());
        let (piece, tail) = rest.split_at(length);
        match skipped {
            Some(_) => code.extend(piece.chars().map(|c| if c == '\n' { '\n' } else { ' ' })),
            None => code.push_str(piece),
        }
        rest = tail;
    }
    code
}

/// Bytes of the comment, string or character that `rest` begins with.
fn plain_skip(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        Some(rest.find('\n').unwrap_or(rest.len()))
    } else if rest.starts_with("/*") {
        Some(block_comment(rest))
    } else if rest.starts_with('"') {
        Some(quoted(rest, '"'))
    } else if is_character(rest) {
        Some(quoted(rest, '\''))
    } else {
        None
    }
}

/// `r"…"`, `r#"…"#` and their `b` and `c` kin.
fn raw_skip(rest: &str) -> Option<usize> {
    let body = rest
        .strip_prefix(['b', 'c'])
        .unwrap_or(rest)
        .strip_prefix('r')?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let inside = body[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = inside
        .find(&close)
        .map_or(inside.len(), |at| at + close.len());
    Some(rest.len() - inside.len() + end)
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        let tail = &rest.as_bytes()[at..];
        if tail.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if tail.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
        } else {
            at += 1;
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// A quote that opens a character literal and not a lifetime: an escape follows, or the closing quote after one character.
fn is_character(rest: &str) -> bool {
    let mut chars = rest.chars();
    match (chars.next(), chars.next(), chars.next()) {
        (Some('\''), Some('\\'), _) => true,
        (Some('\''), Some(_), third) => third == Some('\''),
        _ => false,
    }
}

/// Whether `code` holds `word` standing alone, not as part of a longer name.
pub(crate) fn has_word(code: &str, word: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        !code[..at].ends_with(part_of_name) && !code[at + word.len()..].starts_with(part_of_name)
    })
}

#[test]
fn code_is_told_from_text() {
    fn check(source: &str, expected: &str) {
        assert_eq!(code_of(source), expected, "{source:?}");
    }
    check("a // b\nc", "a     \nc");
    check("a /* b /* c */ d */ e", "a                   e");
    check(r#"f("x \" y")"#, "f(        )");
    check("f(r#\"a \" b\"#, 1)", "f(          , 1)");
    check(
        "fn f<'a>(c: &'a str) { '\"' }",
        "fn f<'a>(c: &'a str) {     }",
    );
    check("x('\\'', 'z')", "x(    ,    )");
    check("for r in \"期\"", "for r in    ");
}
