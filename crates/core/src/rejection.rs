//! Why an event was not accepted. Nothing is written then.

use std::fmt;

use crate::definition::Name;
use crate::words::say;
use crate::{FieldProblem, Rev, Words};

/// A refused event. Each has a stable code (`docs/errors.md`). `Display` is the English sentence, [`Rejection::words`]
/// has both.
#[derive(Clone, Debug, PartialEq)]
pub enum Rejection {
    /// The event has no transition from the present state.
    EventNotPossible {
        /// The event.
        event: Name,
        /// The present state.
        state: Name,
        /// What is possible instead.
        possible: Vec<Name>,
        /// Whether reopening the case (or its round) would help.
        hint_reopen: bool,
    },
    /// A guard does not hold.
    GuardRefused {
        /// The guard.
        guard: Name,
        /// Its sentence.
        sentence: Words,
        /// The roles that may record the fact all the same, with `override`.
        override_by: Vec<Name>,
    },
    /// A guard could not be evaluated.
    GuardFailed {
        /// The guard.
        guard: Name,
        /// What went wrong.
        reason: Words,
    },
    /// The sender saw an older revision.
    Stale {
        /// What the sender saw.
        expected: Rev,
        /// What it is.
        actual: Rev,
    },
    /// Values that do not fit; pointers start at the request's root.
    Invalid(Vec<FieldProblem>),
    /// The person who confirms must be named, and be one of these.
    PartyNeeded {
        /// The roles asked that have not confirmed yet.
        asked: Vec<Name>,
    },
    /// This needs a role the actor lacks.
    NotAllowed {
        /// The roles that may.
        roles: Vec<Name>,
    },
    /// There is no such deadline, or it is not in a state for this.
    Deadline {
        /// The deadline.
        deadline: Name,
        /// What is in the way.
        reason: Words,
    },
    /// The case is closed (or not closed, for reopening).
    Closed(Words),
    /// The case exists already, or does not exist.
    Existence(Words),
    /// The correction cannot be carried through.
    Correction {
        /// The journal line.
        seq: Rev,
        /// What is in the way.
        reason: Words,
    },
    /// A calendar, rule pack or length the deadline needs is missing or unusable.
    Uncomputable {
        /// The deadline.
        deadline: Name,
        /// What is missing.
        reason: Words,
    },
}

impl Rejection {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Rejection::EventNotPossible { .. } => "event_not_possible",
            Rejection::GuardRefused { .. } => "guard_refused",
            Rejection::GuardFailed { .. } => "guard_failed",
            Rejection::Stale { .. } => "stale_edit_rev",
            Rejection::Invalid(_) => "invalid_value",
            Rejection::PartyNeeded { .. } => "party_needed",
            Rejection::NotAllowed { .. } => "not_allowed",
            Rejection::Deadline { .. } => "deadline_not_possible",
            Rejection::Closed(_) => "case_closed",
            Rejection::Existence(_) => "case_existence",
            Rejection::Correction { .. } => "correction_not_possible",
            Rejection::Uncomputable { .. } => "deadline_uncomputable",
        }
    }

    /// The whole sentence in both languages.
    pub fn words(&self) -> Words {
        match self {
            Rejection::EventNotPossible {
                event,
                state,
                possible,
                hint_reopen,
            } => say!(
                "状态“{state}”下不能记录“{event}”；{}",
                "`{event}` is not possible in state `{state}`; {}";
                instead(possible, *hint_reopen)
            ),
            Rejection::GuardRefused {
                guard, sentence, ..
            } => say!("条件“{guard}”：{}", "guard `{guard}`: {}"; sentence),
            Rejection::GuardFailed { guard, reason } => say!(
                "条件“{guard}”无法判断：{}",
                "guard `{guard}` could not be evaluated: {}";
                reason
            ),
            Rejection::Stale { expected, actual } => say!(
                "案件的 edit_rev 已是 {actual}，不是 {expected}：请重新读取，再做仍然合适的修改",
                "the case is at edit_rev {actual}, not {expected}: read it again, then repeat what still fits"
            ),
            Rejection::Invalid(problems) => listed(problems),
            Rejection::PartyNeeded { asked } => say!(
                "请说明是谁确认的：{}",
                "say which of {} confirms";
                Words::listed(asked)
            ),
            Rejection::NotAllowed { roles } => {
                say!("这一步只有 {} 可以做", "only {} may do this"; Words::one_of(roles))
            }
            Rejection::Deadline { deadline, reason } => {
                say!("期限“{deadline}”：{}", "deadline `{deadline}`: {}"; reason)
            }
            Rejection::Closed(words) | Rejection::Existence(words) => words.clone(),
            Rejection::Correction { seq, reason } => say!(
                "第 {seq} 行不能更正：{}",
                "line {seq} cannot be corrected: {}";
                reason
            ),
            Rejection::Uncomputable { deadline, reason } => say!(
                "期限“{deadline}”算不出来：{}",
                "deadline `{deadline}` cannot be computed: {}";
                reason
            ),
        }
    }

    /// The case is closed, and this needs an open one.
    pub(crate) fn closed() -> Self {
        Rejection::Closed(Words::new(
            "案件已关闭；请先重新打开",
            "the case is closed; reopen it first",
        ))
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.words().en)
    }
}

impl std::error::Error for Rejection {}

/// What to do where an event is not possible.
fn instead(possible: &[Name], reopen: bool) -> Words {
    let now = match possible {
        [] => Words::new("现在没有可以记录的事件", "nothing is possible now"),
        names => say!("现在可以：{}", "possible now: {}"; Words::listed(names)),
    };
    if reopen {
        say!("{}；或者重新打开案件", "{}; or reopen the case"; now)
    } else {
        now
    }
}

/// Each value that does not fit, with its place.
fn listed(problems: &[FieldProblem]) -> Words {
    let (zh, en): (Vec<_>, Vec<_>) = problems
        .iter()
        .map(|p| say!("{}：{}", "{}: {}"; Words::same(&p.pointer), p.detail))
        .map(|words| (words.zh, words.en))
        .unzip();
    Words::new(zh.join("；"), en.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_chinese(text: &str) -> bool {
        text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
    }

    #[test]
    fn every_rejection_is_said_in_both_languages() {
        let check = |rejection: Rejection, zh: &str, en: &str| {
            let words = rejection.words();
            assert_eq!((words.zh.as_str(), words.en.as_str()), (zh, en));
            assert_eq!(rejection.to_string(), en, "Display is the English");
            assert!(is_chinese(zh) && !is_chinese(en), "{words:?}");
        };
        let name = |text: &str| text.to_owned();
        let why = || Words::new("缘由", "a reason");
        let impossible = |possible: &[&str], hint_reopen| Rejection::EventNotPossible {
            event: name("submitted"),
            state: name("approved"),
            possible: possible.iter().map(|text| name(text)).collect(),
            hint_reopen,
        };
        check(
            impossible(&["opened", "withdrawn"], false),
            "状态“approved”下不能记录“submitted”；现在可以：opened、withdrawn",
            "`submitted` is not possible in state `approved`; possible now: opened, withdrawn",
        );
        check(
            impossible(&[], true),
            "状态“approved”下不能记录“submitted”；现在没有可以记录的事件；或者重新打开案件",
            "`submitted` is not possible in state `approved`; nothing is possible now; or reopen the case",
        );
        let refused = Rejection::GuardRefused {
            guard: name("named"),
            sentence: why(),
            override_by: Vec::new(),
        };
        check(refused, "条件“named”：缘由", "guard `named`: a reason");
        let failed = Rejection::GuardFailed {
            guard: name("named"),
            reason: why(),
        };
        check(
            failed,
            "条件“named”无法判断：缘由",
            "guard `named` could not be evaluated: a reason",
        );
        let stale = Rejection::Stale {
            expected: 3,
            actual: 5,
        };
        check(
            stale,
            "案件的 edit_rev 已是 5，不是 3：请重新读取，再做仍然合适的修改",
            "the case is at edit_rev 5, not 3: read it again, then repeat what still fits",
        );
        let problem = |pointer: &str| FieldProblem {
            pointer: name(pointer),
            detail: why(),
        };
        check(
            Rejection::Invalid(vec![problem("/title"), problem("/state")]),
            "/title：缘由；/state：缘由",
            "/title: a reason; /state: a reason",
        );
        let asked = vec![name("principal"), name("site_owner")];
        check(
            Rejection::PartyNeeded {
                asked: asked.clone(),
            },
            "请说明是谁确认的：principal、site_owner",
            "say which of principal, site_owner confirms",
        );
        check(
            Rejection::NotAllowed { roles: asked },
            "这一步只有 principal、site_owner 可以做",
            "only principal or site_owner may do this",
        );
        let deadline = Rejection::Deadline {
            deadline: name("sms"),
            reason: why(),
        };
        check(deadline, "期限“sms”：缘由", "deadline `sms`: a reason");
        let uncomputable = Rejection::Uncomputable {
            deadline: name("sms"),
            reason: why(),
        };
        check(
            uncomputable,
            "期限“sms”算不出来：缘由",
            "deadline `sms` cannot be computed: a reason",
        );
        check(
            Rejection::closed(),
            "案件已关闭；请先重新打开",
            "the case is closed; reopen it first",
        );
        check(Rejection::Existence(why()), "缘由", "a reason");
        let correction = Rejection::Correction {
            seq: 2,
            reason: why(),
        };
        check(
            correction,
            "第 2 行不能更正：缘由",
            "line 2 cannot be corrected: a reason",
        );
    }
}
