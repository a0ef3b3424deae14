//! The shortest history that still fails in the same way.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{Failure, Happened, History, Key, Lived, Sabotage, Scenery, World};

/// Most lives lived to shrink one history.
const LIVES_MAX: u32 = 600;

/// A failing history, shrunk.
#[derive(Clone, Debug)]
pub struct Kept {
    /// What may happen in it.
    pub history: History,
    /// How many things happened before it was shrunk.
    pub of: usize,
    /// What it fails with.
    pub failure: Failure,
    /// What happens in it, in order.
    pub happened: Vec<Happened>,
}

impl Kept {
    /// The text [`History::parse`] reads again; people can read it too.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for line in self.failure.0.lines().take(12) {
            text += &format!("# {line}\n");
        }
        let (left, of) = (self.happened.len(), self.of);
        text += &format!("# {left} things left of {of}\n");
        text += &format!("seed {}\ndays {}\n", self.history.seed, self.history.days);
        for happened in &self.happened {
            text += &format!("{happened}\n");
        }
        text
    }
}

/// Lives `history`; a panic is a failure like any other.
pub fn replay(history: &History, scenery: &Scenery, sabotage: Option<Sabotage>) -> Lived {
    let world = || World::of(history, scenery, sabotage).lived(history.days);
    catch_unwind(AssertUnwindSafe(world)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|t| (*t).to_owned()));
        let (seed, said) = (history.seed, text.unwrap_or_default());
        Lived {
            outcome: Err(Failure(format!("SEED={seed}\npanicked: {said}"))),
            happened: Vec::new(),
        }
    })
}

/// Drops what can be dropped from a failing life: days first, then things in ever smaller chunks (delta debugging).
/// `None` where the history does not fail.
pub fn shrink(whole: &History, scenery: &Scenery, sabotage: Option<Sabotage>) -> Option<Kept> {
    let first = replay(whole, scenery, sabotage);
    let failure = first.outcome.err()?;
    let mut shrinker = Shrinker {
        scenery,
        sabotage,
        way: way(&failure),
        lives: 0,
        best: whole.clone(),
        found: (failure, first.happened),
    };
    let of = shrinker.found.1.len();
    shrinker.drop_days();
    // What happened after the failure, or never, is not needed; after a panic nobody knows what happened.
    if !shrinker.found.1.is_empty() {
        let keys = shrinker.found.1.iter().map(|h| h.key).collect();
        shrinker.try_only(keys);
    }
    shrinker.drop_things();
    shrinker.drop_days();
    let Shrinker { best, found, .. } = shrinker;
    let (failure, happened) = found;
    Some(Kept {
        history: best,
        of,
        failure,
        happened,
    })
}

struct Shrinker<'a> {
    scenery: &'a Scenery,
    sabotage: Option<Sabotage>,
    /// How it fails.
    way: String,
    lives: u32,
    best: History,
    found: (Failure, Vec<Happened>),
}

impl Shrinker<'_> {
    /// Lives `history`, and takes it where it fails in the same way.
    fn attempt(&mut self, history: History) -> bool {
        self.lives += 1;
        let lived = replay(&history, self.scenery, self.sabotage);
        match lived.outcome {
            Err(failure) if way(&failure) == self.way => {
                self.found = (failure, lived.happened);
                self.best = history;
                true
            }
            _ => false,
        }
    }

    fn try_only(&mut self, only: BTreeSet<Key>) -> bool {
        let only = Some(only);
        self.attempt(History { only, ..self.best })
    }

    fn drop_days(&mut self) {
        while self.best.days > 1 && self.lives < LIVES_MAX {
            let days = self.best.days / 2;
            let only = self.best.only.clone();
            let seed = self.best.seed;
            if !self.attempt(History { seed, days, only }) {
                return;
            }
        }
    }

    /// Tries to leave out each chunk, then each half as long, down to single things.
    fn drop_things(&mut self) {
        let mut size = self.keys().len().div_ceil(2);
        while size > 0 && self.lives < LIVES_MAX {
            let mut from = 0;
            loop {
                let keys = self.keys();
                if from >= keys.len() || self.lives >= LIVES_MAX {
                    break;
                }
                let to = (from + size).min(keys.len());
                let left = keys[..from].iter().chain(&keys[to..]).copied().collect();
                if !self.try_only(left) {
                    from = to;
                }
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
        // What was allowed and no longer happens goes too.
        let happened = self.found.1.iter().map(|h| h.key).collect();
        self.try_only(happened);
    }

    /// What may happen, in the order it did.
    fn keys(&self) -> Vec<Key> {
        self.found.1.iter().map(|happened| happened.key).collect()
    }
}

/// How something fails, without names and numbers: the same in a shorter history.
fn way(failure: &Failure) -> String {
    let line = failure.0.lines().nth(1).unwrap_or(&failure.0);
    let words = line.split(|c: char| !c.is_ascii_lowercase());
    let words = words.filter(|word| word.len() > 2).take(6);
    words.collect::<Vec<_>>().join(" ")
}
