//! Compares `cargo metadata` with the table of crates.

use std::collections::BTreeSet;

use cargo_metadata::{Dependency, DependencyKind, MetadataCommand, Package};

use crate::table::{ASYNC_LIBRARIES, CRATES, HOMES, PURE, Row, UNSAFE_CRATES, Uses};
use crate::{assert_none, root};

const PREFIX: &str = "qixian-";

fn members() -> Vec<Package> {
    let manifest = root().join("Cargo.toml");
    let metadata = MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .exec()
        .expect("cargo metadata");
    metadata.packages
}

fn row_of(name: &str) -> Option<&'static Row> {
    CRATES.iter().find(|row| row.name == name)
}

fn short(package: &str) -> Option<&str> {
    package.strip_prefix(PREFIX)
}

/// What is wrong with `row` naming `used` under `[dependencies]`.
fn wrong_use(row: &Row, used: &str) -> Option<String> {
    let name = row.name;
    let Some(target) = row_of(used) else {
        return Some(format!(
            "crate {name} uses {used}, which has no row in tests/layout/table.rs; give it one"
        ));
    };
    if target.rank >= row.rank {
        return Some(format!(
            "crate {name} (rank {}) uses {used} (rank {}); crates only use lower ranks: move the shared part down",
            row.rank, target.rank
        ));
    }
    let allowed = match row.uses {
        Uses::Only(list) => list.contains(&used),
        Uses::AllBut(list) => !list.contains(&used),
    };
    (!allowed).then(|| {
        format!("crate {name} may not use {used}; take the dependency out, or change tests/layout/table.rs and ARCHITECTURE.md with a reason")
    })
}

/// What is wrong with `row` naming `used` under `[dev-dependencies]`: tests may look sideways, never up.
fn wrong_dev_use(row: &Row, used: &str) -> Option<String> {
    let higher = row_of(used).is_some_and(|target| target.rank > row.rank);
    higher.then(|| {
        format!("tests of crate {} use {used}, which lies above it; move that test to the `tests` member", row.name)
    })
}

fn wrong_library(name: &str, library: &str) -> Option<String> {
    if PURE.contains(&name) && ASYNC_LIBRARIES.contains(&library) {
        return Some(format!(
            "crate {name} is pure and knows no async; it may not use {library}"
        ));
    }
    let (_, homes) = HOMES.iter().find(|(home_of, _)| *home_of == library)?;
    (!homes.contains(&name)).then(|| {
        format!(
            "crate {name} uses {library}, which only {} may; ask that crate instead",
            homes.join(", ")
        )
    })
}

fn wrong_dependency(row: &Row, dependency: &Dependency) -> Option<String> {
    match (short(&dependency.name), dependency.kind) {
        (Some(used), DependencyKind::Development) => wrong_dev_use(row, used),
        (Some(used), _) => wrong_use(row, used),
        (None, DependencyKind::Development) => None,
        (None, _) => wrong_library(row.name, &dependency.name),
    }
}

/// Plugins lie under `plugins/` and stand on the SDK alone.
fn wrong_plugin_dependency(plugin: &str, dependency: &Dependency) -> Option<String> {
    let used = short(&dependency.name)?;
    (used != "plugin-sdk")
        .then(|| format!("plugin {plugin} uses {used}; a plugin stands on plugin-sdk alone"))
}

fn check_package(package: &Package) -> Vec<String> {
    let folder = package
        .manifest_path
        .parent()
        .expect("a manifest lies in a directory");
    let place = folder
        .parent()
        .and_then(|parent| parent.file_name())
        .unwrap_or_default();
    let dependencies = package.dependencies.iter();
    if place == "plugins" {
        return dependencies
            .filter_map(|used| wrong_plugin_dependency(&package.name, used))
            .collect();
    }
    let Some(name) = short(&package.name) else {
        return vec![format!(
            "package {} does not begin with `{PREFIX}`; rename it",
            package.name
        )];
    };
    if name == "tests" {
        return Vec::new();
    }
    let Some(row) = row_of(name) else {
        return vec![format!(
            "crate {name} has no row in tests/layout/table.rs; give it a rank and what it may use"
        )];
    };
    let mut findings: Vec<String> = dependencies
        .filter_map(|used| wrong_dependency(row, used))
        .collect();
    if folder.file_name() != Some(name) {
        findings.push(format!(
            "package {} lies in {folder}; its directory must be named {name}",
            package.name
        ));
    }
    findings
}

#[test]
fn crates_only_use_what_the_table_allows() {
    let findings: Vec<String> = members().iter().flat_map(check_package).collect();
    assert_none(&findings);
}

#[test]
fn the_table_itself_points_downwards() {
    let names: BTreeSet<&str> = CRATES.iter().map(|row| row.name).collect();
    assert_eq!(
        names.len(),
        CRATES.len(),
        "a crate has two rows in tests/layout/table.rs"
    );
    for row in CRATES {
        let (Uses::Only(list) | Uses::AllBut(list)) = row.uses;
        for used in list {
            let target = row_of(used)
                .unwrap_or_else(|| panic!("row {} names {used}, which has no row", row.name));
            assert!(
                target.rank < row.rank,
                "row {} names {used}, which is not of a lower rank",
                row.name
            );
        }
    }
}

#[test]
fn members_take_the_workspace_lints() {
    let mut findings = Vec::new();
    for package in members() {
        let inside_boundary =
            short(&package.name).is_some_and(|name| UNSAFE_CRATES.contains(&name));
        let manifest =
            std::fs::read_to_string(&package.manifest_path).expect("a readable manifest");
        let is_plugin = package.manifest_path.as_str().contains("/plugins/");
        if !inside_boundary && !is_plugin && !manifest.contains("[lints]\nworkspace = true") {
            findings.push(format!(
                "{}: add `[lints]` with `workspace = true`",
                package.manifest_path
            ));
        }
    }
    assert_none(&findings);
}

#[test]
fn a_wrong_use_is_found() {
    fn check(name: &str, used: &str, expected: Option<&str>) {
        let found = wrong_use(row_of(name).expect("a row"), used);
        match expected {
            None => assert_eq!(found, None, "{name} -> {used}"),
            Some(part) => assert!(
                found.as_deref().is_some_and(|text| text.contains(part)),
                "{name} -> {used}: {found:?}"
            ),
        }
    }
    check("engine", "store", None);
    check("store", "engine", Some("lower ranks"));
    check("notify", "store", Some("lower ranks"));
    check("engine", "icp", Some("may not use icp"));
    check("daemon", "sim", Some("may not use sim"));
    check("cli", "plugin-runner", None);
    check("cli", "attic", Some("no row"));
    assert!(wrong_dev_use(row_of("engine").expect("a row"), "sim").is_some());
    assert!(wrong_library("core", "tokio").is_some());
    assert!(wrong_library("daemon", "sled").is_some());
    assert!(wrong_library("store-sled", "sled").is_none());
}
