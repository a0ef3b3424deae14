//! The files that are shipped can be read, together and without warnings.

use std::path::Path;
use std::sync::Arc;

use qixian_core::NoFunctions;
use qixian_workflow::{Catalog, Render, Sources};

fn entry_name(path: &Path) -> String {
    let name = path.file_name().expect("an entry has a name");
    name.to_string_lossy().into_owned()
}

fn texts(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder is in the repository") {
        let path = entry.expect("a readable entry").path();
        if path.extension().is_some_and(|e| e == "toml") {
            let text = std::fs::read_to_string(&path).expect("UTF-8");
            found.push((entry_name(&path), text));
        }
    }
    found.sort();
    found
}

#[test]
fn the_shipped_files_are_read_without_a_word() {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let sources = Sources {
        calendars: texts(&config.join("calendars/cn")),
        rules: texts(&config.join("rules")),
        workflows: texts(&config.join("workflows")),
        templates: None,
    };
    match Catalog::build(&sources, Arc::new(NoFunctions)) {
        Ok(catalog) => assert_eq!(catalog.warnings().render(Render::default()), ""),
        Err(problems) => panic!("\n{}", problems.render(Render::default())),
    }
}
