//! Fields and people given on the command line.

use qixian_api::PartyBody;
use serde_json::{Map, Value};

use crate::failure::Failure;

/// Fields from `path=text` and `path:=json`, nested by their dotted paths.
pub(crate) fn fields(given: &[String]) -> Result<Map<String, Value>, Failure> {
    let mut fields = Map::new();
    for text in given {
        let (path, value) = field(text)?;
        put(&mut fields, path, value).ok_or_else(|| wrong_field(text))?;
    }
    Ok(fields)
}

fn field(text: &str) -> Result<(&str, Value), Failure> {
    let (path, value) = text.split_once('=').ok_or_else(|| wrong_field(text))?;
    match path.strip_suffix(':') {
        None => Ok((path, Value::String(value.to_owned()))),
        Some(path) => match serde_json::from_str(value) {
            Ok(value) => Ok((path, value)),
            Err(error) => Err(Failure::usage(
                format!("“{text}”中 := 之后不是 JSON：{error}"),
                format!("what follows := in `{text}` is not JSON: {error}"),
            )),
        },
    }
}

fn put(fields: &mut Map<String, Value>, path: &str, value: Value) -> Option<()> {
    if path.split('.').any(str::is_empty) {
        return None;
    }
    let Some((first, rest)) = path.split_once('.') else {
        fields.insert(path.to_owned(), value);
        return Some(());
    };
    let inner = fields
        .entry(first)
        .or_insert_with(|| Value::Object(Map::new()));
    put(inner.as_object_mut()?, rest, value)
}

fn wrong_field(text: &str) -> Failure {
    Failure::usage(
        format!(
            "“{text}”应写作 字段=文本，或 字段:=JSON，如 site.number=陇ICP备1号、site.uses_cdn:=true"
        ),
        format!(
            "`{text}` should be field=text or field:=JSON, such as site.name=Example or site.uses_cdn:=true"
        ),
    )
}

/// A person from `ROLE,name=…,mobile=…,email=…`.
pub(crate) fn party(text: &str) -> Result<PartyBody, Failure> {
    let wrong = || {
        Failure::usage(
            format!("“{text}”应写作 角色,name=姓名,mobile=手机,email=邮箱"),
            format!("`{text}` should be ROLE,name=…,mobile=…,email=…"),
        )
    };
    let mut parts = text.split(',');
    let role = parts
        .next()
        .filter(|role| !role.is_empty() && !role.contains('='));
    let mut party = PartyBody {
        role: role.ok_or_else(wrong)?.to_owned(),
        ..PartyBody::default()
    };
    for part in parts {
        let (name, value) = part.split_once('=').ok_or_else(wrong)?;
        let value = value.to_owned();
        match name {
            "name" => party.name = value,
            "mobile" => party.mobile = Some(value),
            "email" => party.email = Some(value),
            "robot" => party.robots.push(value),
            "lang" => party.lang = Some(value),
            "contact" => party.contact = Some(value),
            _ => return Err(wrong()),
        }
    }
    Ok(party)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_nest_by_their_paths() {
        let check = |given: &[&str], expected: Option<&str>| {
            let given: Vec<String> = given.iter().map(|text| (*text).to_owned()).collect();
            let read = fields(&given)
                .ok()
                .map(|map| Value::Object(map).to_string());
            assert_eq!(read.as_deref(), expected, "{given:?}");
        };
        check(&["a=1"], Some(r#"{"a":"1"}"#));
        check(&["a.b:=1", "a.c=x=y"], Some(r#"{"a":{"b":1,"c":"x=y"}}"#));
        check(&["a:=[true,null]"], Some(r#"{"a":[true,null]}"#));
        check(&["a:=nope"], None);
        check(&["a"], None);
        check(&["a..b=1"], None);
        check(&["a=1", "a.b=2"], None);
    }

    #[test]
    fn a_party_is_a_role_and_what_is_known() {
        let read = party("principal,name=王建国,mobile=13800000001").expect("well written");
        assert_eq!(
            (read.role.as_str(), read.name.as_str()),
            ("principal", "王建国")
        );
        assert_eq!(read.mobile.as_deref(), Some("13800000001"));
        for wrong in ["", "name=王", "lead,phone=1", "lead,1"] {
            assert!(party(wrong).is_err(), "{wrong}");
        }
    }
}
