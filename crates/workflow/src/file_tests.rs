//! `[[tests]]`: what a workflow file says of its own behaviour. Running them is the engine's job.

use std::collections::BTreeSet;

use qixian_core::definition::Name;
use qixian_core::{Channel, ClockState, Fields, Lang, Party, Value, Words};
use qixian_time::{Date, Period, TimeOfDay, Timestamp, Unit, Zone, parse_date};

use crate::Code;
use crate::diagnostics::{Diagnostic, Span, say};
use crate::names::{Names, Sort};
use crate::report::{Report, suggestion};
use crate::source::check_count;
use crate::table::{At, Item, Table, bad_value, time_error};

/// Most tests of a file, and most steps of a test.
const MOST: usize = 200;

/// One test: a case, and what is done to it and expected of it.
#[derive(Clone, Debug)]
pub struct WorkflowTest {
    /// What it shows.
    pub name: String,
    /// Where it stands in the file.
    pub span: Span,
    /// When the case begins.
    pub at: Timestamp,
    /// The case's first fields.
    pub fields: Fields,
    /// Its people.
    pub parties: Vec<Party>,
    /// The rule pack it is decided under.
    pub rules: String,
    /// The state it starts in, where not the initial one.
    pub state: Option<Name>,
    /// The steps, in the order of time.
    pub steps: Vec<TestStep>,
}

/// One step: time moves on, then the event happens, then the expectations are compared.
#[derive(Clone, Debug)]
pub struct TestStep {
    /// Where it stands in the file.
    pub span: Span,
    /// When.
    pub at: Timestamp,
    /// What happens.
    pub event: Option<TestEvent>,
    /// What should be seen.
    pub expect: Option<Expect>,
}

/// An event of a test.
#[derive(Clone, Debug)]
pub struct TestEvent {
    /// Its name.
    pub name: Name,
    /// Where the name stands.
    pub span: Span,
    /// Whose fact it is.
    pub party: Option<Name>,
    /// The fields it carries.
    pub fields: Fields,
    /// When it happened, where not at the step's time.
    pub occurred_at: Option<Timestamp>,
    /// It must be refused with this code, or by this guard.
    pub refused: Option<String>,
}

/// What a test expects. What is `None` or empty of deadlines is not compared.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    /// Where it stands in the file.
    pub span: Span,
    /// The state.
    pub state: Option<Name>,
    /// Deadlines by name.
    pub deadlines: Vec<ExpectDeadline>,
    /// Who was reminded since the expectation before, and how.
    pub reminded: Option<BTreeSet<(Name, Channel)>>,
    /// The case's flags, as a set.
    pub flags: Option<BTreeSet<Name>>,
    /// The workflows of the children started since the case began, sorted; one entry for each child.
    pub children: Option<Vec<String>>,
}

/// What a test expects of one deadline.
#[derive(Clone, Debug)]
pub struct ExpectDeadline {
    /// Its name.
    pub name: Name,
    /// Where the name stands.
    pub span: Span,
    /// Where its clock stands.
    pub clock: Option<ClockState>,
    /// When it is due.
    pub due_at: Option<Timestamp>,
    /// The last whole day before it is due.
    pub last_day: Option<Date>,
    /// Whether the date is provisional.
    pub provisional: Option<bool>,
}

/// Reads all tests.
pub(crate) fn read(tables: Vec<Table<'_>>, names: &Names<'_>) -> Vec<WorkflowTest> {
    if let Some(extra) = tables.get(MOST) {
        let what = say!("测试", "tests");
        check_count(names.report, what, tables.len(), MOST, extra.span());
    }
    let mut tests = Vec::new();
    for table in tables.into_iter().take(MOST) {
        if let Some(test) = read_test(&table, names) {
            tests.push(test);
        }
        table.finish();
    }
    tests
}

fn read_test(table: &Table<'_>, names: &Names<'_>) -> Option<WorkflowTest> {
    let name = table
        .need("name", "name = \"短信按时核验\"")
        .and_then(Item::text);
    let at = table
        .need("at", "at = \"2026-02-13T17:30:00+08:00\"")
        .and_then(|item| read_time(item, names));
    let fields = read_case_fields(table.get("fields"), names);
    let parties = table.tables("parties");
    let parties = parties
        .into_iter()
        .map(|party| read_party(party, names))
        .collect();
    let rules = table
        .text("rules")
        .map_or("guide".to_owned(), |pack| pack.value);
    let state = table
        .text("state")
        .and_then(|state| names.resolve(Sort::State, state));
    let steps = read_steps(table, at, names);
    let name = name?;
    Some(WorkflowTest {
        name: name.value,
        span: name.span,
        at: at?,
        fields,
        parties,
        rules,
        state,
        steps,
    })
}

fn read_party(table: Table<'_>, names: &Names<'_>) -> Party {
    let role = table
        .need("role", "role = \"principal\"")
        .and_then(Item::text);
    let text = |key| table.text(key).map(|text| text.value);
    let party = Party {
        role: role
            .and_then(|role| names.resolve(Sort::Role, role))
            .unwrap_or_default(),
        name: table
            .need("name", "name = \"王\"")
            .and_then(Item::text)
            .map(|name| name.value)
            .unwrap_or_default(),
        mobile: text("mobile"),
        email: text("email"),
        robots: table.texts("robots").into_iter().map(|r| r.value).collect(),
        lang: table.get("lang").map(read_lang),
        contact: None,
    };
    table.finish();
    party
}

fn read_lang(item: Item<'_>) -> Lang {
    match item.text().map(|lang| lang.value).as_deref() {
        Some("en") => Lang::En,
        None | Some("zh") => Lang::Zh,
        Some(other) => {
            item.bad_value(
                say!("没有“{other}”这种语言", "there is no language `{other}`"),
                say!("应为 zh 或 en", "expected zh or en"),
            );
            Lang::Zh
        }
    }
}

fn read_steps(table: &Table<'_>, start: Option<Timestamp>, names: &Names<'_>) -> Vec<TestStep> {
    let steps = table.need(
        "steps",
        "steps = [{ at = \"+1h\", event = \"sms_verified\" }]",
    );
    let steps = steps.map(Item::tables).unwrap_or_default();
    check_count(
        names.report,
        say!("步骤", "steps"),
        steps.len(),
        MOST,
        table.span(),
    );
    let mut read = Vec::new();
    let mut before = start;
    for step in steps.into_iter().take(MOST) {
        let at = step
            .need("at", "at = \"+1h\"")
            .and_then(|item| read_step_time(item, start, names).map(|at| At::new(at, item.span())));
        let event = read_event(&step, names);
        let expect = step.get("expect").and_then(|item| read_expect(item, names));
        let span = at.as_ref().map_or(step.span(), |at| at.span.clone());
        step.finish();
        let Some(at) = at else { continue };
        if before.is_some_and(|before| at.value < before) {
            report_backwards(&at.span, names.report);
        }
        before = Some(at.value);
        let at = at.value;
        read.push(TestStep {
            span,
            at,
            event,
            expect,
        });
    }
    read
}

fn report_backwards(span: &Span, report: &Report) {
    let problem = Diagnostic::error(
        Code::TestOrder,
        span.clone(),
        say!("这一步早于前一步", "this step lies before the one above it"),
    );
    report.push(problem.label(say!("时间倒退", "back in time")).help(say!(
        "按时间先后排列；晚补记的事实用 occurred_at",
        "put steps in the order of time; a fact told late has `occurred_at`"
    )));
}

fn read_event(step: &Table<'_>, names: &Names<'_>) -> Option<TestEvent> {
    let party = step.text("party");
    let party = party.and_then(|role| names.resolve(Sort::Role, role));
    let fields = read_event_fields(step.get("fields"), names);
    let occurred_at = step
        .get("occurred_at")
        .and_then(|item| read_time(item, names));
    let refused = step.text("refused").map(|code| code.value);
    let event = step.text("event")?;
    let span = event.span.clone();
    // A test may show that an event no transition has is refused; everything else must exist.
    let name = match refused.is_some() {
        true => event.value,
        false => names.resolve(Sort::Event, event)?,
    };
    Some(TestEvent {
        name,
        span,
        party,
        fields,
        occurred_at,
        refused,
    })
}

/// Fields of a new case, checked against the schema.
fn read_case_fields(item: Option<Item<'_>>, names: &Names<'_>) -> Fields {
    let fields = read_record(item);
    check_fields(&fields, item, names);
    fields
}

/// Fields of an event: like those of a case, and `items` of a rejection, which no schema has.
fn read_event_fields(item: Option<Item<'_>>, names: &Names<'_>) -> Fields {
    let mut fields = read_record(item);
    let items = fields.remove_entry("items");
    check_fields(&fields, item, names);
    fields.extend(items);
    fields
}

fn check_fields(fields: &Fields, item: Option<Item<'_>>, names: &Names<'_>) {
    let Some(item) = item else { return };
    for problem in names.schema.check(fields) {
        let (pointer, Words { zh, en }) = (&problem.pointer, &problem.detail);
        names.report.push(
            Diagnostic::error(
                Code::FieldKind,
                item.span_at(pointer),
                say!("字段 {pointer}：{zh}", "field {pointer}: {en}"),
            )
            .label(say!("放不进去", "does not fit")),
        );
    }
}

fn read_record(item: Option<Item<'_>>) -> Fields {
    let Some(item) = item else {
        return Fields::new();
    };
    if !item.is_table() {
        item.wrong_type(say!("表", "a table"));
    }
    match item.is_table().then(|| item.value()).flatten() {
        Some(Value::Record(fields)) => fields,
        _ => Fields::new(),
    }
}

fn read_expect(item: Item<'_>, names: &Names<'_>) -> Option<Expect> {
    let table = item.table()?;
    let state = table.text("state");
    let reminded = table.get("reminded").map(|item| read_reminded(item, names));
    let children = table.get("children").map(|item| {
        let mut children: Vec<String> = item.texts().into_iter().map(|c| c.value).collect();
        children.sort();
        children
    });
    let expect = Expect {
        span: item.span(),
        state: state.and_then(|state| names.resolve(Sort::State, state)),
        deadlines: table
            .table("deadlines")
            .map(|deadlines| read_deadlines(&deadlines, names))
            .unwrap_or_default(),
        reminded,
        flags: table
            .get("flags")
            .map(|item| item.texts().into_iter().map(|f| f.value).collect()),
        children,
    };
    table.finish();
    Some(expect)
}

fn read_deadlines(table: &Table<'_>, names: &Names<'_>) -> Vec<ExpectDeadline> {
    let mut deadlines = Vec::new();
    for (name, deadline) in table.named_tables() {
        let span = name.span.clone();
        let name = names.resolve(Sort::Deadline, At::new(name.value.to_owned(), name.span));
        let expected = ExpectDeadline {
            name: name.clone().unwrap_or_default(),
            span,
            clock: deadline.get("clock").and_then(read_clock),
            due_at: deadline
                .get("due_at")
                .and_then(|item| read_time(item, names)),
            last_day: deadline.get("last_day").and_then(Item::date),
            provisional: deadline.get("provisional").and_then(Item::flag),
        };
        deadline.finish();
        if name.is_some() {
            deadlines.push(expected);
        }
    }
    deadlines
}

fn read_clock(item: Item<'_>) -> Option<ClockState> {
    const CLOCKS: [(&str, ClockState); 7] = [
        ("waiting", ClockState::Waiting),
        ("armed", ClockState::Armed),
        ("paused", ClockState::Paused),
        ("met", ClockState::Met),
        ("missed", ClockState::Missed),
        ("cancelled", ClockState::Cancelled),
        ("superseded", ClockState::Superseded),
    ];
    let text = item.text()?;
    let found = CLOCKS.iter().find(|(name, _)| *name == text.value);
    if found.is_none() {
        let name = &text.value;
        let known = CLOCKS.map(|(name, _)| name);
        let report = item.report();
        let message = say!("没有“{name}”这种计时状态", "no clock is `{name}`");
        report.push(
            report
                .basic(crate::codes::Basic::BadValue, text.span, message)
                .label(say!("没有这种状态", "no such clock"))
                .help(suggestion(name, &known)),
        );
    }
    found.map(|(_, clock)| *clock)
}

/// `"principal via sms"`, as a set.
fn read_reminded(item: Item<'_>, names: &Names<'_>) -> BTreeSet<(Name, Channel)> {
    let mut reminded = BTreeSet::new();
    for text in item.texts() {
        let parts = text.value.split_once(" via ");
        let parsed = parts.and_then(|(role, via)| Some((role, via.parse::<Channel>().ok()?)));
        let Some((role, channel)) = parsed else {
            let given = &text.value;
            bad_value(
                names.report,
                text.span,
                say!("“{given}”不是提醒", "`{given}` is no reminder"),
                say!(
                    "应写作“角色 via 渠道”，如 \"principal via sms\"",
                    "expected `role via channel`, like \"principal via sms\""
                ),
            );
            continue;
        };
        let role = At::new(role.trim().to_owned(), text.span.clone());
        if let Some(role) = names.resolve(Sort::Role, role) {
            reminded.insert((role, channel));
        }
    }
    reminded
}

/// A time with an offset, or without one in the workflow's zone.
fn read_time(item: Item<'_>, names: &Names<'_>) -> Option<Timestamp> {
    let text = item.text_or_datetime()?;
    if let Some(at) = local_time(&text.value, &names.zone) {
        return Some(at);
    }
    Timestamp::parse(&text.value)
        .map_err(|error| time_error(names.report, text.span, &error))
        .ok()
}

/// `YYYY-MM-DDTHH:MM` or `…:SS` on the clocks of `zone`.
fn local_time(text: &str, zone: &Zone) -> Option<Timestamp> {
    let (day, time) = text.split_once('T')?;
    let day = parse_date(day).ok()?;
    let (minute, seconds) = match time.len() {
        5 => (time, 0),
        8 => {
            let (minute, seconds) = time.split_at_checked(5)?;
            let seconds = seconds.strip_prefix(':')?;
            let digits = seconds.bytes().all(|b| b.is_ascii_digit());
            let seconds: i64 = digits.then(|| seconds.parse().ok()).flatten()?;
            (minute, (seconds < 60).then_some(seconds)?)
        }
        _ => return None,
    };
    let minute: TimeOfDay = minute.parse().ok()?;
    Some(zone.at(day, minute).saturating_add_millis(seconds * 1000))
}

/// A step's time: absolute, or `+48h` from the case's beginning.
fn read_step_time(
    item: Item<'_>,
    start: Option<Timestamp>,
    names: &Names<'_>,
) -> Option<Timestamp> {
    let text = item.text_or_datetime()?;
    let Some(length) = text.value.strip_prefix('+') else {
        return read_time(item, names);
    };
    let length: Period = length
        .parse()
        .map_err(|error| time_error(names.report, text.span.clone(), &error))
        .ok()?;
    let later = later(start?, length, &names.zone);
    if later.is_none() {
        bad_value(
            names.report,
            text.span,
            say!("这里不能用 {length}", "{length} is not possible here"),
            say!("应用 m、h 或 d", "expected m, h or d"),
        );
    }
    later
}

/// `length` after `start`; days keep the time of day.
fn later(start: Timestamp, length: Period, zone: &Zone) -> Option<Timestamp> {
    if let Some(millis) = length.elapsed_millis() {
        return Some(start.saturating_add_millis(millis));
    }
    if length.unit != Unit::Days {
        return None;
    }
    let (day, time) = (zone.date_of(start), zone.time_of_day(start));
    let days = qixian_time::day_after(day, length, None).ok()?;
    let rest = start.millis_since(zone.at(day, time));
    Some(zone.at(days, time).saturating_add_millis(rest))
}
