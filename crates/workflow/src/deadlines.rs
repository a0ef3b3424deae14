//! `[deadlines]`: clocks, their lengths, and what a miss does.

use indexmap::IndexMap;
use qixian_core::definition::{
    Ask, DeadlineDef, Kind, Length, Missed, MissedThen, Name, RungAt, Starts, TransitionDef,
};

use crate::Code;
use crate::codes::Basic;
use crate::diagnostics::{Diagnostic, say};
use crate::ladders::Ladders;
use crate::lengths::{self, Measured};
use crate::names::{Names, Sort};
use crate::source::{check_count, check_name};
use crate::table::{At, Item, Table};
use crate::transitions::read_notify;

/// Most deadlines a workflow has.
const MOST: usize = 100;

/// Reads the section.
pub(crate) fn read(
    table: &Table<'_>,
    names: &Names<'_>,
    ladders: &Ladders,
    transitions: &[TransitionDef],
) -> IndexMap<Name, DeadlineDef> {
    let report = table.report();
    let mut deadlines = IndexMap::new();
    for (name, deadline) in table.named_tables() {
        check_name(report, name.value, name.span.clone());
        if let Some(def) = read_one(&deadline, names, ladders, transitions) {
            deadlines.insert(name.value.to_owned(), def);
        }
        deadline.finish();
    }
    check_count(
        report,
        say!("期限", "deadlines"),
        deadlines.len(),
        MOST,
        table.span(),
    );
    deadlines
}

fn read_one(
    table: &Table<'_>,
    names: &Names<'_>,
    ladders: &Ladders,
    transitions: &[TransitionDef],
) -> Option<DeadlineDef> {
    let why = say!(
        "到了就办结，不再计时",
        "reaching it ends the case and its clocks"
    );
    let calendar = table.text("calendar");
    if let Some(id) = &calendar {
        names.check_calendar(&id.value, id.span.clone());
    }
    let states = names.open_states(table.texts("in"), &why);
    let start = read_start(table, names);
    let measured = lengths::read(table, names, start.as_ref().is_some_and(|(_, day)| *day));
    check_work_days(&measured, calendar.is_some(), names);
    let ladder = table.text("remind");
    let ladder = ladder.and_then(|ladder| {
        let span = ladder.span.clone();
        let name = names.resolve(Sort::Ladder, ladder)?;
        Some(At::new(name, span))
    });
    if let (Some(ladder), Some((starts, _)), Some(measured)) = (&ladder, &start, &measured) {
        check_rungs(ladder, starts, measured, names, ladders);
    }
    let missed = read_missed(table, names);
    let events = |key| {
        let events = table.texts(key);
        for event in &events {
            check_possible(event, &states, names, transitions);
        }
        names.resolve_all(Sort::Event, events)
    };
    let (met_by, pause_on, resume_on) = (events("met_by"), events("pause_on"), events("resume_on"));
    if let Some((MissedThen::Event(event), span)) = missed
        .as_ref()
        .map(|missed| (&missed.value.then, &missed.span))
    {
        let event = At::new(event.clone(), span.clone());
        check_possible(&event, &states, names, transitions);
    }
    let ask = read_ask(table, names, ladders, start.as_ref().map(|(s, _)| s));
    let def = DeadlineDef {
        title: table.words("title"),
        kind: read_kind(table),
        states,
        when: table.text("if").and_then(|name| names.condition(name)),
        starts: Starts::Entering,
        length: Length::Until(String::new()),
        calendar: calendar.map(|id| id.value),
        ladder: ladder.map(|ladder| ladder.value),
        ask,
        missed: missed.map(|missed| missed.value),
        met_by,
        pause_on,
        resume_on,
        holder: table
            .text("holder")
            .and_then(|role| names.resolve(Sort::Role, role)),
        source: table.words("source"),
    };
    check_pauses(table, &def, names);
    Some(DeadlineDef {
        starts: start?.0,
        length: measured?.length,
        ..def
    })
}

fn read_kind(table: &Table<'_>) -> Kind {
    let Some(item) = table.get("kind") else {
        return Kind::Duty;
    };
    match item.text().map(|kind| kind.value).as_deref() {
        Some("expectation") => Kind::Expectation,
        None | Some("duty") => Kind::Duty,
        Some(other) => {
            item.bad_value(
                say!("没有“{other}”这种期限", "there is no kind `{other}`"),
                say!("应为 duty 或 expectation", "expected duty or expectation"),
            );
            Kind::Duty
        }
    }
}

/// What starts the clock, and whether that is a day without a time.
fn read_start(table: &Table<'_>, names: &Names<'_>) -> Option<(Starts, bool)> {
    let Some(item) = table.get("starts") else {
        return Some((Starts::Entering, false));
    };
    let starts = item.table()?;
    let (event, field) = (starts.text("event"), starts.text("field"));
    starts.finish();
    match (event, field) {
        (Some(event), None) => {
            let event = names.resolve(Sort::Event, event)?;
            Some((Starts::Event(event), false))
        }
        (None, Some(field)) => {
            let (path, is_day) = names.moment(field)?;
            Some((Starts::Field(path), is_day))
        }
        _ => {
            let report = names.report;
            let message = say!(
                "starts 要写 event 或 field，且只写一个",
                "`starts` needs exactly one of `event` and `field`"
            );
            report.push(
                report
                    .basic(Basic::Conflict, item.span(), message)
                    .label(say!("二者取一", "one of the two"))
                    .help(say!(
                        "例如 starts = {{ event = \"sms_requested\" }}；从进入 in 的状态起算就不写 starts",
                        "for example starts = {{ event = \"sms_requested\" }}; leave it out to start on entering `in`"
                    )),
            );
            None
        }
    }
}

/// Working days need a calendar: the deadline's own, or the workflow's.
fn check_work_days(measured: &Option<Measured>, own_calendar: bool, names: &Names<'_>) {
    let Some(measured) = measured else { return };
    let checked = own_calendar || names.calendar_named;
    if let (Some(span), false) = (&measured.work_days, checked) {
        names.check_calendar(&names.calendar, span.clone());
    }
}

fn check_pauses(table: &Table<'_>, def: &DeadlineDef, names: &Names<'_>) {
    if def.pause_on.is_empty() || !def.resume_on.is_empty() {
        return;
    }
    if let Some(span) = table.key_span("pause_on") {
        names.report.push(
            Diagnostic::warning(
                Code::NeverResumed,
                span,
                say!("停表之后没有事件让它继续", "no event lets the clock go on"),
            )
            .label(say!("只停不走", "stops it"))
            .help(say!(
                "写 resume_on；否则只能由人手工恢复",
                "add `resume_on`; else only a person can resume it"
            )),
        );
    }
}

/// Warns of rungs that can never fire, and refuses those before a start that nobody knows ahead.
fn check_rungs(
    ladder: &At<Name>,
    starts: &Starts,
    measured: &Measured,
    names: &Names<'_>,
    ladders: &Ladders,
) {
    let Some(def) = ladders.defs.get(&ladder.value) else {
        return;
    };
    let spans = ladders.rungs.get(&ladder.value).into_iter().flatten();
    for (rung, span) in def.steps.iter().zip(spans) {
        let late = |length| {
            measured
                .fixed
                .is_some_and(|whole| lengths::at_least(length, whole))
        };
        let problem = match rung.at {
            RungAt::AfterStart(length) if late(length) => say!(
                "起算后 {length} 已不早于到期，不会提醒",
                "{length} after the start is not before it is due, so it never fires"
            ),
            RungAt::BeforeDue(length) if late(length) => say!(
                "到期前 {length} 已不晚于起算，不会提醒",
                "{length} before it is due is not after the start, so it never fires"
            ),
            RungAt::BeforeStart(_) if !matches!(starts, Starts::Field(_)) => say!(
                "起算的事没有预定的日子，无从提前提醒",
                "the start is not known ahead, so nothing can come before it"
            ),
            _ => continue,
        };
        names.report.push(
            Diagnostic::warning(Code::NeverFires, span.clone(), problem)
                .label(say!("不会发出", "never fires"))
                .also(ladder.span.clone(), say!("用在这里", "used here")),
        );
    }
}

fn read_ask(
    table: &Table<'_>,
    names: &Names<'_>,
    ladders: &Ladders,
    starts: Option<&Starts>,
) -> Option<Ask> {
    let ask = table.table("ask")?;
    if starts == Some(&Starts::Entering) {
        let span = table.key_span("ask").unwrap_or_else(|| ask.span());
        names.report.push(
            Diagnostic::error(
                Code::AskWithoutStart,
                span,
                say!(
                    "从进入状态起算，没有什么可问的",
                    "the clock starts on entering a state: there is nothing to ask for"
                ),
            )
            .label(say!("用不上", "of no use"))
            .help(say!(
                "ask 只与 starts = {{ event = … }} 或 {{ field = … }} 同用",
                "`ask` goes with starts = {{ event = … }} or {{ field = … }}"
            )),
        );
    }
    let since = ask.text("since").and_then(|path| names.moment(path));
    let ladder = ask
        .need("remind", "remind = \"ask_opening\"")
        .and_then(Item::text)
        .and_then(|ladder| {
            let at = At::new(ladder.value.clone(), ladder.span.clone());
            check_questions(&at, names, ladders);
            names.resolve(Sort::Ladder, ladder)
        });
    let assume_after = ask
        .need("assume_after", "assume_after = \"7d\"")
        .and_then(Item::period);
    ask.finish();
    let assume_after = assume_after?;
    if let Some((_, true)) = since {
        lengths::refuse_elapsed(&assume_after, names);
    }
    Some(Ask {
        since: since.map(|(path, _)| path),
        ladder: ladder?,
        assume_after: assume_after.value,
    })
}

/// Questions have no due time yet, so their rungs count from the start only.
fn check_questions(ladder: &At<Name>, names: &Names<'_>, ladders: &Ladders) {
    let Some(def) = ladders.defs.get(&ladder.value) else {
        return;
    };
    let spans = ladders.rungs.get(&ladder.value).into_iter().flatten();
    let steps = def.steps.iter().zip(spans);
    for (_, span) in steps.filter(|(rung, _)| !matches!(rung.at, RungAt::AfterStart(_))) {
        names.report.push(
            Diagnostic::error(
                Code::NeverFires,
                span.clone(),
                say!(
                    "询问时还没有到期日，只能写 after",
                    "a question has no due time yet; only `after` is possible"
                ),
            )
            .label(say!("询问用不上", "not for questions"))
            .also(ladder.span.clone(), say!("用来询问", "asks with it")),
        );
    }
}

fn read_missed(table: &Table<'_>, names: &Names<'_>) -> Option<At<Missed>> {
    let item = table.get("missed")?;
    let missed = item.table()?;
    let to = missed.text("to");
    let flag = missed.text("flag");
    let event = missed.text("event");
    let reason = missed.words("reason");
    let notify = read_notify(&missed, names);
    missed.finish();
    let then = match (to, flag, event) {
        (Some(state), None, None) => MissedThen::To(names.resolve(Sort::State, state)?),
        (None, Some(flag), None) => {
            check_name(names.report, &flag.value, flag.span);
            MissedThen::Flag(flag.value)
        }
        (None, None, Some(event)) => MissedThen::Event(names.resolve(Sort::Event, event)?),
        _ => {
            let report = names.report;
            let message = say!(
                "missed 要写 to、flag、event 之一，且只写一个",
                "`missed` needs exactly one of `to`, `flag` and `event`"
            );
            report.push(
                report
                    .basic(Basic::Conflict, item.span(), message)
                    .label(say!("三者取一", "one of the three"))
                    .help(say!(
                        "to：转到某状态；flag：原地标记；event：当作发生了某事件",
                        "to: presume a move to a state; flag: stay and mark; event: take that event's transition"
                    )),
            );
            return None;
        }
    };
    let missed = Missed {
        then,
        reason,
        notify,
    };
    Some(At::new(missed, item.span()))
}

/// Warns of an event that no transition takes in any of the deadline's states: it can never do there what is said of it.
fn check_possible(
    event: &At<String>,
    states: &[Name],
    names: &Names<'_>,
    transitions: &[TransitionDef],
) {
    let mut taking = transitions
        .iter()
        .filter(|t| t.event == event.value)
        .peekable();
    // An event nobody knows is a problem of its own, and a deadline without states runs in all of them.
    if taking.peek().is_none() || states.is_empty() {
        return;
    }
    if taking.any(|t| t.from.is_empty() || t.from.iter().any(|from| states.contains(from))) {
        return;
    }
    let (name, list) = (&event.value, states.join(", "));
    names.report.push(
        Diagnostic::warning(
            Code::NotPossible,
            event.span.clone(),
            say!(
                "期限运行时不会发生“{name}”",
                "`{name}` cannot happen while the deadline runs"
            ),
        )
        .label(say!("这时不会发生", "not possible then"))
        .help(say!(
            "没有从 {list} 出发的“{name}”；加一条 [[on]]，或换一个事件",
            "no transition of `{name}` leaves {list}; add an [[on]], or name another event"
        )),
    );
}
