//! The generic rule table: values that vary by province, provider or date, each with its source.

use std::collections::BTreeMap;

use qixian_time::Date;
use serde::{Deserialize, Serialize};

use crate::{Fields, Value, value};

/// Which pack, in which version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PackRef {
    /// `guide`, `current` or the agency's own.
    pub id: String,
    /// Its version.
    pub version: u32,
}

/// A rule pack: rows under keys.
#[derive(Clone, Debug, Default)]
pub struct RulePack {
    id: String,
    version: u32,
    rows: BTreeMap<String, Vec<RuleRow>>,
}

/// One row: under these conditions, this value, says this source.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleRow {
    /// The rule's key (`sms_check.window`).
    pub key: String,
    /// Field paths and the value each must have; empty matches always. Null asks that the field is not known, a list for
    /// that very list, and `1` and `1.0` are the same.
    pub matches: BTreeMap<String, Value>,
    /// The answer; null where the sources leave it unknown.
    pub value: Value,
    /// Who says so (`guide S132`, `today T2`).
    pub source: String,
    /// In force from this day.
    pub from: Option<Date>,
    /// In force through this day.
    pub until: Option<Date>,
    /// `high`, `medium`, `low`.
    pub confidence: String,
}

/// What the table says to a question.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RuleAnswer<'a> {
    /// This row is the most specific that matches.
    Known(&'a RuleRow),
    /// No row matches, or the one that does says nothing.
    Unknown,
}

/// Two rows that answer the same question with equal right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rows {first} and {second} of `{key}` match the same cases equally well")]
pub struct RuleError {
    /// The rule's key.
    pub key: String,
    /// Index of one row in the given order.
    pub first: usize,
    /// Index of the other.
    pub second: usize,
}

impl RulePack {
    /// A pack of these rows.
    ///
    /// # Errors
    /// Every pair of rows of one key that can match the same case with the same number of conditions on a common day.
    pub fn build(id: &str, version: u32, rows: Vec<RuleRow>) -> Result<Self, Vec<RuleError>> {
        let mut errors = Vec::new();
        for (first, a) in rows.iter().enumerate() {
            for (second, b) in rows.iter().enumerate().skip(first + 1) {
                if a.ties_with(b) {
                    errors.push(RuleError {
                        key: a.key.clone(),
                        first,
                        second,
                    });
                }
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut by_key: BTreeMap<String, Vec<RuleRow>> = BTreeMap::new();
        for row in rows {
            by_key.entry(row.key.clone()).or_default().push(row);
        }
        for rows in by_key.values_mut() {
            rows.sort_by_key(|row| std::cmp::Reverse(row.matches.len()));
        }
        Ok(Self {
            id: id.to_owned(),
            version,
            rows: by_key,
        })
    }

    /// Its id and version.
    pub fn reference(&self) -> PackRef {
        PackRef {
            id: self.id.clone(),
            version: self.version,
        }
    }

    /// All rows, by key.
    pub fn rows(&self) -> impl Iterator<Item = &RuleRow> {
        self.rows.values().flatten()
    }

    /// Whether any row has this key.
    pub fn knows(&self, key: &str) -> bool {
        self.rows.contains_key(key)
    }

    /// What the table says under `key` for these fields on this day: the most specific matching row.
    pub fn ask(&self, key: &str, fields: &Fields, on: Date) -> RuleAnswer<'_> {
        let matching = self
            .rows
            .get(key)
            .into_iter()
            .flatten()
            .find(|row| row.in_force(on) && row.fits(fields));
        match matching {
            Some(row) if !row.value.is_null() => RuleAnswer::Known(row),
            _ => RuleAnswer::Unknown,
        }
    }
}

impl RuleRow {
    fn in_force(&self, on: Date) -> bool {
        self.from.is_none_or(|from| from <= on) && self.until.is_none_or(|until| on <= until)
    }

    fn fits(&self, fields: &Fields) -> bool {
        self.matches
            .iter()
            .all(|(path, wanted)| same(value::get(fields, path).unwrap_or(&Value::Null), wanted))
    }

    fn ties_with(&self, other: &RuleRow) -> bool {
        let both_in_force = self
            .from
            .is_none_or(|from| other.until.is_none_or(|until| from <= until))
            && other
                .from
                .is_none_or(|from| self.until.is_none_or(|until| from <= until));
        let compatible = self
            .matches
            .iter()
            .all(|(path, a)| other.matches.get(path).is_none_or(|b| same(a, b)));
        self.key == other.key
            && self.matches.len() == other.matches.len()
            && both_in_force
            && compatible
    }
}

/// Whether two values mean the same to a rule.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Int(whole), Value::Number(fraction))
        | (Value::Number(fraction), Value::Int(whole)) => *whole as f64 == *fraction,
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: &str, matches: &[(&str, &str)], value: &str) -> RuleRow {
        RuleRow {
            key: key.to_owned(),
            matches: matches
                .iter()
                .map(|(p, v)| ((*p).to_owned(), Value::Text((*v).to_owned())))
                .collect(),
            value: Value::Text(value.to_owned()),
            source: "test".to_owned(),
            from: None,
            until: None,
            confidence: "high".to_owned(),
        }
    }

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::new();
        for (path, text) in pairs {
            value::set(&mut fields, path, Value::Text((*text).to_owned()));
        }
        fields
    }

    #[test]
    fn the_most_specific_row_answers() {
        let pack = RulePack::build(
            "t",
            1,
            vec![
                row("w", &[], "24h"),
                row("w", &[("subject.province", "甘肃")], "48h"),
            ],
        )
        .unwrap();
        let on = "2026-02-13".parse().unwrap();
        let answer =
            |province: &str| match pack.ask("w", &fields(&[("subject.province", province)]), on) {
                RuleAnswer::Known(row) => row.value.as_text().map(str::to_owned),
                RuleAnswer::Unknown => None,
            };
        assert_eq!(answer("甘肃").as_deref(), Some("48h"));
        assert_eq!(answer("江苏").as_deref(), Some("24h"));
        assert_eq!(pack.ask("none", &Fields::new(), on), RuleAnswer::Unknown);
    }

    #[test]
    fn a_tie_is_a_load_error_unless_the_rows_exclude_each_other() {
        let tie = vec![row("w", &[("a", "1")], "x"), row("w", &[("b", "1")], "y")];
        assert_eq!(RulePack::build("t", 1, tie).unwrap_err().len(), 1);
        let exclusive = vec![row("w", &[("a", "1")], "x"), row("w", &[("a", "2")], "y")];
        assert!(RulePack::build("t", 1, exclusive).is_ok());
        let (mut old, mut new) = (row("w", &[], "48h"), row("w", &[], "24h"));
        old.until = Some("2020-08-16".parse().unwrap());
        new.from = Some("2020-08-17".parse().unwrap());
        assert!(RulePack::build("t", 1, vec![old, new]).is_ok());
    }

    fn list(texts: &[&str]) -> Value {
        Value::List(texts.iter().map(|t| Value::Text((*t).to_owned())).collect())
    }

    /// What one row with the condition `a = wanted` says of a case whose `a` is `found`.
    #[test]
    fn a_condition_fits_exactly_its_value() {
        let on = "2026-02-13".parse().unwrap();
        let text = |t: &str| Value::Text(t.to_owned());
        for (wanted, found, fits) in [
            (text("x"), text("x"), true),
            (text("x"), text("X"), false),
            (text("x"), Value::Null, false),
            (text("x"), list(&["x"]), false),
            (list(&["x", "y"]), list(&["x", "y"]), true),
            (list(&["x", "y"]), list(&["y", "x"]), false),
            (list(&["x", "y"]), text("x"), false),
            (list(&[]), list(&[]), true),
            (list(&[]), Value::Null, false),
            (Value::Null, Value::Null, true),
            (Value::Null, list(&[]), false),
            (Value::Int(1), Value::Number(1.0), true),
            (Value::Number(1.5), Value::Int(1), false),
            (Value::Bool(true), text("true"), false),
        ] {
            let mut only = row("k", &[], "yes");
            only.matches.insert("a".to_owned(), wanted.clone());
            let pack = RulePack::build("t", 1, vec![only]).unwrap();
            let fields = Fields::from([("a".to_owned(), found.clone())]);
            let known = pack.ask("k", &fields, on) != RuleAnswer::Unknown;
            assert_eq!(known, fits, "{wanted:?} asked of {found:?}");
        }
    }

    #[test]
    fn more_conditions_win_whatever_the_order_and_a_null_row_hides_the_wider_one() {
        let on = "2026-02-13".parse().unwrap();
        let case = fields(&[("p", "甘肃"), ("kind", "person")]);
        let mut silent = row("w", &[("p", "甘肃"), ("kind", "person")], "");
        silent.value = Value::Null;
        let wide = row("w", &[("p", "甘肃")], "48h");
        for rows in [
            vec![silent.clone(), wide.clone(), row("w", &[], "24h")],
            vec![row("w", &[], "24h"), wide, silent],
        ] {
            let pack = RulePack::build("t", 1, rows).unwrap();
            assert_eq!(pack.ask("w", &case, on), RuleAnswer::Unknown);
            let other = pack.ask("w", &fields(&[("p", "甘肃")]), on);
            assert!(matches!(other, RuleAnswer::Known(row) if row.value.as_text() == Some("48h")));
        }
    }

    #[test]
    fn a_row_is_in_force_on_its_first_and_last_day() {
        let mut only = row("w", &[], "yes");
        only.from = Some("2018-09-10".parse().unwrap());
        only.until = Some("2020-08-16".parse().unwrap());
        let pack = RulePack::build("t", 1, vec![only]).unwrap();
        for (day, known) in [
            ("2018-09-09", false),
            ("2018-09-10", true),
            ("2020-08-16", true),
            ("2020-08-17", false),
        ] {
            let answer = pack.ask("w", &Fields::new(), day.parse().unwrap());
            assert_eq!(answer != RuleAnswer::Unknown, known, "{day}");
        }
    }

    #[test]
    fn ties_are_found_pair_by_pair() {
        let check = |rows: Vec<RuleRow>, pairs: &[(usize, usize)]| {
            let errors = RulePack::build("t", 1, rows).err().unwrap_or_default();
            let found: Vec<_> = errors.iter().map(|e| (e.first, e.second)).collect();
            assert_eq!(found, pairs);
        };
        let with = |path: &str, wanted: Value| {
            let mut row = row("w", &[], "x");
            row.matches.insert(path.to_owned(), wanted);
            row
        };
        check(vec![], &[]);
        check(vec![row("w", &[], "a"), row("v", &[], "a")], &[]);
        check(vec![row("w", &[], "a"); 3], &[(0, 1), (0, 2), (1, 2)]);
        check(
            vec![with("a", Value::Int(1)), with("a", Value::Number(1.0))],
            &[(0, 1)],
        );
        check(
            vec![with("a", list(&["x"])), with("a", list(&["x", "y"]))],
            &[],
        );
        let mut ends = row("w", &[], "a");
        ends.until = Some("2020-08-16".parse().unwrap());
        let mut begins = row("w", &[], "b");
        begins.from = Some("2020-08-16".parse().unwrap());
        check(vec![ends, begins], &[(0, 1)]);
    }
}
