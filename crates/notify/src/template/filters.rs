//! The filters and the function that templates have beside minijinja's own.
//!
//! | in a template | gives |
//! | --- | --- |
//! | `deadline.due_at \| left` | `还剩 1 天 3 小时`, `1 day 3 hours left`, past it `已超期 2 小时`, `2 hours overdue` |
//! | `… \| time_left` | the same without 还剩 / left |
//! | `… \| local` | `2月15日（周日）17:30`, `Sun 15 Feb 17:30` |
//! | `… \| weekday` | `周日 17:30` within six days, else as `local` |
//! | `… \| day` | `2月15日（周日）` |
//! | `field("site.number")` | the case's field; none while it is not known |

use minijinja::{Environment, Error, ErrorKind, State, Value};
use qixian_core::Lang;
use qixian_time::{Timestamp, Zone};

use super::phrases;

/// Adds them to `env`.
pub(crate) fn add(env: &mut Environment<'static>) {
    env.add_filter("time_left", |state: &State<'_, '_>, at: Value| {
        with(state, &at, |w| phrases::time_left(w.at, w.now, w.lang))
    });
    env.add_filter("left", |state: &State<'_, '_>, at: Value| {
        with(state, &at, |w| phrases::left(w.at, w.now, w.lang))
    });
    env.add_filter("local", |state: &State<'_, '_>, at: Value| {
        with(state, &at, |w| phrases::local(w.at, w.now, &w.zone, w.lang))
    });
    env.add_filter("weekday", |state: &State<'_, '_>, at: Value| {
        with(state, &at, |w| {
            phrases::weekday(w.at, w.now, &w.zone, w.lang)
        })
    });
    env.add_filter("day", |state: &State<'_, '_>, at: Value| {
        with(state, &at, |w| phrases::day(w.at, w.now, &w.zone, w.lang))
    });
    env.add_function("field", |state: &State<'_, '_>, path: &str| {
        field(state, path)
    });
}

/// What a filter on an instant needs of the message.
struct When {
    at: Timestamp,
    now: Timestamp,
    zone: Zone,
    lang: Lang,
}

fn with(state: &State<'_, '_>, at: &Value, say: impl Fn(&When) -> String) -> Result<String, Error> {
    let millis = i64::try_from(at.clone()).map_err(|_| {
        let detail = format!("expected a time such as deadline.due_at, got {}", at.kind());
        Error::new(ErrorKind::InvalidOperation, detail)
    })?;
    let now = known(state, "now")?;
    let now = i64::try_from(now).map_err(|_| unset("now"))?;
    let zone = known(state, "zone")?;
    let zone = zone.as_str().and_then(|name| Zone::named(name).ok());
    Ok(say(&When {
        at: Timestamp::from_millis(millis),
        now: Timestamp::from_millis(now),
        zone: zone.ok_or_else(|| unset("zone"))?,
        lang: match known(state, "lang")?.as_str() {
            Some("en") => Lang::En,
            _ => Lang::Zh,
        },
    }))
}

fn known(state: &State<'_, '_>, name: &'static str) -> Result<Value, Error> {
    state.lookup(name).ok_or_else(|| unset(name))
}

fn unset(name: &'static str) -> Error {
    Error::new(ErrorKind::UndefinedError, format!("`{name}` was changed"))
}

/// The field at a dotted path, none where any step of it is missing: fields may not be known yet.
fn field(state: &State<'_, '_>, path: &str) -> Result<Value, Error> {
    let mut value = known(state, "fields")?;
    for name in path.split('.') {
        value = value.get_attr(name).unwrap_or_default();
        if value.is_undefined() || value.is_none() {
            return Ok(Value::from(()));
        }
    }
    Ok(value)
}
