//! From what came over the wire to what the engine takes. Parsed once, here; from then on an event is well-formed.

use qixian_api as api;
use qixian_core::{
    CaseId, Correction, Fields, Lang, MoveTo, OutboxId, Party, PartyChange, StartCase, What, Words,
};
use qixian_time::{Period, Timestamp, parse_date};
use serde_json::{Map, Value};

use crate::http::Refusal;

/// How far ahead of the clock a fact may lie: clocks differ.
const AHEAD_MILLIS: i64 = 5 * 60 * 1000;
/// Longest free text, in characters.
const MOST_TEXT: usize = 4_000;

/// Longest title of a record, in characters, and most bytes its fields may take as JSON.
const MOST_TITLE: usize = 200;
const MOST_RECORD: usize = 64 * 1024;

type Parsed<T> = Result<T, Refusal>;

/// Collects what does not fit, so that all of it is told at once.
#[derive(Default)]
pub(crate) struct Reader {
    errors: Vec<(String, Words)>,
}

impl Reader {
    fn wrong(&mut self, pointer: &str, zh: impl Into<String>, en: impl Into<String>) {
        self.errors.push((pointer.to_owned(), Words::new(zh, en)));
    }

    fn time(&mut self, pointer: &str, text: Option<&str>) -> Option<Timestamp> {
        match Timestamp::parse(text?) {
            Ok(at) => Some(at),
            Err(error) => {
                self.wrong(pointer, error.zh(), error.to_string());
                None
            }
        }
    }

    /// When something happened: now where nothing is said, at most five minutes ahead.
    fn occurred(&mut self, text: Option<&str>, now: Timestamp) -> Timestamp {
        let at = self.time("/occurred_at", text).unwrap_or(now);
        if at.millis_since(now) > AHEAD_MILLIS {
            self.wrong(
                "/occurred_at",
                "比现在晚 5 分钟以上",
                "lies more than 5 minutes ahead",
            );
        }
        at
    }

    fn id(&mut self, pointer: &str, text: Option<&str>) -> Option<CaseId> {
        match text?.parse() {
            Ok(id) => Some(id),
            Err(error) => {
                self.wrong(pointer, "应为 26 个字符的编号", format!("{error}"));
                None
            }
        }
    }

    fn fields(&mut self, pointer: &str, map: Map<String, Value>) -> Fields {
        match serde_json::from_value(Value::Object(map)) {
            Ok(fields) => fields,
            Err(error) => {
                self.wrong(pointer, format!("值不合适：{error}"), error.to_string());
                Fields::new()
            }
        }
    }

    fn text(&mut self, pointer: &str, text: &str) {
        if text.chars().count() > MOST_TEXT {
            self.wrong(
                pointer,
                format!("最多 {MOST_TEXT} 个字"),
                format!("at most {MOST_TEXT} characters are taken"),
            );
        }
    }

    /// The title of a client, contact or asset.
    fn title(&mut self, title: &str) {
        match title.chars().count() {
            _ if title.trim().is_empty() => self.wrong("/title", "请写名称", "give a title"),
            0..=MOST_TITLE => {}
            _ => self.wrong(
                "/title",
                format!("最多 {MOST_TITLE} 个字"),
                format!("at most {MOST_TITLE} characters are taken"),
            ),
        }
    }

    /// The fields of a client, contact or asset.
    fn record_fields(&mut self, map: Map<String, Value>) -> Fields {
        let size = serde_json::to_vec(&map).map_or(0, |bytes| bytes.len());
        if size > MOST_RECORD {
            self.wrong(
                "/fields",
                format!("共 {size} 字节，最多 {} KiB", MOST_RECORD / 1024),
                format!("{size} bytes; at most {} KiB are taken", MOST_RECORD / 1024),
            );
        }
        self.fields("/fields", map)
    }

    fn reason(&mut self, text: &str) -> String {
        if text.trim().is_empty() {
            self.wrong("/reason", "请写明原因", "give a reason");
        }
        self.text("/reason", text);
        text.to_owned()
    }

    fn party(&mut self, pointer: &str, body: api::PartyBody) -> Party {
        let lang = match body.lang.as_deref() {
            None => None,
            Some("zh") => Some(Lang::Zh),
            Some("en") => Some(Lang::En),
            Some(_) => {
                self.wrong(
                    &format!("{pointer}/lang"),
                    "应为 zh 或 en",
                    "expected zh or en",
                );
                None
            }
        };
        // A form sends what was left empty as an empty text.
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let (mobile, email) = (given(body.mobile), given(body.email));
        if let Some(mobile) = &mobile
            && !is_mobile(mobile)
        {
            let place = format!("{pointer}/mobile");
            self.wrong(
                &place,
                "应为数字，可带前导 +",
                "expected digits, with an optional leading +",
            );
        }
        if let Some(email) = &email
            && !email
                .split_once('@')
                .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty())
        {
            self.wrong(
                &format!("{pointer}/email"),
                "不是邮箱地址",
                "is no mail address",
            );
        }
        Party {
            role: body.role,
            name: body.name,
            mobile,
            email,
            robots: body.robots,
            lang,
            contact: self.id(&format!("{pointer}/contact"), body.contact.as_deref()),
        }
    }

    fn done<T>(self, value: T) -> Parsed<T> {
        match self.errors.is_empty() {
            true => Ok(value),
            false => Err(Refusal::invalid(self.errors)),
        }
    }
}

fn is_mobile(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (5..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

/// What happened, when, and the words beside it.
pub(crate) struct Said {
    pub(crate) what: What,
    pub(crate) occurred_at: Timestamp,
    pub(crate) note: Option<String>,
}

/// A new case. `pack` is the rule pack of the version in force.
pub(crate) fn start(
    post: api::PostCase,
    now: Timestamp,
    pack: impl Fn(Option<&str>) -> Option<qixian_core::PackRef>,
) -> Parsed<Said> {
    let mut read = Reader::default();
    // Begun on the whole second, so that who writes times without fractions can tell at once what happened next.
    let second = Timestamp::from_millis(now.as_millis().div_euclid(1000) * 1000);
    let occurred_at = read.occurred(post.occurred_at.as_deref(), second);
    let Some(pack) = pack(post.rules.as_deref()) else {
        return Err(Refusal::value(
            "/rules",
            "没有这个规则包",
            "there is no such rule pack",
        ));
    };
    let parties = post.parties.into_iter().enumerate();
    let assets = post.assets.iter().enumerate();
    read.text("/title", &post.title);
    let start = StartCase {
        pack,
        reference: post.reference.unwrap_or_default(),
        fields: read.fields("/fields", post.fields),
        parties: parties
            .map(|(i, party)| read.party(&format!("/parties/{i}"), party))
            .collect(),
        entered_at: read.time("/entered_at", post.entered_at.as_deref()),
        client: read.id("/client", post.client.as_deref()),
        assets: assets
            .filter_map(|(i, id)| read.id(&format!("/assets/{i}"), Some(id)))
            .collect(),
        workflow: post.workflow,
        title: post.title,
        state: post.state,
        parent: None,
    };
    read.done(Said {
        what: What::Start(Box::new(start)),
        occurred_at,
        note: None,
    })
}

/// An event of the workflow.
pub(crate) fn event(post: api::PostEvent, now: Timestamp) -> Parsed<Said> {
    let mut read = Reader::default();
    let occurred_at = read.occurred(post.occurred_at.as_deref(), now);
    if What::BUILT_IN.contains(&post.event.as_str()) {
        read.wrong(
            "/event",
            "这是系统保留的事件，请用相应的接口",
            "this event is built in; use its own route",
        );
    }
    let override_reason = post.override_guard.map(|o| o.reason);
    if override_reason
        .as_deref()
        .is_some_and(|reason| reason.trim().is_empty())
    {
        read.wrong("/override/reason", "请写明原因", "give a reason");
    }
    if let Some(note) = &post.note {
        read.text("/note", note);
    }
    let what = What::Fact {
        event: post.event,
        party: post.party,
        fields: read.fields("/fields", post.fields),
        override_reason,
    };
    read.done(Said {
        what,
        occurred_at,
        note: post.note,
    })
}

/// A change of title, reference or fields.
pub(crate) fn patch(patch: api::PatchCase, now: Timestamp) -> Parsed<Said> {
    let mut read = Reader::default();
    let what = What::Edit {
        fields: read.fields("/fields", patch.fields),
        title: patch.title,
        reference: patch.reference,
    };
    read.done(Said {
        what,
        occurred_at: now,
        note: patch.note,
    })
}

/// Words for the journal.
pub(crate) fn note(post: api::PostNote, now: Timestamp) -> Parsed<Said> {
    let mut read = Reader::default();
    read.text("/note", &post.note);
    if post.note.trim().is_empty() {
        read.wrong("/note", "请写点什么", "write something");
    }
    read.done(Said {
        what: What::Note,
        occurred_at: now,
        note: Some(post.note),
    })
}

/// A person put into a case.
pub(crate) fn put_party(put: api::PutParty, now: Timestamp) -> Parsed<Said> {
    let mut read = Reader::default();
    let change = PartyChange::Put {
        party: read.party("/party", put.party),
        nth: put.nth.unwrap_or(u32::MAX),
    };
    read.done(Said {
        what: What::Party(change),
        occurred_at: now,
        note: None,
    })
}

/// A person taken out of a case.
pub(crate) fn remove_party(remove: api::RemoveParty, now: Timestamp) -> Said {
    let change = PartyChange::Remove {
        role: remove.role,
        nth: remove.nth,
    };
    Said {
        what: What::Party(change),
        occurred_at: now,
        note: None,
    }
}

/// A correction of the fact in line `seq`.
pub(crate) fn correct(seq: u64, post: api::CorrectFact, now: Timestamp) -> Parsed<Said> {
    let mut read = Reader::default();
    let reason = read.reason(&post.reason);
    let occurred_at = read.time("/occurred_at", post.occurred_at.as_deref());
    if occurred_at.is_some_and(|at| at.millis_since(now) > AHEAD_MILLIS) {
        read.wrong(
            "/occurred_at",
            "比现在晚 5 分钟以上",
            "lies more than 5 minutes ahead",
        );
    }
    let replaces = occurred_at.is_some() || !post.fields.is_empty() || post.party.is_some();
    if post.withdraw == replaces {
        read.wrong(
            "/withdraw",
            "要么撤回，要么给出正确的 occurred_at、fields 或 party",
            "either withdraw, or give the right occurred_at, fields or party",
        );
    }
    let fields = read.fields("/fields", post.fields);
    let change = match post.withdraw {
        true => Correction::Withdraw,
        false => Correction::Replace {
            occurred_at,
            fields,
            party: post.party,
        },
    };
    let what = What::Correct {
        seq,
        change,
        reason,
        history: None,
    };
    read.done(Said {
        what,
        occurred_at: now,
        note: None,
    })
}

/// Closing or reopening a case.
pub(crate) fn close(post: api::PostReason, now: Timestamp, reopen: bool) -> Parsed<Said> {
    let mut read = Reader::default();
    let occurred_at = read.occurred(post.occurred_at.as_deref(), now);
    let reason = read.reason(&post.reason);
    let what = match reopen {
        true => What::Reopen { reason },
        false => What::Close { reason },
    };
    read.done(Said {
        what,
        occurred_at,
        note: None,
    })
}

/// A deadline moved by hand.
pub(crate) fn move_deadline(
    deadline: String,
    post: api::MoveDeadline,
    now: Timestamp,
) -> Parsed<Said> {
    let mut read = Reader::default();
    let reason = read.reason(&post.reason);
    let to = match (post.due_at.as_deref(), post.by.as_deref()) {
        (Some(text), None) => match parse_date(text) {
            Ok(day) => Some(MoveTo::EndOf(day)),
            Err(_) => read.time("/due_at", Some(text)).map(MoveTo::At),
        },
        (None, Some(text)) => match text.strip_prefix('+').unwrap_or(text).parse::<Period>() {
            Ok(period) => Some(MoveTo::Later(period)),
            Err(error) => {
                read.wrong("/by", error.zh(), error.to_string());
                None
            }
        },
        _ => {
            read.wrong(
                "/due_at",
                "due_at 与 by 请写且只写一个",
                "give exactly one of due_at and by",
            );
            None
        }
    };
    let what = to.map(|to| What::MoveDeadline {
        deadline,
        to,
        reason,
    });
    match what {
        Some(what) => read.done(Said {
            what,
            occurred_at: now,
            note: None,
        }),
        None => Err(Refusal::invalid(read.errors)),
    }
}

/// A deadline's clock stopped or let go on by hand.
pub(crate) fn clock(
    deadline: String,
    post: api::PostClock,
    now: Timestamp,
    resume: bool,
) -> Parsed<Said> {
    let mut read = Reader::default();
    let occurred_at = read.occurred(post.occurred_at.as_deref(), now);
    let reason = read.reason(&post.reason);
    let what = match resume {
        true => What::ResumeDeadline { deadline, reason },
        false => What::PauseDeadline { deadline, reason },
    };
    read.done(Said {
        what,
        occurred_at,
        note: None,
    })
}

/// A new client, contact or asset: title, client, fields.
pub(crate) fn record(post: api::PostRecord) -> Parsed<(String, Option<CaseId>, Fields)> {
    let mut read = Reader::default();
    read.title(&post.title);
    let client = read.id("/client", post.client.as_deref());
    let fields = read.record_fields(post.fields);
    read.done((post.title, client, fields))
}

/// Changes of a client, contact or asset: title, client, fields.
pub(crate) fn record_patch(
    patch: api::PatchRecord,
) -> Parsed<(Option<String>, Option<CaseId>, Fields)> {
    let mut read = Reader::default();
    if let Some(title) = &patch.title {
        read.title(title);
    }
    let client = read.id("/client", patch.client.as_deref());
    let fields = read.record_fields(patch.fields);
    read.done((patch.title, client, fields))
}

/// An id from a path.
pub(crate) fn case_id(text: &str) -> Parsed<CaseId> {
    text.parse().map_err(|_| Refusal::not_found("案件", "case"))
}

/// A message's id from a path: the outbox entry and the recipient's place in it.
pub(crate) fn message_id(text: &str) -> Parsed<(OutboxId, u16)> {
    let read = || {
        let (entry, leg) = text.rsplit_once('.')?;
        Some((entry.parse().ok()?, leg.parse().ok()?))
    };
    read().ok_or_else(|| Refusal::not_found("消息", "message"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_771_000_000_000;

    fn pointers<T>(parsed: Parsed<T>) -> Vec<String> {
        let problem = parsed.err().expect("refused").problem(Lang::En);
        problem
            .errors
            .into_iter()
            .map(|item| item.pointer)
            .collect()
    }

    #[test]
    fn all_problems_of_a_case_are_told_at_once() {
        let text = r#"{"workflow":"x","occurred_at":"2026-02-13","client":"1",
            "parties":[{"role":"lead","mobile":"abc","email":"x","lang":"fr"}]}"#;
        let post: api::PostCase = serde_json::from_str(text).expect("a body");
        let pack = |_: Option<&str>| Some(qixian_core::PackRef::default());
        let found = pointers(start(post, Timestamp::from_millis(NOW), pack));
        assert_eq!(
            found,
            [
                "/occurred_at",
                "/parties/0/lang",
                "/parties/0/mobile",
                "/parties/0/email",
                "/client"
            ]
        );
    }

    #[test]
    fn records_have_a_title_and_a_size() {
        let post = |title: &str, size: usize| {
            let fields = serde_json::json!({"note": "x".repeat(size)});
            api::PostRecord {
                title: title.to_owned(),
                client: None,
                fields: fields.as_object().cloned().expect("a record"),
            }
        };
        assert!(record(post("a", 60_000)).is_ok());
        assert_eq!(pointers(record(post(" ", 0))), ["/title"]);
        assert_eq!(
            pointers(record(post(&"a".repeat(201), 70_000))),
            ["/title", "/fields"]
        );
    }

    #[test]
    fn facts_lie_at_most_five_minutes_ahead() {
        let now = Timestamp::from_millis(NOW);
        let post = |ahead: i64| api::PostEvent {
            event: "x".to_owned(),
            occurred_at: Some(now.saturating_add_millis(ahead).to_string()),
            ..api::PostEvent::default()
        };
        assert!(event(post(AHEAD_MILLIS), now).is_ok());
        assert_eq!(
            pointers(event(post(AHEAD_MILLIS + 1_000), now)),
            ["/occurred_at"]
        );
    }

    #[test]
    fn a_correction_withdraws_or_replaces() {
        let now = Timestamp::from_millis(NOW);
        let post = |withdraw: bool, party: Option<&str>| api::CorrectFact {
            reason: "typing error".to_owned(),
            withdraw,
            party: party.map(str::to_owned),
            ..api::CorrectFact::default()
        };
        assert!(correct(3, post(true, None), now).is_ok());
        assert!(correct(3, post(false, Some("principal")), now).is_ok());
        assert_eq!(
            pointers(correct(3, post(true, Some("principal")), now)),
            ["/withdraw"]
        );
        assert_eq!(pointers(correct(3, post(false, None), now)), ["/withdraw"]);
    }
}
