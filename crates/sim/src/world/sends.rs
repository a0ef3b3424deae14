//! Messages handed out by the engine: providers take their time, and do not always do what they say.

use qixian_engine::{SendJob, Turn};

use super::World;
use crate::rng::hash;
use crate::{Failure, Key, Kind, Rng, SendFault};

/// A send under way.
#[derive(Debug)]
pub(super) struct Send {
    job: SendJob,
    /// In awake milliseconds.
    ready_at: i64,
    rng: Rng,
}

impl World {
    /// The engine's turn, with what comes of it. Answers the turn where it was idle.
    pub(super) fn turn(&mut self) -> Result<Option<Turn>, Failure> {
        let turn = pollster::block_on(self.engine.turn());
        self.notice_groups()?;
        match turn {
            Turn::Worked => Ok(None),
            Turn::Send(job) => {
                self.hand_out(job)?;
                Ok(None)
            }
            idle @ Turn::IdleUntil(_) => Ok(Some(idle)),
        }
    }

    fn hand_out(&mut self, job: SendJob) -> Result<(), Failure> {
        self.checker.handed_out(&job)?;
        let is_question = job.message.is_none();
        let (key, attempt) = (&job.context.idempotency_key, job.context.attempt);
        let kind = Kind::Send;
        let no = hash(&format!("{key} {attempt} {is_question}"));
        let key = Key { kind, no };
        let mut rng = Rng::of(self.seed, key);
        let mut delay = rng.millis(3_000);
        let fault = (!is_question && rng.chance(self.plan.provider))
            .then(|| SendFault::draw(&mut rng, self.plan.lies));
        let slow = rng.chance(self.plan.slow);
        if (fault.is_some() || slow) && self.script.allows(key) {
            let mut what = Vec::new();
            if slow {
                delay += rng.millis(2 * super::HOUR);
                what.push("slow provider");
            }
            if let Some(fault) = fault {
                let provider = self.providers.iter();
                let mut provider = provider.filter(|p| p.is(job.provider.name()));
                if let Some(provider) = provider.next() {
                    provider.fail(&job.context.idempotency_key, attempt, fault);
                }
                what.push(fault.name());
            }
            for name in &what {
                self.summary.tally.tried(name);
            }
            let told = format!("{} for {}", what.join(", "), job.context.idempotency_key);
            self.script.note(key, self.times.now(), told);
        }
        self.note(|| format!("handed out {}", job.context.idempotency_key));
        self.sends.push(Send {
            job,
            ready_at: self.times.awake() + delay,
            rng,
        });
        Ok(())
    }

    /// Brings back what became of a send whose time has come; `false` where there is none.
    pub(super) fn settle_send(&mut self) -> bool {
        let awake = self.times.awake();
        let ready = self.sends.iter().enumerate();
        let ready = ready.filter(|(_, send)| send.ready_at <= awake);
        let Some((place, _)) = ready.min_by_key(|(_, send)| send.ready_at) else {
            return false;
        };
        let send = self.sends.remove(place);
        let settled = pollster::block_on(send.job.run());
        self.note(|| format!("{} {}", settled.entry, settled.outcome.name()));
        self.handle.settle(settled);
        true
    }

    /// The process dies in the middle of its sends: some went out.
    pub(super) fn drop_sends(&mut self) {
        for mut send in std::mem::take(&mut self.sends) {
            self.summary.tally.tried("crash in the middle of a send");
            if send.rng.chance(500) {
                self.summary.tally.tried("sent, then crashed");
                self.note(|| format!("sent, then crashed: {}", send.job.entry));
                pollster::block_on(send.job.run());
            }
        }
    }

    /// When the next send comes back, in awake milliseconds.
    pub(super) fn send_at(&self) -> Option<i64> {
        self.sends.iter().map(|send| send.ready_at).min()
    }
}
