//! Answers leave here, and only here.

use crate::stats::Count;
use crate::work::{Answer, Done, Item, Work};
use crate::{Engine, SubmitError};
use qixian_store::Store;
use qixian_time::Clock;

impl<S: Store, C: Clock> Engine<S, C> {
    /// Gives out the answers of items whose ground is durable. Those that come after a send in the order of decisions wait
    /// until it is handed out.
    pub(crate) fn deliver(&mut self, done: Vec<Done>) {
        self.to_answer.extend(done);
        self.answer_on();
    }

    /// Goes on giving out answers as far as no send comes before them.
    pub(crate) fn answer_on(&mut self) {
        while self.ready.is_empty()
            && let Some(Done { item, answer }) = self.to_answer.pop_front()
        {
            self.deliver_one(item, answer);
        }
    }

    fn deliver_one(&mut self, item: Item, answer: Answer) {
        // A caller that no longer waits is no error anywhere below.
        match (item.work, answer) {
            (Work::Event(submission), Answer::Ack(ack)) => {
                if !ack.repeated {
                    self.stats.add(Count::Events, 1);
                }
                submission.reply.send(Ok(ack)).ok();
            }
            (Work::Event(submission), Answer::Refused(error)) => {
                self.stats.add(Count::Rejections, 1);
                submission.reply.send(Err(error)).ok();
            }
            (Work::DryRun(run), Answer::DryRun(result)) => {
                run.1.send(Ok(result)).ok();
            }
            (Work::DryRun(run), Answer::Refused(error)) => {
                run.1.send(Err(error)).ok();
            }
            (Work::Record(job), Answer::Record(record)) => {
                job.reply.send(Ok(record)).ok();
            }
            (Work::Record(job), Answer::Refused(error)) => {
                job.reply.send(Err(error)).ok();
            }
            (Work::Retry(.., reply), Answer::Retried) => {
                reply.send(Ok(())).ok();
            }
            (Work::Retry(.., reply), Answer::Refused(error)) => {
                reply.send(Err(error)).ok();
            }
            (_, Answer::Jobs(jobs)) => self.ready.extend(jobs),
            (Work::Wake(_), Answer::Nothing) => self.stats.add(Count::Wakes, 1),
            _ => {}
        }
    }

    /// Decides items again after their group failed; those that failed too often are told so.
    pub(crate) fn decide_again(&mut self, items: Vec<Item>, why: &str) {
        for mut item in items.into_iter().rev() {
            // Due rows are read again.
            if matches!(item.work, Work::Wake(_) | Work::Dispatch(_)) {
                continue;
            }
            item.tries += 1;
            if item.tries <= self.settings.tries_per_item {
                self.backlog.push_front(item);
            } else {
                self.give_up(item, why);
            }
        }
    }

    /// Answers an item that cannot be carried through now. Timers and messages are found again by their rows.
    pub(crate) fn give_up(&mut self, item: Item, why: &str) {
        match item.work {
            // What became of a send must not be lost: it is tried for as long as the engine lives.
            work @ (Work::Settle(_) | Work::Untried(_)) => {
                self.backlog.push_back(Item { work, tries: 1 });
            }
            work => {
                let answer = Answer::Refused(SubmitError::Unavailable(why.to_owned()));
                let tries = item.tries;
                self.deliver_one(Item { work, tries }, answer);
            }
        }
    }
}
