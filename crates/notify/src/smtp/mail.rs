//! One message as a mail: headers, text and HTML.

use std::time::{Duration, UNIX_EPOCH};

use lettre::Address;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};

use crate::{BuildError, Message, Outcome, SendContext, SmtpSettings};

/// Who mails come from.
pub(super) struct Sender {
    from: Mailbox,
    reply_to: Option<Mailbox>,
}

/// A mail, ready to be handed over.
pub(super) struct Mail {
    pub(super) to: Address,
    pub(super) bytes: Vec<u8>,
}

/// Tells auto-responders to keep still (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Sender {
    pub(super) fn new(provider: &str, settings: &SmtpSettings) -> Result<Self, BuildError> {
        let address = |field, text: &str| {
            text.parse::<Address>().map_err(|_| BuildError::Setting {
                provider: provider.to_owned(),
                field,
                detail: "expected a mail address such as notice@example.cn".to_owned(),
            })
        };
        let name = Some(settings.from_name.clone()).filter(|name| !name.is_empty());
        let reply_to = match &settings.reply_to {
            Some(text) => Some(Mailbox::new(None, address("reply_to", text)?)),
            None => None,
        };
        Ok(Self {
            from: Mailbox::new(name, address("from", &settings.from)?),
            reply_to,
        })
    }

    /// The envelope's sender.
    pub(super) fn address(&self) -> &Address {
        &self.from.email
    }

    /// The domain of ids and of the greeting.
    pub(super) fn domain(&self) -> &str {
        self.from.email.domain()
    }

    /// Writes the mail; the outcome says why it cannot be written. The same key gives the same Message-ID at each try,
    /// and all mails of a case refer to one id, so that mail programs show them together.
    pub(super) fn write(&self, message: &Message, context: &SendContext) -> Result<Mail, Outcome> {
        let to = message
            .recipient
            .address
            .mail()
            .and_then(|text| text.trim().parse::<Address>().ok())
            .ok_or_else(|| Outcome::BadRecipient {
                reason: "not a mail address".to_owned(),
            })?;
        let name = Some(message.recipient.name.clone()).filter(|name| !name.is_empty());
        let millis = u64::try_from(context.now.as_millis()).unwrap_or_default();
        let domain = self.domain();
        let mut builder = lettre::Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(name, to.clone()))
            .subject(message.subject.clone())
            .date(UNIX_EPOCH + Duration::from_millis(millis))
            .message_id(Some(format!("<{}@{domain}>", context.idempotency_key)))
            .references(format!("<{}@{domain}>", message.case))
            .header(AutoSubmitted);
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }
        let written = match &message.html {
            Some(html) => builder.multipart(MultiPart::alternative_plain_html(
                message.text.clone(),
                html.clone(),
            )),
            None => builder.singlepart(SinglePart::plain(message.text.clone())),
        };
        let mail = written.map_err(|_| Outcome::BadMessage {
            reason: "the mail could not be written".to_owned(),
        })?;
        Ok(Mail {
            to,
            bytes: mail.formatted(),
        })
    }
}
