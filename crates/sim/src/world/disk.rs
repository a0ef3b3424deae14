//! What the disk does with groups: in order, but when it likes, and not always what it was told.

use std::collections::HashMap;

use qixian_store::{Fate, Group, Refusal};

use super::World;
use crate::rng::hash;
use crate::{Failure, FaultPlan, Key, Kind, Rng};

/// What is planned for the groups under way.
#[derive(Debug, Default)]
pub(super) struct Disk {
    seen: u64,
    pending: Vec<Planned>,
    unsaid: Vec<Moment>,
    /// How often a group of this name was submitted.
    again: HashMap<u64, u64>,
}

/// Not before this many steps, or the engine having nothing to do; and not before the host was awake for so long.
#[derive(Clone, Copy, Debug, Default)]
struct Moment {
    step: u64,
    awake: i64,
}

#[derive(Debug)]
struct Planned {
    fate: Fate,
    take: Moment,
    /// From the moment it takes effect.
    say: Moment,
}

impl Planned {
    fn plain() -> Self {
        Self {
            fate: Fate::Durable,
            take: Moment::default(),
            say: Moment::default(),
        }
    }
}

impl Disk {
    /// Whether something took effect, or not, and nobody was told yet.
    pub(super) fn has_unsaid(&self) -> bool {
        !self.unsaid.is_empty()
    }
}

impl World {
    /// Looks at the groups submitted since the last look.
    ///
    /// # Errors
    /// When something is written that there is no room for.
    pub(super) fn notice_groups(&mut self) -> Result<(), Failure> {
        let submitted = self.control.submitted();
        while self.disk.seen < submitted {
            let back = usize::try_from(submitted - self.disk.seen).unwrap_or(1);
            let place = self.control.pending().saturating_sub(back);
            self.disk.seen += 1;
            let state = self.room_state();
            let look = |group: &Group| self.keeps_reserve(state, group);
            self.control.look(place, look).transpose()?;
            let env = &self.engine.setup().env;
            let ground = &mut self.ground;
            let name = self.control.look(place, |group| {
                ground.decided(group, env);
                hash(&name(group))
            });
            let planned = match name {
                Some(name) => self.plan_group(name),
                None => Planned::plain(),
            };
            self.disk.pending.push(planned);
        }
        Ok(())
    }

    fn plan_group(&mut self, name: u64) -> Planned {
        let again = self.disk.again.entry(name).or_default();
        *again += 1;
        let no = name.wrapping_add(*again);
        let key = Key {
            kind: Kind::Group,
            no,
        };
        let mut rng = Rng::of(self.seed, key);
        let mut planned = Planned::plain();
        // Not a fault: the engine may get some steps further before it hears.
        planned.take.step = self.steps() + rng.below(4);
        if !self.script.allows(key) {
            return planned;
        }
        let what = spoil(&mut planned, &mut rng, &self.plan);
        if !what.is_empty() {
            for name in &what {
                self.summary.tally.tried(name);
            }
            planned.take.awake += self.times.awake();
            self.script.note(key, self.times.now(), what.join(", "));
        }
        planned
    }

    /// The disk goes on with what it is to do by now; `idle` where the engine waits for it. Answers whether it did
    /// anything.
    pub(super) fn work_disk(&mut self, idle: bool) -> bool {
        let (step, awake) = (self.steps(), self.times.awake());
        let ready = |m: &Moment| m.awake <= awake && (idle || m.step <= step);
        let take = self.disk.pending.first().map(|planned| planned.take);
        let take = take.filter(&ready);
        let says = self.disk.unsaid.iter().enumerate();
        let say = says
            .filter(|(_, m)| ready(m))
            .min_by_key(|(_, m)| m.step)
            .map(|(place, m)| (place, *m));
        match (take, say) {
            (Some(take), Some((_, say))) if take.step < say.step => self.take_group(),
            (_, Some((place, _))) => self.say_group(place),
            (Some(_), None) => self.take_group(),
            (None, None) => return false,
        }
        true
    }

    fn take_group(&mut self) {
        let planned = self.disk.pending.remove(0);
        self.control.decide(planned.fate);
        self.disk.unsaid.push(Moment {
            step: self.steps() + planned.say.step,
            awake: self.times.awake() + planned.say.awake,
        });
        if planned.say.step == 0 && planned.say.awake == 0 {
            self.say_group(self.disk.unsaid.len() - 1);
        }
    }

    fn say_group(&mut self, place: usize) {
        if place > 0 {
            self.summary.tally.tried("answers of the disk out of order");
        }
        self.disk.unsaid.remove(place);
        self.control.say(place);
    }

    /// All that is under way becomes durable and is answered, without further faults.
    pub(super) fn finish_disk(&mut self) {
        while self.control.say(0) {}
        self.control.make_durable(usize::MAX);
        self.disk.pending.clear();
        self.disk.unsaid.clear();
        self.disk.seen = self.control.submitted();
    }

    /// The process died; what is planned no longer matters.
    pub(super) fn forget_disk(&mut self) {
        let again = std::mem::take(&mut self.disk.again);
        self.disk = Disk {
            again,
            ..Disk::default()
        };
    }

    /// Whether groups are under way.
    pub(super) fn disk_is_busy(&self) -> bool {
        !self.disk.pending.is_empty() || !self.disk.unsaid.is_empty()
    }

    /// When the disk goes on by itself, in awake milliseconds.
    pub(super) fn disk_at(&self) -> Option<i64> {
        let take = self.disk.pending.first().map(|planned| planned.take.awake);
        let says = self.disk.unsaid.iter().map(|m| m.awake);
        says.chain(take).min()
    }
}

/// Draws what goes wrong with a group, in words.
fn spoil(planned: &mut Planned, rng: &mut Rng, plan: &FaultPlan) -> Vec<&'static str> {
    let mut what = Vec::new();
    if rng.chance(plan.refused) {
        let why = "by the seed".to_owned();
        if rng.chance(200) {
            planned.fate = Fate::Refused(Refusal::Conflict(why));
            what.push("group refused as a conflict");
        } else {
            planned.fate = Fate::Refused(Refusal::Unavailable(why));
            what.push("group refused");
        }
    } else if rng.chance(plan.unknown) {
        let took_effect = rng.chance(500);
        planned.fate = Fate::Unknown { took_effect };
        what.push(if took_effect {
            "group done, answer lost"
        } else {
            "group not done, answer lost"
        });
    }
    if rng.chance(plan.slow_disk) {
        planned.take.awake = 1 + rng.millis(60_000);
        what.push("slow disk");
    }
    if rng.chance(plan.late_answer) {
        planned.say.step = 1 + rng.below(12);
        planned.say.awake = if rng.chance(200) {
            rng.millis(20_000)
        } else {
            0
        };
        what.push("late answer of the disk");
    }
    what
}

/// A name of what a group writes that stays the same when it is submitted again, or in a shorter history.
fn name(group: &Group) -> String {
    let commits = &group.commits;
    let lines = commits.iter().flat_map(|commit| &commit.cases);
    let messages = commits.iter().flat_map(|commit| &commit.outbox);
    let records = commits.iter().flat_map(|commit| &commit.records);
    let line = lines.map(|write| match &write.journal {
        Some(line) => line.id.clone(),
        None => format!("{} {}", write.case.id, write.case.rev),
    });
    let message = messages.map(|write| {
        let tries: usize = write.entry.legs.iter().map(|leg| leg.attempts.len()).sum();
        let open = write.entry.legs.iter().filter(|l| !l.status.is_final());
        format!("{} {tries} {}", write.entry.intent.id, open.count())
    });
    let record = records.map(|write| {
        let rev = write.after.as_ref().map_or(0, |record| record.rev);
        format!("{} {rev}", write.key.1)
    });
    line.chain(message).chain(record).next().unwrap_or_default()
}
