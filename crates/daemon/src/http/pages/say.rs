//! The words of the pages, in both languages.

use qixian_core::definition::Kind;
use qixian_core::{Actor, Cause, Channel, ClockState, Lang, LegStatus, RungState, Workflow};
use qixian_notify::phrases;

/// Chooses between the two languages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Say(pub(super) Lang);

impl Say {
    /// The text in the page's language.
    pub(super) fn t<'a>(&self, zh: &'a str, en: &'a str) -> &'a str {
        match self.0 {
            Lang::Zh => zh,
            Lang::En => en,
        }
    }

    /// What `lang=` says in this page's links.
    pub(super) fn code(&self) -> &'static str {
        self.t("zh", "en")
    }

    /// What `lang=` says in the link to the other language.
    pub(super) fn other(&self) -> &'static str {
        self.t("en", "zh")
    }

    /// A role as people call it.
    pub(super) fn role<'a>(&self, role: &'a str) -> &'a str {
        phrases::role_title(role, self.0)
    }

    /// What a deadline is to whoever looks at it.
    pub(super) fn kind(self, kind: Kind) -> &'static str {
        match kind {
            Kind::Duty => self.t("必须按时办", "must be done"),
            Kind::Expectation => self.t("预计，过了去催", "expected; chase when late"),
        }
    }

    /// Where a clock stands.
    pub(super) fn clock(self, clock: ClockState) -> &'static str {
        match clock {
            ClockState::Waiting => self.t("还没起算", "not started"),
            ClockState::Armed => self.t("进行中", "running"),
            ClockState::Paused => self.t("暂停中", "paused"),
            ClockState::Met => self.t("已按期完成", "met in time"),
            ClockState::Missed => self.t("已逾期", "missed"),
            ClockState::Cancelled => self.t("已取消", "cancelled"),
            ClockState::Superseded => self.t("已重新起算", "started anew"),
        }
    }

    /// What became of a reminder.
    pub(super) fn rung(self, state: RungState) -> &'static str {
        match state {
            RungState::Pending => self.t("待发", "to come"),
            RungState::Fired => self.t("已发出", "went out"),
            RungState::Moot => self.t("不再需要", "not needed"),
        }
    }

    /// What became of a message.
    pub(super) fn message(self, status: LegStatus) -> &'static str {
        match status {
            LegStatus::Queued => self.t("等待发送", "waiting to be sent"),
            LegStatus::Held => self.t("暂扣，等人放行", "held until released"),
            LegStatus::Sending => self.t("正在发送", "being sent"),
            LegStatus::Accepted => self.t("已交给通道", "handed to the provider"),
            LegStatus::Delivered => self.t("已送达", "delivered"),
            LegStatus::Moot => self.t("不再需要，没发", "not needed, not sent"),
            LegStatus::Dead => self.t("没有送到", "reached nobody"),
            LegStatus::Unknown => self.t("不知是否送到", "may not have arrived"),
        }
    }

    /// A way to reach people.
    pub(super) fn channel(self, channel: Channel) -> &'static str {
        match channel {
            Channel::Mail => self.t("邮件", "e-mail"),
            Channel::Sms => self.t("短信", "SMS"),
            Channel::Wecom => self.t("企业微信", "WeCom"),
            Channel::Dingtalk => self.t("钉钉", "DingTalk"),
            Channel::Feishu => self.t("飞书", "Feishu"),
            Channel::Webhook => "Webhook",
            Channel::Person => self.t("打电话的任务", "a call to make"),
        }
    }

    /// Who did something; our own parts have no name of their own.
    pub(super) fn actor(self, actor: &Actor) -> String {
        let ours = actor.roles.is_empty();
        match actor.name.as_str() {
            "timer" if ours => self.t("期限（自动）", "the timer"),
            "case" if ours => self.t("关联案件", "a related case"),
            "system" if ours => self.t("系统", "the system"),
            name => name,
        }
        .to_owned()
    }

    /// Who found something wrong.
    pub(super) fn reviewer<'a>(&self, by: &'a str) -> &'a str {
        match by {
            "provider" => self.t("服务商", "the provider"),
            "bureau" => self.t("管局", "the bureau"),
            "police" => self.t("公安", "the police"),
            other => other,
        }
    }

    /// A workflow's title; its id where the definition is not at hand.
    pub(super) fn workflow(self, workflow: Option<&Workflow>, id: &str) -> String {
        workflow.map_or_else(|| id.to_owned(), |w| w.title.get(self.0).to_owned())
    }

    /// A state's title; its name where the workflow has none.
    pub(super) fn state(self, workflow: Option<&Workflow>, state: &str) -> String {
        let title = workflow.and_then(|w| w.states.get(state));
        title
            .map(|s| s.title.get(self.0))
            .filter(|title| !title.is_empty())
            .unwrap_or(state)
            .to_owned()
    }

    /// A deadline's title; its name where the workflow has none.
    pub(super) fn deadline(self, workflow: Option<&Workflow>, name: &str) -> String {
        let title = workflow.and_then(|w| w.deadlines.get(name));
        title
            .map(|d| d.title.get(self.0))
            .filter(|title| !title.is_empty())
            .unwrap_or(name)
            .to_owned()
    }

    /// An event's title, as it is called in `state` if it is known there.
    pub(super) fn event(self, workflow: Option<&Workflow>, event: &str, state: &str) -> String {
        let all = workflow.map(|w| w.transitions.iter()).into_iter().flatten();
        let mut named = all.filter(|t| t.event == event && !t.title.get(self.0).is_empty());
        let here = named.clone().find(|t| t.from.iter().any(|s| s == state));
        match here.or_else(|| named.next()) {
            Some(transition) => transition.title.get(self.0).to_owned(),
            None => self.built_in(event).unwrap_or(event).to_owned(),
        }
    }

    fn built_in(self, event: &str) -> Option<&'static str> {
        Some(match event {
            "case_started" => self.t("立案", "Case started"),
            "case_edited" => self.t("修改资料", "Case edited"),
            "note_added" => self.t("备注", "Note"),
            "party_changed" => self.t("相关人变更", "People changed"),
            "fact_corrected" => self.t("更正记录", "Record corrected"),
            "fact_confirmed" => self.t("一人已完成，等其余的人", "One person done, others awaited"),
            "case_closed" => self.t("结案", "Case closed"),
            "case_reopened" => self.t("重新打开", "Case reopened"),
            "deadline_moved" => self.t("手动改期", "Deadline moved by hand"),
            "deadline_paused" => self.t("暂停期限", "Deadline paused"),
            "deadline_resumed" => self.t("恢复期限", "Deadline resumed"),
            "deadline_recomputed" => self.t("期限重算", "Deadlines computed again"),
            "finding_overridden" => self.t("放行检查结果", "Finding overridden"),
            "reminder_acknowledged" => self.t("已看到提醒", "Reminder acknowledged"),
            "message_dead" => self.t("消息没有送到", "A message reached nobody"),
            "child_closed" => self.t("子案件结束", "A started case ended"),
            "rung_due" => self.t("提醒到时", "Reminder due"),
            "deadline_passed" => self.t("期限已过", "Deadline passed"),
            "migrated" => self.t("换用新版流程", "Moved to a new workflow version"),
            "messages_released" => self.t("放行消息", "Messages released"),
            _ => return None,
        })
    }

    /// What a message is about.
    pub(super) fn about(self, workflow: Option<&Workflow>, cause: &Cause) -> String {
        match cause {
            Cause::Rung { deadline, .. } => format!(
                "{}{}",
                self.t("提醒：", "Reminder: "),
                self.deadline(workflow, deadline)
            ),
            Cause::Missed { deadline, .. } => format!(
                "{}{}",
                self.t("逾期：", "Missed: "),
                self.deadline(workflow, deadline)
            ),
            Cause::Transition { event } => {
                format!(
                    "{}{}",
                    self.t("告知：", "News: "),
                    self.event(workflow, event, "")
                )
            }
            Cause::Manual => self.t("手动发送", "Sent by hand").to_owned(),
        }
    }

    /// A flag in words: which deadline set it. One that no deadline of the workflow sets keeps its name.
    pub(super) fn flag(self, workflow: Option<&Workflow>, flag: &str) -> String {
        use qixian_core::definition::MissedThen;
        let all = workflow.map(|w| w.deadlines.iter()).into_iter().flatten();
        let mut set_by = all.filter(|(_, def)| {
            let then = def.missed.as_ref().map(|missed| &missed.then);
            matches!(then, Some(MissedThen::Flag(name)) if name == flag)
        });
        match set_by.next() {
            Some((_, def)) => {
                let title = def.title.get(self.0);
                match self.0 {
                    Lang::Zh => format!("{title}逾期"),
                    Lang::En => format!("{title}: missed"),
                }
            }
            None => flag.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qixian_core::What;

    /// Every built-in event has words in both languages, and the English ones hold no Chinese.
    #[test]
    fn built_in_events_are_said_in_words() {
        let names = What::BUILT_IN;
        assert!(names.contains(&What::Note.name()));
        for name in names {
            let (zh, en) = (Say(Lang::Zh).built_in(name), Say(Lang::En).built_in(name));
            assert!(zh.is_some_and(|text| !text.is_ascii()), "{name}: {zh:?}");
            assert!(en.is_some_and(str::is_ascii), "{name}: {en:?}");
        }
    }

    #[test]
    fn our_own_parts_are_not_mistaken_for_people() {
        let said = |roles: &[&str]| {
            let roles = roles.iter().map(ToString::to_string).collect();
            let name = "timer".to_owned();
            Say(Lang::En).actor(&Actor { name, roles })
        };
        assert_eq!(said(&[]), "the timer");
        assert_eq!(said(&["handler"]), "timer");
    }
}
