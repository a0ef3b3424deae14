//! What people change by hand: fields, people, deadlines, and whether the case is open.

use qixian_time::day_after;

use super::begin::{PARTIES_MAX, role_problem};
use super::draft::Draft;
use super::{invalid, ladder, outgoing, places, take};
use crate::definition::DeadlineDef;
use crate::words::say;
use crate::{
    CaseId, ClockState, FieldProblem, Fields, MoveTo, Moved, PartyChange, Rejection, Words, value,
};

/// Fields, title or reference corrected in place.
pub(super) fn edit<'a>(
    mut draft: Draft<'a>,
    fields: &Fields,
    title: Option<&str>,
    reference: Option<&str>,
) -> Result<Draft<'a>, Rejection> {
    refuse_closed(&draft)?;
    let mut problems: Vec<FieldProblem> = draft
        .workflow
        .fields
        .check(fields)
        .into_iter()
        .map(FieldProblem::in_request)
        .collect();
    let mut length = |pointer: &str, text: Option<&str>, most: usize| {
        if text.is_some_and(|t| t.trim().is_empty() || t.chars().count() > most) {
            let detail = say!("应为 1 至 {most} 个字", "expected 1 to {most} characters");
            problems.push(FieldProblem {
                pointer: pointer.to_owned(),
                detail,
            });
        }
    };
    length("/title", title, 200);
    length("/reference", reference, 100);
    if !problems.is_empty() {
        return Err(Rejection::Invalid(problems));
    }
    value::merge(&mut draft.case.fields, fields);
    if let Some(title) = title {
        title.clone_into(&mut draft.case.title);
    }
    if let Some(reference) = reference {
        reference.clone_into(&mut draft.case.reference);
    }
    places::follow_fields(&mut draft)?;
    Ok(draft)
}

/// A person added, changed or removed. Messages not yet sent go to whom the case names when they are sent.
pub(super) fn party<'a>(
    mut draft: Draft<'a>,
    change: &PartyChange,
) -> Result<Draft<'a>, Rejection> {
    refuse_closed(&draft)?;
    let role = match change {
        PartyChange::Put { party, .. } => &party.role,
        PartyChange::Remove { role, .. } => role,
    };
    if let Some(detail) = role_problem(draft.workflow, role) {
        return Err(invalid("/role", detail));
    }
    let place = |nth: u32| {
        let mut of_role = draft
            .case
            .parties
            .iter()
            .enumerate()
            .filter(|(_, p)| p.role == *role);
        of_role.nth(nth as usize).map(|(i, _)| i)
    };
    match change {
        PartyChange::Put { nth, party } => match place(*nth) {
            Some(i) => draft.case.parties[i] = party.clone(),
            None if draft.case.parties.len() < PARTIES_MAX => {
                draft.case.parties.push(party.clone())
            }
            None => {
                return Err(invalid(
                    "/parties",
                    say!("最多 {PARTIES_MAX} 人", "at most {PARTIES_MAX} are taken"),
                ));
            }
        },
        PartyChange::Remove { nth, .. } => match place(*nth) {
            Some(i) => drop(draft.case.parties.remove(i)),
            None => {
                return Err(invalid(
                    "/nth",
                    say!("案件里没有这位“{role}”", "the case names no such `{role}`"),
                ));
            }
        },
    }
    Ok(draft)
}

/// Closed by hand: deadlines end, queued messages are found moot when their turn comes.
pub(super) fn close(mut draft: Draft<'_>) -> Result<Draft<'_>, Rejection> {
    refuse_closed(&draft)?;
    if draft.workflow.is_final(&draft.case.state) {
        let state = &draft.case.state;
        return Err(Rejection::Closed(say!(
            "案件已在状态“{state}”结束",
            "the case has ended in `{state}` already"
        )));
    }
    places::end_all(&mut draft);
    draft.case.closed = true;
    let at = draft.occurred_at;
    outgoing::tell_parent(&mut draft, at);
    Ok(draft)
}

/// Opened again: the state is entered anew, every deadline in a new generation. What was presumed before is settled by it.
pub(super) fn reopen(mut draft: Draft<'_>) -> Result<Draft<'_>, Rejection> {
    if !draft.case.closed {
        return Err(Rejection::Closed(Words::new(
            "案件没有关闭",
            "the case is not closed",
        )));
    }
    draft.case.closed = false;
    draft.case.presumed = None;
    let (state, at) = (draft.case.state.clone(), draft.occurred_at);
    places::arm_for_life(&mut draft, at)?;
    places::enter(&mut draft, &state, at, None)?;
    Ok(draft)
}

/// A due time set by hand; from then on neither calendars nor rules move it.
pub(super) fn move_deadline<'a>(
    mut draft: Draft<'a>,
    name: &str,
    to: &MoveTo,
    reason: &str,
) -> Result<Draft<'a>, Rejection> {
    let (i, def) = find(&draft, name, &[ClockState::Armed, ClockState::Missed])?;
    let refuse = |reason: Words| Rejection::Deadline {
        deadline: name.to_owned(),
        reason,
    };
    if reason.trim().is_empty() {
        return Err(invalid(
            "/reason",
            Words::new("请写明理由", "a reason is needed"),
        ));
    }
    let zone = &draft.workflow.zone;
    let deadline = &draft.case.deadlines[i];
    let was = deadline.due_at.ok_or_else(|| {
        refuse(Words::new(
            "它还没有到期时间",
            "it is not due at any time yet",
        ))
    })?;
    let due_at = match to {
        MoveTo::At(at) => *at,
        MoveTo::EndOf(day) => zone.end_of_day(*day),
        MoveTo::Later(period) => match period.elapsed_millis() {
            Some(millis) => was.saturating_add_millis(millis),
            None => {
                let last_day = deadline.last_day(zone).unwrap_or_else(|| zone.date_of(was));
                let day = day_after(last_day, *period, draft.calendar(def))
                    .map_err(|e| refuse(Words::from(&e)))?;
                zone.end_of_day(day)
            }
        },
    };
    let now = draft.now;
    if due_at <= now {
        return Err(refuse(say!(
            "新的时间 {due_at} 已经过去；请给一个晚于 {now} 的时间",
            "the new time {due_at} has passed already; give one after {now}"
        )));
    }
    let moved = Moved {
        due_at,
        reason: reason.to_owned(),
        by: draft.event.by.name.clone(),
        at: draft.now,
    };
    let deadline = &mut draft.case.deadlines[i];
    deadline.due_at = Some(due_at);
    deadline.earliest_at = deadline.earliest_at.map(|earliest| earliest.min(due_at));
    deadline.provisional = false;
    deadline.clock = ClockState::Armed;
    deadline.moved = Some(moved);
    ladder::plan(&mut draft, i, def);
    ladder::fire_due(&mut draft, i, def);
    Ok(draft)
}

/// A clock stopped by hand.
pub(super) fn pause<'a>(mut draft: Draft<'a>, name: &str) -> Result<Draft<'a>, Rejection> {
    let (i, _) = find(&draft, name, &[ClockState::Armed])?;
    let at = draft.occurred_at;
    take::pause(&mut draft, i, at);
    Ok(draft)
}

/// A clock let go on by hand.
pub(super) fn resume<'a>(mut draft: Draft<'a>, name: &str) -> Result<Draft<'a>, Rejection> {
    let (i, def) = find(&draft, name, &[ClockState::Paused])?;
    let at = draft.occurred_at;
    take::resume(&mut draft, i, def, at)?;
    Ok(draft)
}

/// A child ended.
pub(super) fn child_closed(mut draft: Draft<'_>, child: CaseId) -> Draft<'_> {
    for known in draft
        .case
        .children
        .iter_mut()
        .filter(|known| known.case == child)
    {
        known.ended = true;
    }
    draft
}

/// Messages held since a mid-way start may go.
pub(super) fn release(mut draft: Draft<'_>) -> Result<Draft<'_>, Rejection> {
    if !draft.case.held {
        return Err(Rejection::Existence(say!(
            "没有待放行的消息",
            "no messages of this case are held"
        )));
    }
    draft.case.held = false;
    Ok(draft)
}

fn refuse_closed(draft: &Draft<'_>) -> Result<(), Rejection> {
    if draft.case.closed {
        return Err(Rejection::closed());
    }
    Ok(())
}

/// The deadline of this name, in one of these clock states.
fn find<'a>(
    draft: &Draft<'a>,
    name: &str,
    allowed: &[ClockState],
) -> Result<(usize, &'a DeadlineDef), Rejection> {
    refuse_closed(draft)?;
    let refuse = |reason: Words| Rejection::Deadline {
        deadline: name.to_owned(),
        reason,
    };
    let def = draft.workflow.deadlines.get(name).ok_or_else(|| {
        let known: Vec<&str> = draft
            .workflow
            .deadlines
            .keys()
            .map(String::as_str)
            .collect();
        refuse(say!(
            "流程没有这个期限；可用的有：{}",
            "the workflow has no such deadline; known: {}";
            Words::listed(&known)
        ))
    })?;
    let i = draft
        .position(name)
        .ok_or_else(|| refuse(Words::new("它还没有开始", "it has not begun")))?;
    if !places::lives(draft, def) {
        let state = &draft.case.state;
        return Err(refuse(say!(
            "它属于状态 {}，案件现在是“{state}”",
            "it belongs to {}, and the case is in `{state}` now";
            Words::one_of(&def.states)
        )));
    }
    let clock = draft.case.deadlines[i].clock;
    if !allowed.contains(&clock) {
        return Err(refuse(say!(
            "它{}；这一步只适用于{}的期限",
            "it is {}; this needs one that is {}";
            clock.words(),
            names(allowed)
        )));
    }
    Ok((i, def))
}

fn names(clocks: &[ClockState]) -> Words {
    let (zh, en): (Vec<_>, Vec<_>) = clocks
        .iter()
        .map(|clock| clock.words())
        .map(|words| (words.zh, words.en))
        .unzip();
    Words::new(zh.join("或"), en.join(" or "))
}
