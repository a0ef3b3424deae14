//! A small typed reader over a TOML tree. Every question it can't answer becomes a problem in the [`Report`], and the
//! reader goes on, so that one reading finds all problems.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::str::FromStr;

use qixian_core::{Value, Words};
use qixian_time::{Date, Period, TimeError, parse_date};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::codes::Basic;
use crate::diagnostics::{Span, say};
use crate::report::{Report, suggestion};

/// How deep arrays and inline tables of free values may nest.
const DEEPEST: usize = 16;

/// A value with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

impl<T> At<T> {
    pub(crate) fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

/// One key of a table and its value.
#[derive(Clone, Copy)]
pub(crate) struct Item<'a> {
    value: &'a DeValue<'a>,
    start: usize,
    end: usize,
    report: &'a Report,
}

/// One table. Ask it for every key it may have, then [`Table::finish`] refuses the rest by name.
pub(crate) struct Table<'a> {
    entries: Vec<Entry<'a>>,
    span: Span,
    asked: RefCell<Vec<&'static str>>,
    report: &'a Report,
}

struct Entry<'a> {
    key: &'a str,
    key_span: Span,
    item: Item<'a>,
}

impl<'a> Table<'a> {
    /// The table at `span`, its keys in the file's order.
    pub(crate) fn new(table: &'a DeTable<'a>, span: Span, report: &'a Report) -> Self {
        let mut entries: Vec<Entry<'a>> = table
            .iter()
            .map(|(key, value)| Entry {
                key: key.get_ref(),
                key_span: key.span(),
                item: Item::new(value, report),
            })
            .collect();
        entries.sort_by_key(|entry| entry.key_span.start);
        Self {
            entries,
            span,
            asked: RefCell::default(),
            report,
        }
    }

    pub(crate) fn report(&self) -> &'a Report {
        self.report
    }

    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// The value of `key`, if it is there.
    pub(crate) fn get(&self, key: &'static str) -> Option<Item<'a>> {
        let mut asked = self.asked.borrow_mut();
        if !asked.contains(&key) {
            asked.push(key);
        }
        self.entries.iter().find(|e| e.key == key).map(|e| e.item)
    }

    /// Where `key` itself stands.
    pub(crate) fn key_span(&self, key: &str) -> Option<Span> {
        let entry = self.entries.iter().find(|e| e.key == key)?;
        Some(entry.key_span.clone())
    }

    /// The value of `key`, whose absence is an error.
    pub(crate) fn need(&self, key: &'static str, example: &str) -> Option<Item<'a>> {
        let found = self.get(key);
        if found.is_none() {
            self.missing(key, example);
        }
        found
    }

    fn missing(&self, key: &str, example: &str) {
        let message = say!("缺少“{key}”", "`{key}` is missing");
        let diagnostic = self
            .report
            .basic(Basic::MissingKey, self.span(), message)
            .label(say!("这里要写“{key}”", "`{key}` belongs in here"))
            .help(say!("例如：{example}", "for example: {example}"));
        self.report.push(diagnostic);
    }

    /// The text of `key`, with its place.
    pub(crate) fn text(&self, key: &'static str) -> Option<At<String>> {
        self.get(key)?.text()
    }

    /// The text of `key` in one or two languages; empty when absent.
    pub(crate) fn words(&self, key: &'static str) -> Words {
        self.get(key).and_then(Item::words).unwrap_or_default()
    }

    /// `true` or `false` under `key`; `false` when absent.
    pub(crate) fn flag(&self, key: &'static str) -> bool {
        self.get(key).and_then(Item::flag).unwrap_or_default()
    }

    /// One text or a list of them; empty when absent.
    pub(crate) fn texts(&self, key: &'static str) -> Vec<At<String>> {
        self.get(key).map(Item::texts).unwrap_or_default()
    }

    /// The table under `key`.
    pub(crate) fn table(&self, key: &'static str) -> Option<Table<'a>> {
        self.get(key)?.table()
    }

    /// One table or a list of them; empty when absent.
    pub(crate) fn tables(&self, key: &'static str) -> Vec<Table<'a>> {
        self.get(key).map(Item::tables).unwrap_or_default()
    }

    /// All keys with their values, for tables whose keys are the author's names.
    pub(crate) fn named(&self) -> impl Iterator<Item = (At<&'a str>, Item<'a>)> {
        self.entries
            .iter()
            .map(|e| (At::new(e.key, e.key_span.clone()), e.item))
    }

    /// Like [`Table::named`], where each value must be a table. Its span is the key's.
    pub(crate) fn named_tables(&self) -> impl Iterator<Item = (At<&'a str>, Table<'a>)> {
        self.named().filter_map(|(name, item)| {
            let mut table = item.table()?;
            table.span = name.span.clone();
            Some((name, table))
        })
    }

    /// Refuses every key that was not asked for.
    pub(crate) fn finish(self) {
        let asked = self.asked.into_inner();
        for entry in self.entries.iter().filter(|e| !asked.contains(&e.key)) {
            if self.report.is_full() {
                return;
            }
            let key = entry.key;
            let message = say!("不认识的键“{key}”", "`{key}` is not known here");
            let diagnostic = self
                .report
                .basic(Basic::UnknownKey, entry.key_span.clone(), message)
                .label(say!("此处没有这个键", "no such key here"))
                .help(suggestion(key, &asked));
            self.report.push(diagnostic);
        }
    }
}

impl<'a> Item<'a> {
    pub(crate) fn new(value: &'a Spanned<DeValue<'a>>, report: &'a Report) -> Self {
        let span = value.span();
        Self {
            value: value.get_ref(),
            start: span.start,
            end: span.end,
            report,
        }
    }

    pub(crate) fn span(&self) -> Span {
        self.start..self.end
    }

    pub(crate) fn report(&self) -> &'a Report {
        self.report
    }

    /// Says that the value is of the wrong type.
    pub(crate) fn wrong_type(&self, expected: Words) {
        let (zh, en) = (&expected.zh, &expected.en);
        let (found_zh, found_en) = type_names(self.value);
        let message = say!(
            "应为{zh}，却是{found_zh}",
            "expected {en}, found {found_en}"
        );
        let diagnostic = self
            .report
            .basic(Basic::WrongType, self.span(), message)
            .label(say!("应为{zh}", "expected {en}"));
        self.report.push(diagnostic);
    }

    /// Says that the value can't be read, and what was expected.
    pub(crate) fn bad_value(&self, message: Words, label: Words) {
        bad_value(self.report, self.span(), message, label);
    }

    pub(crate) fn is_text(&self) -> bool {
        self.value.is_str()
    }

    pub(crate) fn is_table(&self) -> bool {
        self.value.is_table()
    }

    pub(crate) fn is_list(&self) -> bool {
        self.value.is_array()
    }

    pub(crate) fn text(self) -> Option<At<String>> {
        match self.value {
            DeValue::String(text) => Some(At::new(text.to_string(), self.span())),
            _ => {
                self.wrong_type(say!("文本", "a text"));
                None
            }
        }
    }

    /// A text, or a TOML date or time, which is taken as the text it was written as.
    pub(crate) fn text_or_datetime(self) -> Option<At<String>> {
        match self.value {
            DeValue::Datetime(value) => Some(At::new(value.to_string(), self.span())),
            _ => self.text(),
        }
    }

    pub(crate) fn flag(self) -> Option<bool> {
        match self.value {
            DeValue::Boolean(value) => Some(*value),
            _ => {
                self.wrong_type(say!(" true 或 false", "true or false"));
                None
            }
        }
    }

    /// A whole number from 0 to `max`.
    pub(crate) fn count(self, max: i64) -> Option<i64> {
        let DeValue::Integer(number) = self.value else {
            self.wrong_type(say!("整数", "a whole number"));
            return None;
        };
        let read = i64::from_str_radix(number.as_str(), number.radix()).ok();
        let fits = read.filter(|n| (0..=max).contains(n));
        if fits.is_none() {
            self.bad_value(
                say!("{number} 超出范围", "{number} is out of range"),
                say!("应在 0 到 {max} 之间", "expected 0 to {max}"),
            );
        }
        fits
    }

    pub(crate) fn words(self) -> Option<Words> {
        if self.is_text() {
            return self.text().map(|text| Words::same(text.value));
        }
        if !self.is_table() {
            let expected = say!(
                "文本或 {{ zh = \"…\", en = \"…\" }}",
                "a text or {{ zh = \"…\", en = \"…\" }}"
            );
            self.wrong_type(expected);
            return None;
        }
        let table = self.table()?;
        let zh = table.need("zh", "zh = \"收集材料\"").and_then(Item::text);
        let en = table
            .need("en", "en = \"Collecting documents\"")
            .and_then(Item::text);
        table.finish();
        Some(Words::new(zh?.value, en?.value))
    }

    pub(crate) fn texts(self) -> Vec<At<String>> {
        match self.value {
            DeValue::Array(_) => self.items().filter_map(Item::text).collect(),
            DeValue::String(_) => self.text().into_iter().collect(),
            _ => {
                self.wrong_type(say!("文本或文本的列表", "a text or a list of texts"));
                Vec::new()
            }
        }
    }

    pub(crate) fn table(self) -> Option<Table<'a>> {
        match self.value {
            DeValue::Table(table) => Some(Table::new(table, self.span(), self.report)),
            _ => {
                self.wrong_type(say!("表", "a table"));
                None
            }
        }
    }

    pub(crate) fn tables(self) -> Vec<Table<'a>> {
        match self.value {
            DeValue::Array(_) => self.items().filter_map(Item::table).collect(),
            DeValue::Table(_) => self.table().into_iter().collect(),
            _ => {
                self.wrong_type(say!("表或表的列表", "a table or a list of tables"));
                Vec::new()
            }
        }
    }

    /// The items of a list; nothing for anything else.
    pub(crate) fn items(self) -> impl Iterator<Item = Item<'a>> {
        let items: &[Spanned<DeValue<'a>>] = match self.value {
            DeValue::Array(items) => items,
            _ => &[],
        };
        let report = self.report;
        items.iter().map(move |item| Item::new(item, report))
    }

    /// A length such as `48h`.
    pub(crate) fn period(self) -> Option<At<Period>> {
        self.parsed()
    }

    /// A day such as `2026-02-13`.
    pub(crate) fn date(self) -> Option<Date> {
        let text = self.text_or_datetime()?;
        parse_date(&text.value)
            .map_err(|error| time_error(self.report, text.span, &error))
            .ok()
    }

    /// A text that one of `time`'s types reads.
    pub(crate) fn parsed<T: FromStr<Err = TimeError>>(self) -> Option<At<T>> {
        let text = self.text()?;
        match text.value.parse() {
            Ok(value) => Some(At::new(value, text.span)),
            Err(error) => {
                time_error(self.report, text.span, &error);
                None
            }
        }
    }

    /// Any value, as a field holds it.
    pub(crate) fn value(self) -> Option<Value> {
        self.value_within(DEEPEST)
    }

    fn value_within(self, depth: usize) -> Option<Value> {
        if depth == 0 {
            self.bad_value(
                say!("值嵌套过深", "the value is nested too deeply"),
                say!("最多 {DEEPEST} 层", "at most {DEEPEST} levels"),
            );
            return None;
        }
        Some(match self.value {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Boolean(value) => Value::Bool(*value),
            DeValue::Datetime(value) => Value::Text(value.to_string()),
            DeValue::Integer(_) => return self.whole_number(),
            DeValue::Float(_) => return self.fraction(),
            DeValue::Array(_) => Value::List(
                self.items()
                    .map(|item| item.value_within(depth - 1))
                    .collect::<Option<_>>()?,
            ),
            DeValue::Table(table) => {
                let mut fields = BTreeMap::new();
                for (key, value) in table.iter() {
                    let value = Item::new(value, self.report).value_within(depth - 1)?;
                    fields.insert(key.get_ref().to_string(), value);
                }
                Value::Record(fields)
            }
        })
    }

    fn whole_number(self) -> Option<Value> {
        let DeValue::Integer(number) = self.value else {
            return None;
        };
        let read = i64::from_str_radix(number.as_str(), number.radix());
        if read.is_err() {
            self.bad_value(
                say!("{number} 太大", "{number} is too large"),
                say!("应为 64 位整数", "expected a whole number of 64 bits"),
            );
        }
        read.ok().map(Value::Int)
    }

    fn fraction(self) -> Option<Value> {
        let DeValue::Float(number) = self.value else {
            return None;
        };
        let read = number.as_str().parse().ok().filter(|n: &f64| n.is_finite());
        if read.is_none() {
            self.bad_value(
                say!("{number} 不是有限的数", "{number} is no finite number"),
                say!("应为有限的数", "expected a finite number"),
            );
        }
        read.map(Value::Number)
    }

    /// The place of what a JSON pointer names below this value; the nearest enclosing place where it names nothing.
    pub(crate) fn span_at(self, pointer: &str) -> Span {
        let mut here = self;
        let mut span = self.span();
        for step in pointer.split('/').skip(1) {
            let name = step.replace("~1", "/").replace("~0", "~");
            let next = match here.value {
                DeValue::Table(table) => table
                    .iter()
                    .find(|(key, _)| *key.get_ref() == name)
                    .map(|(key, value)| (key.span(), Item::new(value, self.report))),
                DeValue::Array(_) => name
                    .parse()
                    .ok()
                    .and_then(|index| here.items().nth(index))
                    .map(|item| (item.span(), item)),
                _ => None,
            };
            let Some((place, item)) = next else { break };
            (span, here) = (place, item);
        }
        span
    }
}

/// Says that a value can't be read.
pub(crate) fn bad_value(report: &Report, span: Span, message: Words, label: Words) {
    report.push(report.basic(Basic::BadValue, span, message).label(label));
}

/// Says what `time` found wrong with a text.
pub(crate) fn time_error(report: &Report, span: Span, error: &TimeError) {
    let message = Words::new(error.zh(), error.to_string());
    let label = say!("不能这样写", "cannot be used");
    bad_value(report, span, message, label);
}

fn type_names(value: &DeValue<'_>) -> (&'static str, &'static str) {
    match value {
        DeValue::String(_) => ("文本", "a text"),
        DeValue::Integer(_) => ("整数", "a whole number"),
        DeValue::Float(_) => ("小数", "a fraction"),
        DeValue::Boolean(_) => (" true/false ", "true or false"),
        DeValue::Datetime(_) => ("日期时间", "a date or time"),
        DeValue::Array(_) => ("列表", "a list"),
        DeValue::Table(_) => ("表", "a table"),
    }
}
