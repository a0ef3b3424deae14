//! What can be loaded into a world: the shipped calendars, rules and workflows, and later versions of each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use qixian_core::{Env, NoFunctions, PackRef, RulePack};
use qixian_engine::{Definitions, Setup};
use qixian_time::WorkCalendar;
use qixian_workflow::{Catalog, Sources};

use crate::{FaultProvider, setup};

type Calendars = Arc<BTreeMap<String, WorkCalendar>>;
type Rules = Arc<BTreeMap<String, RulePack>>;

/// The year after those that the shipped calendars know, made up: nobody has published it yet.
const NEXT_YEAR: &str = r#"
schema = 1
calendar = "cn"
year = 2027
notice = "made up for the simulation"
makeup = ["2027-02-20", "2027-05-08"]
holiday = [
  { name = "元旦", from = "2027-01-01", to = "2027-01-03" },
  { name = "春节", from = "2027-02-05", to = "2027-02-12" },
  { name = "清明节", from = "2027-04-03", to = "2027-04-05" },
  { name = "劳动节", from = "2027-05-01", to = "2027-05-05" },
  { name = "国庆节", from = "2027-10-01", to = "2027-10-07" },
]
"#;

/// What is loaded at some time: places in the lists of a [`Scenery`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stage {
    /// 0: as shipped; 1: this year changed; 2: the next year published; 3: the next year changed.
    pub calendars: usize,
    /// 0: as shipped; 1: a later version of each pack.
    pub rules: usize,
    /// 0: as shipped; 1: a later version of each workflow.
    pub workflows: usize,
}

/// Everything worlds are built from. Cheap to clone.
#[derive(Clone)]
pub struct Scenery {
    calendars: Vec<Calendars>,
    rules: Vec<Rules>,
    definitions: Vec<Definitions>,
}

impl Scenery {
    /// The files under `config/` beside this crate.
    ///
    /// # Errors
    /// A file or directory that cannot be read, or the problems found in the files, told in words.
    pub fn shipped() -> Result<Self, String> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config");
        Self::of_dir(&root)
    }

    /// The files under `dir/calendars`, `dir/rules` and `dir/workflows`.
    ///
    /// # Errors
    /// As [`Scenery::shipped`].
    pub fn of_dir(dir: &Path) -> Result<Self, String> {
        let read = |name: &str| {
            let mut found = files(&dir.join(name)).map_err(|e| format!("{name}: {e}"))?;
            found.sort();
            Ok::<_, String>(found)
        };
        let shipped = Sources {
            calendars: read("calendars")?,
            rules: read("rules")?,
            workflows: read("workflows")?,
            templates: None,
        };
        let catalogs = stages(&shipped).map(|sources| catalog(&sources));
        let catalogs = catalogs.into_iter().collect::<Result<Vec<_>, _>>()?;
        let last = catalogs.len() - 1;
        Ok(Self {
            calendars: catalogs.iter().map(|c| c.env().calendars).collect(),
            rules: vec![catalogs[0].env().rules, catalogs[last].env().rules],
            definitions: [&catalogs[0], &catalogs[last]]
                .map(Definitions::of_catalog)
                .to_vec(),
        })
    }

    /// The stage after this one: some of what can change does. The same where nothing is left to load.
    pub fn next(&self, stage: Stage, mut wanted: impl FnMut() -> bool) -> Stage {
        let step = |place: usize, len: usize, wanted: bool| {
            let next = place + usize::from(wanted);
            next.min(len - 1)
        };
        Stage {
            calendars: step(stage.calendars, self.calendars.len(), wanted()),
            rules: step(stage.rules, self.rules.len(), wanted()),
            workflows: step(stage.workflows, self.definitions.len(), wanted()),
        }
    }

    /// A setup at `stage`. Its calendars are a value of their own, by which one load is told from another.
    pub fn setup(&self, stage: Stage, providers: &[FaultProvider]) -> Setup {
        let rules = self.rules[stage.rules].clone();
        let pack = rules.values().next().map(RulePack::reference);
        let env = Env {
            calendars: Arc::new((*self.calendars[stage.calendars]).clone()),
            rules,
            functions: Arc::new(NoFunctions),
        };
        let definitions = self.definitions[stage.workflows].clone();
        setup(env, definitions, pack.unwrap_or_default(), providers)
    }

    /// The packs at `stage`.
    pub fn packs(&self, stage: Stage) -> Vec<PackRef> {
        let packs = self.rules[stage.rules].values();
        packs.map(RulePack::reference).collect()
    }
}

/// The sources of each stage of the calendars; the last has the later rules and workflows too.
fn stages(shipped: &Sources) -> [Sources; 4] {
    let mut changed = shipped.clone();
    for (name, text) in &mut changed.calendars {
        if name.ends_with("2026.toml") {
            *text = text.replace("to = \"2026-10-07\"", "to = \"2026-10-09\"");
        }
    }
    let mut published = changed.clone();
    let name = "2027.toml".to_owned();
    published.calendars.push((name, NEXT_YEAR.to_owned()));
    let mut last = changed.clone();
    let amended = NEXT_YEAR.replace("to = \"2027-02-12\"", "to = \"2027-02-14\"");
    last.calendars.push(("2027.toml".to_owned(), amended));
    for (_, text) in &mut last.rules {
        let other = text.replace("value = \"48h\"", "value = \"36h\"");
        *text = later(&other).replace("value = \"24h\"", "value = \"30h\"");
    }
    for (_, text) in &mut last.workflows {
        *text = later(text).replace("restore_within = \"3d\"", "restore_within = \"5d\"");
    }
    [shipped.clone(), changed, published, last]
}

fn later(text: &str) -> String {
    text.replacen("\nversion = 1\n", "\nversion = 2\n", 1)
}

fn catalog(sources: &Sources) -> Result<Catalog, String> {
    Catalog::build(sources, Arc::new(NoFunctions)).map_err(|found| format!("{found:?}"))
}

fn files(dir: &Path) -> std::io::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|e| e == "toml") {
            let text = std::fs::read_to_string(&path)?;
            found.push((path.to_string_lossy().into_owned(), text));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stage_differs_from_the_one_before() {
        let scenery = Scenery::shipped().expect("the shipped files are good");
        let mut stage = Stage::default();
        for last in [1, 2, 3, 3] {
            stage = scenery.next(stage, || true);
            assert_eq!(
                (stage.calendars, stage.rules, stage.workflows),
                (last, 1, 1)
            );
        }
        let versions = |stage| {
            let setup = scenery.setup(stage, &[]);
            let workflows = setup.definitions.all().map(|w| w.version);
            let packs = scenery.packs(stage).into_iter().map(|p| p.version);
            workflows.chain(packs).collect::<Vec<_>>()
        };
        assert_eq!(versions(Stage::default()), [1; 5]);
        assert_eq!(versions(stage), [2; 5]);
    }
}
