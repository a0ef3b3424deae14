//! From an intent to the words for one person, as they are true now. Pure: the time is passed in.

use minijinja::Value;
use qixian_core::definition::{Kind, Name};
use qixian_core::{Case, Cause, Channel, ClockState, Deadline, ReminderIntent, Workflow};
use qixian_time::Timestamp;

use crate::template::facts::{self, Facts};
use crate::{Message, Person, Recipient, TemplateError, Templates};

/// What a message can speak of.
#[derive(Clone, Copy, Debug)]
pub struct ComposeScope<'a> {
    /// The words.
    pub templates: &'a Templates,
    /// The case, as it is now.
    pub case: &'a Case,
    /// The definition it runs on.
    pub workflow: &'a Workflow,
    /// The deadline it is about, as it is now; `None` for messages that are about none.
    pub deadline: Option<&'a Deadline>,
    /// Who is addressed.
    pub person: &'a Person,
    /// For a watch: the open cases that hang on the same asset.
    pub related: &'a [Related],
    /// Where links lead to; `None`: messages hold none.
    pub base_url: Option<&'a str>,
}

/// Another case, as far as a message names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Related {
    /// Its title.
    pub title: String,
    /// Its reference.
    pub reference: String,
    /// The title of its state, in the language of the person addressed.
    pub state_title: String,
    /// Whether somebody outside reviews it now.
    pub under_review: bool,
}

/// Why there is no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// The person cannot be reached by this channel; another may do.
    #[error("NT0020: `{role}` has no address for channel `{channel}`")]
    NoAddress {
        /// The role.
        role: Name,
        /// The channel.
        channel: Channel,
    },
    /// The intent has fewer legs.
    #[error("NT0021: the message has no leg {0}")]
    NoLeg(usize),
    /// The words are missing or broken.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

/// The message of one leg by one channel.
///
/// # Errors
/// [`ComposeError`]: the next channel may do for `NoAddress`; a person must mend the words for `Template`.
pub fn compose(
    intent: &ReminderIntent,
    leg: usize,
    channel: Channel,
    scope: &ComposeScope<'_>,
    now: Timestamp,
) -> Result<Message, ComposeError> {
    let Some(addressed) = intent.legs.get(leg) else {
        return Err(ComposeError::NoLeg(leg));
    };
    let address = scope
        .person
        .address(channel)
        .ok_or_else(|| ComposeError::NoAddress {
            role: addressed.role.clone(),
            channel,
        })?;
    let facts = Facts::gather(scope, intent.urgent, now);
    let words = Words::find(intent, channel, scope, &facts)?;
    let html = words.html(channel, scope, &facts)?;
    Ok(Message {
        id: format!("{}.{leg}", intent.id),
        case: scope.case.id,
        channel,
        recipient: Recipient {
            role: addressed.role.clone(),
            name: scope.person.name.clone(),
            address,
        },
        subject: words.subject,
        text: words.text,
        html,
        template: words.template,
        urgent: intent.urgent,
        lang: facts.lang,
    })
}

/// The rendered words and the template they came from.
struct Words {
    template: String,
    subject: String,
    text: String,
}

impl Words {
    fn find(
        intent: &ReminderIntent,
        channel: Channel,
        scope: &ComposeScope<'_>,
        facts: &Facts,
    ) -> Result<Self, TemplateError> {
        let bases = bases(intent, scope);
        let bases: Vec<&str> = bases.iter().map(String::as_str).collect();
        let templates = scope.templates;
        let own_task = || templates.find_exact(facts.lang, &bases, channel);
        if channel != Channel::Person || own_task().is_some() {
            return Self::render(&bases, channel, scope, facts, &[]);
        }
        let to_say = Self::render(&bases, Channel::Sms, scope, facts, &[])?;
        let to_say = [("message", Value::from(to_say.text))];
        Self::render(&["_default/person"], channel, scope, facts, &to_say)
    }

    fn render(
        bases: &[&str],
        channel: Channel,
        scope: &ComposeScope<'_>,
        facts: &Facts,
        extra: &[(&'static str, Value)],
    ) -> Result<Self, TemplateError> {
        let found = scope.templates.find(facts.lang, bases, channel);
        let template = found.ok_or_else(|| TemplateError {
            file: format!(
                "{}/{}.txt",
                facts::lang_name(facts.lang),
                bases.join(" or ")
            ),
            line: None,
            detail: "there is no such template".to_owned(),
        })?;
        let (subject, text) = scope.templates.render(&template, &facts.to_value(extra))?;
        Ok(Self {
            template,
            subject,
            text,
        })
    }

    /// The HTML of a mail: the template's own, else the text in the common frame.
    fn html(
        &self,
        channel: Channel,
        scope: &ComposeScope<'_>,
        facts: &Facts,
    ) -> Result<Option<String>, TemplateError> {
        if channel != Channel::Mail {
            return Ok(None);
        }
        let own = format!("{}.html", self.template);
        let frame = format!("{}/_default/mail.html", facts::lang_name(facts.lang));
        let Some(name) = [own, frame].into_iter().find(|n| scope.templates.has(n)) else {
            return Ok(None);
        };
        let paragraphs: Vec<Value> = self.text.split("\n\n").map(Value::from).collect();
        let extra = [
            ("subject", Value::from(&self.subject)),
            ("paragraphs", Value::from(paragraphs)),
        ];
        let (_, html) = scope.templates.render(&name, &facts.to_value(&extra))?;
        Ok(Some(html))
    }
}

/// Where words are looked for: the message's own, then common ones of the same name (`_default/undone`), then those of
/// its cause.
///
/// While a deadline waits for its start its rungs are questions: unless the ladder names a template, they are
/// `WORKFLOW/ask_DEADLINE` and not the deadline's own words, which speak of a due time.
fn bases(intent: &ReminderIntent, scope: &ComposeScope<'_>) -> Vec<String> {
    let deadline = scope.deadline;
    let waiting = deadline.filter(|d| d.clock == ClockState::Waiting);
    let (workflow, name) = named(&intent.template, &scope.workflow.id);
    let name = match waiting {
        Some(d) if d.name == name => format!("ask_{name}"),
        _ => name.to_owned(),
    };
    let of_cause = match &intent.cause {
        Cause::Rung { .. } if waiting.is_some() => "_default/ask",
        Cause::Rung { .. } => match deadline {
            Some(d) if is_expectation(d, scope.workflow) => "_default/rung_expectation",
            Some(_) => "_default/rung_duty",
            None => "_default/manual",
        },
        Cause::Missed { .. } if deadline.is_some() => "_default/missed",
        Cause::Transition { .. } | Cause::Missed { .. } => "_default/transition",
        Cause::Manual => "_default/manual",
    };
    vec![
        format!("{workflow}/{name}"),
        format!("_default/{name}"),
        of_cause.to_owned(),
    ]
}

/// Workflow and name of a template: the last two steps of what the intent says, the case's own workflow where it says
/// the name only.
fn named<'a>(template: &'a str, own: &'a str) -> (&'a str, &'a str) {
    let (before, name) = template.rsplit_once('/').unwrap_or(("", template));
    match before.rsplit('/').next() {
        Some(workflow) if !workflow.is_empty() => (workflow, name),
        _ => (own, name),
    }
}

fn is_expectation(deadline: &Deadline, workflow: &Workflow) -> bool {
    let def = workflow.deadlines.get(&deadline.name);
    def.is_some_and(|def| def.kind == Kind::Expectation)
}
