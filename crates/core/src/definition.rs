//! A workflow after its file was read and checked: every name it uses exists, every guard is compiled.
//!
//! The reader (`qixian-workflow`) builds these values and promises the invariants named on each field; `step` relies on
//! them. Order is the file's order throughout, since of several fitting transitions the first is taken.

use std::sync::Arc;

use indexmap::IndexMap;
use qixian_time::{Period, Zone};

use crate::{Channel, Fields, Guard, Schema, Value, Words};

/// A name from a file: snake_case ASCII.
pub type Name = String;

/// One checked workflow definition.
#[derive(Debug)]
pub struct Workflow {
    /// The id cases are started under (`first-filing`).
    pub id: String,
    /// The author's version, rising.
    pub version: u32,
    /// SHA-256 of the file's text, lower-case hex: tells apart two texts that claim one version.
    pub digest: String,
    /// What people call it.
    pub title: Words,
    /// The zone days are counted in.
    pub zone: Zone,
    /// The calendar `wd` lengths use unless a deadline names another (`cn`).
    pub calendar: String,
    /// The state a case starts in; a key of `states`.
    pub initial: Name,
    /// Whether its cases watch over the assets they name: their messages name the other open cases that hang on these, and
    /// are urgent while one of those is under review.
    pub watch: bool,
    /// The roles parties may have.
    pub roles: Vec<Name>,
    /// The fields a case may hold.
    pub fields: Schema,
    /// Figures people change that no rule gives (`[params]`), as guards see them.
    pub params: Fields,
    /// All states.
    pub states: IndexMap<Name, State>,
    /// All transitions, in the file's order.
    pub transitions: Vec<TransitionDef>,
    /// All guards by name.
    pub guards: IndexMap<Name, GuardDef>,
    /// All deadlines.
    pub deadlines: IndexMap<Name, DeadlineDef>,
    /// All ladders.
    pub ladders: IndexMap<Name, Ladder>,
    /// The file's whole text, kept with the cases that began with it.
    pub text: Arc<str>,
}

impl Workflow {
    /// The transitions that `event` may take in `state`, each with its place in `transitions`, in the file's order.
    pub fn transitions_on<'a, 'n>(
        &'a self,
        event: &'n str,
        state: &'n str,
    ) -> impl Iterator<Item = (usize, &'a TransitionDef)> + use<'a, 'n> {
        self.transitions
            .iter()
            .enumerate()
            .filter(move |(_, t)| t.event == event && self.leaves(t, state))
    }

    /// The names of the events possible in `state`, each once, in the file's order.
    pub fn events_in(&self, state: &str) -> Vec<Name> {
        let mut names: Vec<Name> = Vec::new();
        for t in self.transitions.iter().filter(|t| self.leaves(t, state)) {
            if !names.contains(&t.event) {
                names.push(t.event.clone());
            }
        }
        names
    }

    /// Whether any transition of the file has this event.
    pub fn knows_event(&self, event: &str) -> bool {
        self.transitions.iter().any(|t| t.event == event)
    }

    /// Whether `state` is final. An unknown state is not.
    pub fn is_final(&self, state: &str) -> bool {
        self.states.get(state).is_some_and(|s| s.is_final)
    }

    fn leaves(&self, transition: &TransitionDef, state: &str) -> bool {
        if transition.from.is_empty() {
            !self.is_final(state)
        } else {
            transition.from.iter().any(|from| from == state)
        }
    }
}

/// A state a case can be in.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// What people call it.
    pub title: Words,
    /// What is to be done here, for whoever holds the ball; may be empty.
    pub help: Words,
    /// Reaching it ends the case: its deadlines are cancelled and its parent is told.
    pub is_final: bool,
    /// The role that holds the ball here.
    pub holder: Option<Name>,
    /// Whether somebody outside is reviewing meanwhile: a watch that hangs on such a case is urgent.
    pub under_review: bool,
}

/// `[[on]]`: what an event does in some states.
#[derive(Clone, Debug, Default)]
pub struct TransitionDef {
    /// The event's name; never one of the built-in names.
    pub event: Name,
    /// What people call it.
    pub title: Words,
    /// The states it leaves; empty means every state that is not final.
    pub from: Vec<Name>,
    /// The state it leads to; `None` stays where the case is (deadlines go on).
    pub to: Option<Name>,
    /// Selects among several transitions of the same event: a guard's name and the answer it must give.
    pub when: Option<(Name, bool)>,
    /// Guards that must hold, else the event is refused with their sentence.
    pub guards: Vec<Name>,
    /// Field paths the event may carry.
    pub fields: Vec<String>,
    /// Field paths of `fields` that the event must carry or the case already hold.
    pub required: Vec<String>,
    /// Fields the transition itself sets.
    pub set: Vec<(String, SetValue)>,
    /// Messages that tell of it.
    pub notify: Vec<Notify>,
    /// Roles that must each confirm before it is taken (one fact per person).
    pub needs: Vec<Name>,
    /// Child cases it starts.
    pub start: Vec<StartChild>,
    /// Events it sends to the case's open children.
    pub tell: Vec<Tell>,
    /// A hand-in: begins the case's next round and closes the items of the last.
    pub hand_in: bool,
    /// A rejection: the event carries `items`, each becomes a task.
    pub rejection: bool,
}

/// What `set` writes.
#[derive(Clone, Debug, PartialEq)]
pub enum SetValue {
    /// This value.
    Fixed(Value),
    /// The local day on which the event occurred, `YYYY-MM-DD`.
    OccurredOn,
    /// The instant at which it occurred.
    OccurredAt,
    /// The value of another field of the case.
    Field(String),
}

/// A message that is no reminder: something happened and somebody should hear of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Notify {
    /// The template's name, `workflow/name` without language.
    pub template: String,
    /// The roles told.
    pub to: Vec<Name>,
    /// Channels in order of preference; the next is tried when one is dead.
    pub via: Vec<Channel>,
    /// Whether it may come at night.
    pub urgent: bool,
}

/// A child case a transition starts.
#[derive(Clone, Debug, PartialEq)]
pub struct StartChild {
    /// The child's workflow.
    pub workflow: String,
    /// A list field: one child for each of its values, which the child's fields see as `item`.
    pub for_each: Option<String>,
    /// The child's fields: child's path and where the value comes from.
    pub fields: Vec<(String, SetValue)>,
    /// The child's title; the parent's when empty.
    pub title: Words,
}

/// An event a transition sends to open children.
#[derive(Clone, Debug, PartialEq)]
pub struct Tell {
    /// Children of this workflow.
    pub workflow: String,
    /// The event they get; where it is not possible it is dropped.
    pub event: Name,
    /// Fields it carries.
    pub fields: Vec<(String, SetValue)>,
}

/// A named guard.
#[derive(Clone, Debug)]
pub struct GuardDef {
    /// The compiled expression (`when`).
    pub when: Guard,
    /// The sentence people get when it does not hold (`else`).
    pub otherwise: Words,
    /// What to answer where a rule it asks is unknown.
    pub unknown: bool,
    /// The roles that may record a fact against it; empty: nobody.
    pub override_by: Vec<Name>,
}

/// What a deadline is to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Somebody must act: missing it has a consequence.
    Duty,
    /// Others usually answer by then: when it passes, chase.
    Expectation,
}

/// `[deadlines.*]`
#[derive(Clone, Debug)]
pub struct DeadlineDef {
    /// What people call it.
    pub title: Words,
    /// Duty or expectation.
    pub kind: Kind,
    /// The states it lives in; leaving them ends it. Empty: as long as the case is open.
    pub states: Vec<Name>,
    /// Only where this guard gives this answer when it would be armed.
    pub when: Option<(Name, bool)>,
    /// What starts its clock.
    pub starts: Starts,
    /// How long it runs.
    pub length: Length,
    /// Its calendar, where not the workflow's.
    pub calendar: Option<String>,
    /// The reminders, a key of `ladders`.
    pub ladder: Option<Name>,
    /// How to ask for a start that nobody reports.
    pub ask: Option<Ask>,
    /// What happens when it passes unmet.
    pub missed: Option<Missed>,
    /// Events that meet it. Empty: every person's transition that leaves `states`.
    pub met_by: Vec<Name>,
    /// Events that stop its clock.
    pub pause_on: Vec<Name>,
    /// Events that let it go on.
    pub resume_on: Vec<Name>,
    /// The role whose duty it is.
    pub holder: Option<Name>,
    /// The rule behind it, for "why" (`guide S132`); may be empty.
    pub source: Words,
}

/// What starts a deadline's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Starts {
    /// Entering one of its states.
    Entering,
    /// An event.
    Event(Name),
    /// A field's day or instant; waits while the field is empty.
    Field(String),
}

/// How long a deadline runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Length {
    /// This long from the start.
    Within(LengthSource),
    /// Somewhere between the two; due at the latest.
    Window {
        /// Not before.
        earliest: LengthSource,
        /// Due.
        latest: LengthSource,
    },
    /// Until 24:00 of the day in this field (or the instant, for a time field).
    Until(String),
}

/// Where a length comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum LengthSource {
    /// The file says it (literally or as a param).
    Fixed(Period),
    /// A rule of the case's pack; `default` where the rule is unknown. Without either the deadline waits.
    Rule {
        /// The rule's key (`sms_check.window`).
        key: String,
        /// Used where the rule is unknown.
        default: Option<Period>,
    },
}

/// Asking for a start that nobody reports, then assuming it (design §9).
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The day or instant asked from, and assumed as the start: a field's path; `None`: when the case began.
    pub since: Option<String>,
    /// The ladder of questions, measured from there (`after` rungs only).
    pub ladder: Name,
    /// How long after that the start is assumed.
    pub assume_after: Period,
}

/// What a missed deadline does.
#[derive(Clone, Debug, PartialEq)]
pub struct Missed {
    /// The consequence.
    pub then: MissedThen,
    /// Why, for the journal and the message.
    pub reason: Words,
    /// Who is told.
    pub notify: Vec<Notify>,
}

/// The consequence of missing a deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MissedThen {
    /// Presume that the case went to this state.
    To(Name),
    /// Stay, and mark the case.
    Flag(Name),
    /// Take this event's transition.
    Event(Name),
}

/// `[ladders.*]`: when to remind whom.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ladder {
    /// The local time of day at which rungs counted in days fire, minutes after midnight.
    pub at_minute: u16,
    /// Move rungs counted in days back to the last working day where they would fall on a day off.
    pub working_days: bool,
    /// The steps, in the file's order; a later rung is the higher one.
    pub steps: Vec<RungDef>,
}

/// One step of a ladder.
#[derive(Clone, Debug, PartialEq)]
pub struct RungDef {
    /// Where it lies.
    pub at: RungAt,
    /// Channels in order of preference; the next is tried when one is dead.
    pub via: Vec<Channel>,
    /// The roles reminded.
    pub to: Vec<Name>,
    /// Whether it may come at night.
    pub urgent: bool,
    /// The template's name (`workflow/name`), where not the deadline's own.
    pub template: Option<String>,
}

/// Where a rung lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RungAt {
    /// This long after the start.
    AfterStart(Period),
    /// This long before the start, where that is known ahead.
    BeforeStart(Period),
    /// This long before it is due.
    BeforeDue(Period),
    /// This long after it was due and is still open.
    AfterDue(Period),
    /// On the last working day before the days off in which it is due; nowhere if it is due on a working day.
    BeforeDaysOff,
}
