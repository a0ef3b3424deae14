//! Rungs: each that fires says so in one message of the same commit.

use qixian_core::{Case, Cause, Deadline, JournalLine, ReminderIntent, Rung, RungState, What};
use qixian_store::Commit;

use super::lines::named;
use super::{Failure, fail};

/// The rungs of `deadline` that this line let fire: they have fired now and had not before. Over a correction what was
/// said stays said, under whatever generation.
pub(super) fn newly_fired<'d>(
    before: Option<&Case>,
    deadline: &'d Deadline,
    line: &JournalLine,
) -> impl Iterator<Item = &'d Rung> {
    let corrects = matches!(line.what, What::Correct { .. });
    let was = before.and_then(|case| case.deadlines.iter().find(|d| d.name == deadline.name));
    let was = was.filter(|was| corrects || was.generation == deadline.generation);
    let old: Vec<Rung> = was.map_or_else(Vec::new, |was| {
        let fired = was.rungs.iter().filter(|r| r.state == RungState::Fired);
        fired.cloned().collect()
    });
    let had_fired = move |rung: &&Rung| {
        old.iter()
            .any(|was| was.steps.iter().any(|step| rung.steps.contains(step)))
    };
    let fired = deadline
        .rungs
        .iter()
        .filter(|r| r.state == RungState::Fired);
    fired.filter(move |rung| !had_fired(rung))
}

/// Every rung that fired has its message in the commit, and no message speaks for one that did not.
pub(super) fn spoken(
    before: Option<&Case>,
    case: &Case,
    line: &JournalLine,
    commit: &Commit,
) -> Result<(), Failure> {
    let of_line = |intent: &&ReminderIntent| (intent.id.case, intent.id.seq) == (case.id, line.seq);
    let intents = commit.outbox.iter().map(|write| &write.entry.intent);
    let mut said: Vec<(&str, u32, u16)> = intents
        .filter(of_line)
        .filter_map(|intent| match &intent.cause {
            Cause::Rung {
                deadline,
                generation,
                rung,
            } => Some((deadline.as_str(), *generation, *rung)),
            _ => None,
        })
        .collect();
    for deadline in &case.deadlines {
        for rung in newly_fired(before, deadline, line) {
            let this = (deadline.name.as_str(), deadline.generation, rung.name());
            match said.iter().position(|other| *other == this) {
                Some(place) => drop(said.swap_remove(place)),
                None => {
                    return fail(format!(
                        "a rung was skipped: {}: rung {} of `{}`, planned for {}, fired at {} and no message was written",
                        named(case),
                        rung.name(),
                        deadline.name,
                        rung.at,
                        line.recorded_at
                    ));
                }
            }
        }
    }
    match said.first() {
        // Within one event a deadline may begin, speak, end and begin again.
        Some((name, generation, rung)) if !is_passing(case, name, *generation) => fail(format!(
            "{}: line {} speaks for rung {rung} of `{name}`, which did not fire",
            named(case),
            line.seq,
        )),
        _ => Ok(()),
    }
}

/// Whether this generation is not the one the case is left with.
fn is_passing(case: &Case, name: &str, generation: u32) -> bool {
    case.deadline(name)
        .is_none_or(|d| d.generation != generation)
}

/// All that the event is to say is in the commit, and nothing else.
pub(super) fn all_written(
    case: &Case,
    line: &JournalLine,
    intents: &[ReminderIntent],
    commit: &Commit,
) -> Result<(), Failure> {
    let of_line = |intent: &&ReminderIntent| (intent.id.case, intent.id.seq) == (case.id, line.seq);
    let written = commit.outbox.iter().map(|write| &write.entry.intent);
    let written: Vec<&ReminderIntent> = written.filter(of_line).collect();
    if written.len() == intents.len() && written.iter().zip(intents).all(|(a, b)| *a == b) {
        return Ok(());
    }
    fail(format!(
        "{}: line {} ({}) says {intents:?}, written was {written:?}",
        named(case),
        line.seq,
        line.event
    ))
}
