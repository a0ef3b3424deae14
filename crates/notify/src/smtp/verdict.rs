//! What a mail server's refusal means, by its code and by the step at which it came.

use std::error::Error as _;

use lettre::transport::smtp::Error;

use crate::Outcome;

/// Where in the dialogue something went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Connecting, greeting, protecting the line.
    Connect,
    /// AUTH.
    SignIn,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA, before the text.
    Data,
    /// The text was handed over.
    Text,
}

/// A dialogue that did not end in an acceptance.
#[derive(Debug)]
pub(super) struct Failure {
    step: Step,
    /// Whether no readable answer came.
    silent: bool,
    outcome: Outcome,
}

impl Failure {
    pub(super) fn new(step: Step, error: &Error) -> Self {
        let Some(code) = error.status() else {
            return Self {
                silent: !error.is_client(),
                outcome: without_code(step, error),
                step,
            };
        };
        let said = error.source().map(ToString::to_string).unwrap_or_default();
        Self {
            step,
            silent: u16::from(code) == 421,
            outcome: refusal(step, code.into(), enhanced(&said)),
        }
    }

    /// No answer in time.
    pub(super) fn silent(step: Step) -> Self {
        Self {
            step,
            silent: true,
            outcome: broken(step, "no answer in time"),
        }
    }

    pub(super) fn bad_recipient(reason: &str) -> Self {
        Self {
            step: Step::Recipient,
            silent: false,
            outcome: Outcome::BadRecipient {
                reason: reason.to_owned(),
            },
        }
    }

    /// Whether the line broke or the server closed it, rather than refusing something.
    pub(super) fn is_silent(&self) -> bool {
        self.silent
    }

    pub(super) fn is_unreadable_sign_in(&self) -> bool {
        self.silent && self.step == Step::SignIn
    }

    pub(super) fn into_outcome(self) -> Outcome {
        self.outcome
    }
}

/// An error of the line, or of lettre itself, without a code.
fn without_code(step: Step, error: &Error) -> Outcome {
    match step {
        // lettre's own refusals: no STARTTLS, no sign-in method in common.
        Step::Connect | Step::SignIn if error.is_client() => Outcome::ChannelDown {
            reason: match step {
                Step::SignIn => "the server offers no sign-in method we know".to_owned(),
                _ => "the server offers no STARTTLS".to_owned(),
            },
        },
        _ if error.is_tls() => broken(step, "TLS failed"),
        _ if error.is_timeout() => broken(step, "no answer in time"),
        _ if error.is_response() => broken(step, "no readable answer"),
        _ => broken(step, "the connection broke or could not be made"),
    }
}

fn broken(step: Step, what: &str) -> Outcome {
    let reason = format!("{what} ({})", place(step));
    match step {
        Step::Text => Outcome::Unknown { reason },
        _ => Outcome::Transient { reason },
    }
}

fn place(step: Step) -> &'static str {
    match step {
        Step::Connect => "while connecting",
        Step::SignIn => "at the sign-in",
        Step::Sender => "at the sender",
        Step::Recipient => "at the recipient",
        Step::Data => "before the text",
        Step::Text => "after the text",
    }
}

/// The outcome of a refusal with `code`, and the enhanced code (`5.1.1`) where the server gave one.
fn refusal(step: Step, code: u16, enhanced: Option<&str>) -> Outcome {
    let reason = match enhanced {
        Some(enhanced) => format!("{code} {enhanced} {}", place(step)),
        None => format!("{code} {}", place(step)),
    };
    let enhanced = enhanced.unwrap_or_default();
    match (step, code) {
        (_, 400..=499) => Outcome::Transient { reason },
        (_, 530 | 534 | 535 | 538) | (Step::Connect | Step::SignIn, _) => {
            Outcome::ChannelDown { reason }
        }
        (Step::Recipient, _) if enhanced == "5.2.2" => Outcome::Transient { reason },
        (_, 552) => Outcome::BadMessage { reason },
        (Step::Sender, _) => Outcome::ChannelDown { reason },
        // Policy, not the address: relaying refused, our machine or mailbox blocked.
        (Step::Recipient, _) if enhanced.starts_with("5.7.") => Outcome::ChannelDown { reason },
        (Step::Recipient, 501 | 550 | 551 | 553 | 554 | 556) => Outcome::BadRecipient { reason },
        (Step::Recipient, _) => Outcome::Transient { reason },
        (Step::Data | Step::Text, _) => match enhanced {
            "5.1.7" | "5.1.8" => Outcome::ChannelDown { reason },
            e if e.starts_with("5.1.") => Outcome::BadRecipient { reason },
            _ => Outcome::BadMessage { reason },
        },
    }
}

/// The enhanced status code at the start of an answer.
fn enhanced(said: &str) -> Option<&str> {
    let first = said.split_whitespace().next()?;
    let parts: Vec<&str> = first.split('.').collect();
    let number = |p: &&str| (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit());
    (parts.len() == 3 && parts.iter().all(number)).then_some(first)
}

/// The server's id in the answer to an accepted mail (`2.0.0 Ok: queued as 4F1B2`, `250 OK id=1rXq-…`).
pub(super) fn receipt(answer: &str) -> Option<String> {
    let words: Vec<&str> = answer.split_whitespace().collect();
    let after_as = words
        .iter()
        .position(|word| word.eq_ignore_ascii_case("as"))
        .and_then(|at| words.get(at + 1));
    let id = words.iter().find_map(|word| word.strip_prefix("id="));
    let found = after_as.copied().or(id)?;
    let plain =
        found.len() <= 64 && found.bytes().all(|b| b.is_ascii_graphic()) && !found.contains('@');
    plain.then(|| found.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_mean_what_the_step_makes_of_them() {
        use Step::{Connect, Data, Recipient, Sender, SignIn, Text};
        for (step, code, enhanced, expected) in [
            (Connect, 421, None, "transient"),
            (Connect, 554, None, "channel_down"),
            (SignIn, 454, Some("4.7.0"), "transient"),
            (SignIn, 535, None, "channel_down"),
            (SignIn, 550, None, "channel_down"),
            (Sender, 530, None, "channel_down"),
            (Sender, 501, None, "channel_down"),
            (Sender, 553, None, "channel_down"),
            (Sender, 552, None, "bad_message"),
            (Sender, 451, None, "transient"),
            (Recipient, 450, Some("4.2.0"), "transient"),
            (Recipient, 550, Some("5.1.1"), "bad_recipient"),
            (Recipient, 550, None, "bad_recipient"),
            (Recipient, 551, None, "bad_recipient"),
            (Recipient, 553, None, "bad_recipient"),
            (Recipient, 550, Some("5.7.1"), "channel_down"),
            (Recipient, 552, Some("5.2.2"), "transient"),
            (Recipient, 552, None, "bad_message"),
            (Recipient, 503, None, "transient"),
            (Data, 554, None, "bad_message"),
            (Text, 550, None, "bad_message"),
            (Text, 550, Some("5.1.1"), "bad_recipient"),
            (Text, 554, Some("5.7.1"), "bad_message"),
            (Text, 552, Some("5.3.4"), "bad_message"),
            (Text, 452, None, "transient"),
        ] {
            let outcome = refusal(step, code, enhanced);
            assert_eq!(outcome.name(), expected, "{code} {enhanced:?} {step:?}");
        }
    }

    #[test]
    fn only_codes_and_ids_are_kept_of_answers() {
        for (said, expected) in [
            ("5.1.1 <wang@example.cn> unknown", Some("5.1.1")),
            ("<wang@example.cn> unknown", None),
            ("1.2.3.4 is blocked", None),
            ("", None),
        ] {
            assert_eq!(enhanced(said), expected);
        }
        for (said, expected) in [
            ("2.0.0 Ok: queued as 4F1B2", Some("4F1B2")),
            ("OK id=1rXq-0002", Some("1rXq-0002")),
            ("taken as wang@example.cn", None),
            ("OK", None),
        ] {
            assert_eq!(receipt(said).as_deref(), expected);
        }
    }
}
