//! One message as a mail: headers, text and HTML.

use std::time::{Duration, UNIX_EPOCH};

use lettre::Address;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use qixian_core::Words;

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

fn address(provider: &str, field: &'static str, text: &str) -> Result<Address, BuildError> {
    text.parse().map_err(|_| BuildError::Setting {
        provider: provider.to_owned(),
        field,
        wrong: Box::new(Words::new(
            format!("{field} 的“{text}”不是邮箱地址"),
            format!("`{text}` in {field} is not a mail address"),
        )),
        advice: Box::new(Words::new(
            "只写地址，如 notice@example.cn；发件人的名字写在 from_name",
            "give the address alone, such as notice@example.cn; the sender's name goes into from_name",
        )),
    })
}

impl Sender {
    pub(super) fn new(provider: &str, settings: &SmtpSettings) -> Result<Self, BuildError> {
        let name = Some(settings.from_name.clone()).filter(|name| !name.is_empty());
        let reply_to = match &settings.reply_to {
            Some(text) => Some(Mailbox::new(None, address(provider, "reply_to", text)?)),
            None => None,
        };
        Ok(Self {
            from: Mailbox::new(name, address(provider, "from", &settings.from)?),
            reply_to,
        })
    }

    /// Every address that cannot be used.
    pub(super) fn problems(provider: &str, settings: &SmtpSettings) -> Vec<BuildError> {
        let from = address(provider, "from", &settings.from).err();
        let reply_to = settings.reply_to.as_deref();
        let reply_to = reply_to.and_then(|text| address(provider, "reply_to", text).err());
        from.into_iter().chain(reply_to).collect()
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
