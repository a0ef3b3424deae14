//! The source text of the product.

use std::path::{Path, PathBuf};

/// The directory that holds the workspace's `Cargo.toml`.
pub(crate) fn root() -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let root = tests.parent();
    root.expect("the tests member lies in the workspace")
        .to_owned()
}

/// Text of one source file below `crates/`.
pub(crate) fn text(path: &str) -> String {
    std::fs::read_to_string(root().join("crates").join(path)).expect("a source file")
}

/// Texts of every `.rs` file below each crate's `src`.
pub(crate) fn all() -> Vec<String> {
    let crates = std::fs::read_dir(root().join("crates")).expect("the crates");
    let mut found = Vec::new();
    for entry in crates {
        collect(&entry.expect("a crate").path().join("src"), &mut found);
    }
    assert!(found.len() > 100, "only {} source files", found.len());
    found
}

fn collect(dir: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).expect("a source directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(std::fs::read_to_string(&path).expect("a source file"));
        }
    }
}
