//! Writes the list of every file under `config/`, so that the binary carries its defaults and runs alone.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../config");
    println!("cargo:rerun-if-changed={}", root.display());
    let root = root.canonicalize()?;
    let mut files = Vec::new();
    collect(&root, &mut files)?;
    files.sort();
    let mut list = String::from("&[\n");
    for file in files {
        let name = file
            .strip_prefix(&root)?
            .to_string_lossy()
            .replace('\\', "/");
        writeln!(list, "    ({name:?}, include_str!({:?})),", file.display())?;
    }
    list.push_str("]\n");
    let out = PathBuf::from(env::var("OUT_DIR")?).join("embedded_files.rs");
    Ok(fs::write(out, list)?)
}

/// Adds every file below `dir`. A directory is watched too, so that a new file is seen.
fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    println!("cargo:rerun-if-changed={}", dir.display());
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        match path.is_dir() {
            _ if hidden => {}
            true => collect(&path, files)?,
            false => files.push(path),
        }
    }
    Ok(())
}
