//! The names a workflow file defines, gathered before the sections are read, so that each use is checked on the spot.

use std::cell::RefCell;
use std::collections::BTreeSet;

use qixian_core::definition::Name;
use qixian_core::{Channel, FieldDef, FieldKind, Fields, Schema, Value};
use qixian_time::{Period, Zone};

use crate::diagnostics::{Diagnostic, Span, say};
use crate::report::{Report, suggestion};
use crate::table::{At, Item, Table, bad_value};
use crate::{Code, ReadContext};

/// What names stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sort {
    State,
    Event,
    Role,
    Guard,
    Ladder,
    Deadline,
    Param,
}

impl Sort {
    fn code(self) -> Code {
        match self {
            Sort::State => Code::UnknownState,
            Sort::Event => Code::UnknownEvent,
            Sort::Role => Code::UnknownRole,
            Sort::Guard => Code::UnknownGuard,
            Sort::Ladder => Code::UnknownLadder,
            Sort::Deadline => Code::UnknownDeadline,
            Sort::Param => Code::UnknownParam,
        }
    }

    pub(crate) fn words(self) -> qixian_core::Words {
        match self {
            Sort::State => say!("状态", "state"),
            Sort::Event => say!("事件", "event"),
            Sort::Role => say!("角色", "role"),
            Sort::Guard => say!("条件", "guard"),
            Sort::Ladder => say!("提醒", "ladder"),
            Sort::Deadline => say!("期限", "deadline"),
            Sort::Param => say!("参数", "param"),
        }
    }
}

/// Everything sections need to know of one another.
pub(crate) struct Names<'a> {
    pub(crate) report: &'a Report,
    pub(crate) context: &'a ReadContext,
    pub(crate) workflow: String,
    pub(crate) zone: Zone,
    pub(crate) calendar: String,
    /// Whether the file names its calendar; it is checked there then.
    pub(crate) calendar_named: bool,
    pub(crate) initial: Name,
    pub(crate) schema: Schema,
    pub(crate) params: Fields,
    pub(crate) states: Vec<Name>,
    pub(crate) finals: Vec<Name>,
    pub(crate) events: Vec<Name>,
    pub(crate) roles: Vec<Name>,
    pub(crate) guards: Vec<Name>,
    pub(crate) ladders: Vec<Name>,
    pub(crate) deadlines: Vec<Name>,
    pub(crate) used: RefCell<BTreeSet<(Sort, Name)>>,
}

impl Names<'_> {
    fn known(&self, sort: Sort) -> Vec<&str> {
        let list = match sort {
            Sort::State => &self.states,
            Sort::Event => &self.events,
            Sort::Role => &self.roles,
            Sort::Guard => &self.guards,
            Sort::Ladder => &self.ladders,
            Sort::Deadline => &self.deadlines,
            Sort::Param => return self.params.keys().map(String::as_str).collect(),
        };
        list.iter().map(String::as_str).collect()
    }

    /// The name, if something of this sort is called so; else a problem.
    pub(crate) fn resolve(&self, sort: Sort, name: At<String>) -> Option<Name> {
        let known = self.known(sort);
        if known.contains(&name.value.as_str()) {
            self.used.borrow_mut().insert((sort, name.value.clone()));
            return Some(name.value);
        }
        self.report
            .unknown(sort.code(), sort.words(), &name.value, name.span, &known);
        None
    }

    /// Those of `names` that exist, each once.
    pub(crate) fn resolve_all(&self, sort: Sort, names: Vec<At<String>>) -> Vec<Name> {
        let mut found: Vec<Name> = Vec::new();
        for name in names {
            if let Some(name) = self.resolve(sort, name)
                && !found.contains(&name)
            {
                found.push(name);
            }
        }
        found
    }

    /// A state that is not final; `why` says why it may not be.
    pub(crate) fn open_states(
        &self,
        names: Vec<At<String>>,
        why: &qixian_core::Words,
    ) -> Vec<Name> {
        for name in names.iter().filter(|n| self.finals.contains(&n.value)) {
            let state = &name.value;
            let (zh, en) = (&why.zh, &why.en);
            self.report.push(
                Diagnostic::error(
                    Code::FinalState,
                    name.span.clone(),
                    say!(
                        "“{state}”是终结状态，{zh}",
                        "`{state}` is a final state: {en}"
                    ),
                )
                .label(say!("终结状态", "a final state"))
                .help(say!(
                    "换一个状态，或去掉 {state} 的 final = true",
                    "name another state, or drop `final = true` from `{state}`"
                )),
            );
        }
        self.resolve_all(Sort::State, names)
    }

    /// The field at a path; else a problem.
    pub(crate) fn field(&self, path: &At<String>) -> Option<&FieldDef> {
        let found = self.schema.at(&path.value);
        if found.is_none() {
            let known = field_paths(&self.schema);
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            self.report.unknown(
                Code::UnknownField,
                say!("字段", "field"),
                &path.value,
                path.span.clone(),
                &known,
            );
        }
        found
    }

    /// The path of a field that holds a day or an instant, and whether it is a day.
    pub(crate) fn moment(&self, path: At<String>) -> Option<(String, bool)> {
        let kind = self.field(&path)?.kind.clone();
        match kind {
            FieldKind::Date => Some((path.value, true)),
            FieldKind::Time => Some((path.value, false)),
            other => {
                let (field, (zh, en)) = (&path.value, kind_names(&other));
                self.report.push(
                    Diagnostic::error(
                        Code::FieldKind,
                        path.span,
                        say!(
                            "字段“{field}”是{zh}，这里要日期或时间",
                            "field `{field}` is {en}; a date or time is needed here"
                        ),
                    )
                    .label(say!("不是日期或时间", "neither date nor time")),
                );
                None
            }
        }
    }

    /// `name` or `!name`: a guard and the answer it must give.
    pub(crate) fn condition(&self, text: At<String>) -> Option<(Name, bool)> {
        let wanted = !text.value.starts_with('!');
        let name = text.value.trim_start_matches('!').trim().to_owned();
        let guard = self.resolve(Sort::Guard, At::new(name, text.span))?;
        Some((guard, wanted))
    }

    /// Checks that a calendar is known, where the context says which are.
    pub(crate) fn check_calendar(&self, id: &str, span: Span) {
        let Some(known) = &self.context.calendars else {
            return;
        };
        if !known.iter().any(|k| k == id) {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let what = say!("工作日历", "calendar");
            self.report
                .unknown(Code::UnknownCalendar, what, id, span, &known);
        }
    }

    /// Checks that a rule is known, where the context says which are.
    pub(crate) fn check_rule(&self, key: &At<String>) {
        let Some(known) = &self.context.rule_keys else {
            return;
        };
        if !known.contains(&key.value) {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let what = say!("规则", "rule");
            self.report.unknown(
                Code::UnknownRule,
                what,
                &key.value,
                key.span.clone(),
                &known,
            );
        }
    }

    /// The length a param holds.
    pub(crate) fn param_period(&self, name: At<String>) -> Option<At<Period>> {
        let span = name.span.clone();
        let name = self.resolve(Sort::Param, name)?;
        let length = match self.params.get(&name) {
            Some(Value::Text(text)) => text.parse().ok(),
            _ => None,
        };
        if length.is_none() {
            bad_value(
                self.report,
                span.clone(),
                say!(
                    "参数“{name}”不是期限",
                    "param `{name}` does not hold a length"
                ),
                say!("应指向如 \"3wd\" 的参数", "expected a param like \"3wd\""),
            );
        }
        length.map(|length| At::new(length, span))
    }

    /// A template's full name; its own workflow's where it names none.
    pub(crate) fn template(&self, name: At<String>) -> String {
        let full = match name.value.contains('/') {
            true => name.value.clone(),
            false => format!("{}/{}", self.workflow, name.value),
        };
        if let Some(known) = &self.context.templates
            && !known.contains(&full)
        {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let what = say!("消息模板", "message template");
            self.report
                .unknown(Code::UnknownTemplate, what, &full, name.span, &known);
        }
        full
    }

    /// `via`: channels in order of preference.
    pub(crate) fn channels(&self, table: &Table<'_>) -> Vec<Channel> {
        let names = table.need("via", "via = [\"mail\", \"sms\"]");
        let names = names.map(Item::texts).unwrap_or_default();
        let mut channels = Vec::new();
        for name in names {
            match name.value.parse() {
                Ok(channel) if !channels.contains(&channel) => channels.push(channel),
                Ok(_) => {}
                Err(_) => self.unknown_channel(&name),
            }
        }
        channels
    }

    fn unknown_channel(&self, name: &At<String>) {
        let known = Channel::ALL.map(Channel::name);
        let channel = &name.value;
        let message = say!(
            "没有名为“{channel}”的渠道",
            "there is no channel `{channel}`"
        );
        self.report.push(
            self.report
                .basic(crate::codes::Basic::BadValue, name.span.clone(), message)
                .label(say!("没有这个渠道", "no such channel"))
                .help(suggestion(channel, &known)),
        );
    }

    /// `to`: the roles told.
    pub(crate) fn recipients(&self, table: &Table<'_>) -> Vec<Name> {
        let names = table.need("to", "to = [\"handler\"]");
        self.resolve_all(Sort::Role, names.map(Item::texts).unwrap_or_default())
    }
}

/// Every path of a schema that events and deadlines can name.
pub(crate) fn field_paths(schema: &Schema) -> Vec<String> {
    let mut paths = Vec::new();
    for (name, def) in &schema.fields {
        if let FieldKind::Record(inner) = &def.kind {
            paths.extend(
                field_paths(inner)
                    .iter()
                    .map(|rest| format!("{name}.{rest}")),
            );
        } else {
            paths.push(name.clone());
        }
    }
    paths
}

/// What people call a kind of field.
pub(crate) fn kind_names(kind: &FieldKind) -> (&'static str, &'static str) {
    match kind {
        FieldKind::Text(_) => ("文本", "a text"),
        FieldKind::Int => ("整数", "a whole number"),
        FieldKind::Number => ("数", "a number"),
        FieldKind::Bool => ("是非值", "true or false"),
        FieldKind::Date => ("日期", "a date"),
        FieldKind::Time => ("时间", "a time"),
        FieldKind::Choice(_) => ("选项", "a choice"),
        FieldKind::List(_) => ("列表", "a list"),
        FieldKind::Record(_) => ("记录", "a record"),
    }
}
