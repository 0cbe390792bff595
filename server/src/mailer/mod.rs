//! Hands messages over: to an SMTP server, or as files to a directory.

#[cfg(test)]
pub(crate) mod literal;
mod probe;
mod relay;

pub use probe::{Probed, probe};

use crate::{
    config::{Mail, MailRoute},
    store::Message,
};
use lettre::{
    Address,
    message::{Attachment, Mailbox, MultiPart, SinglePart, header},
};
use relay::Relay;
use signet_core::email::EmailAddress;
use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Why a message was not handed over.
#[derive(Debug, thiserror::Error)]
pub enum Undelivered {
    /// It may work later: no connection, a 4xx reply, a full disk.
    #[error("{0}")]
    ForNow(String),
    /// It never will: a 5xx reply to this message, an address no server takes.
    #[error("{0}")]
    ForGood(String),
}

/// Where messages go.
#[derive(Clone, Debug)]
pub struct Mailer {
    from: EmailAddress,
    route: Route,
}

#[derive(Clone, Debug)]
enum Route {
    Smtp(Box<Relay>),
    Directory(PathBuf),
}

impl Mailer {
    /// Sets the route up; no connection is made yet.
    ///
    /// # Errors
    /// When the SMTP URL cannot be used, or the directory not be made.
    pub fn new(settings: &Mail) -> Result<Self, String> {
        let route = match &settings.route {
            MailRoute::Smtp(url) => {
                Route::Smtp(Box::new(Relay::new(url).map_err(|e| format!("SIGNET_SMTP_URL: {e}"))?))
            }
            MailRoute::Directory(path) => {
                std::fs::create_dir_all(path)
                    .map_err(|e| format!("SIGNET_MAIL_DIR {}: {e}", path.display()))?;
                Route::Directory(path.clone())
            }
        };
        Ok(Self { from: settings.from.clone(), route })
    }

    /// Hands a message over. `date` is what its `Date` header says.
    ///
    /// # Errors
    /// [`Undelivered`].
    pub async fn send(&self, message: &Message, date: SystemTime) -> Result<(), Undelivered> {
        let email = assemble(&self.from, message, date).map_err(Undelivered::ForGood)?;
        match &self.route {
            Route::Smtp(relay) => relay.send(email).await,
            Route::Directory(directory) => {
                let name = file_name(&message.message_id);
                let write = write_whole(directory.clone(), name, email.formatted());
                write.await.map_err(|e| Undelivered::ForNow(format!("{}: {e}", directory.display())))
            }
        }
    }
}

/// The error with what caused it: lettre's own text says only "Connection error".
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

fn assemble(from: &EmailAddress, message: &Message, date: SystemTime) -> Result<lettre::Message, String> {
    let mailbox = |name: Option<&str>, address: &str| {
        address
            .parse::<Address>()
            .map(|a| Mailbox::new(name.map(str::to_string), a))
            .map_err(|e| e.to_string())
    };
    let alternative = MultiPart::alternative()
        .singlepart(SinglePart::plain(message.text.clone()))
        .singlepart(SinglePart::html(message.html.clone()));
    let mut body = MultiPart::mixed().multipart(alternative);
    for attachment in &message.attachments {
        let media_type = header::ContentType::parse(&attachment.media_type).map_err(|e| e.to_string())?;
        body = body.singlepart(
            Attachment::new(attachment.name.clone()).body(attachment.content.clone(), media_type),
        );
    }
    let unsubscribe = message.unsubscribe.as_deref().map(Unsubscribe::to).transpose()?;
    let mut builder = lettre::Message::builder()
        .from(mailbox(Some("Signet"), from.as_str())?)
        .to(mailbox(None, &message.to)?)
        .subject(message.subject.clone())
        .date(date)
        .message_id(Some(format!("<{}>", message.message_id)))
        // RFC 3834 §5: no vacation message should answer this.
        .header(AutoSubmitted);
    if let Some(unsubscribe) = unsubscribe {
        builder = builder.header(unsubscribe).header(OneClick);
    }
    builder.multipart(body).map_err(|e| e.to_string())
}

/// RFC 8058 §3.1: where one click stops messages of this kind. That both headers
/// are covered by a DKIM signature is for the relay to see to, which signs.
#[derive(Clone, Debug)]
struct Unsubscribe(String);

impl Unsubscribe {
    /// A URL in angle brackets (RFC 2369 §2); nothing that could end them.
    fn to(url: &str) -> Result<Self, String> {
        let plain = |b: u8| b.is_ascii_graphic() && !b"<>,".contains(&b);
        if url.bytes().all(plain) { Ok(Self(format!("<{url}>"))) } else { Err(format!("{url:?} is no URL")) }
    }
}

impl header::Header for Unsubscribe {
    fn name() -> header::HeaderName {
        header::HeaderName::new_from_ascii_str("List-Unsubscribe")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Err("only ever written".into())
    }

    fn display(&self) -> header::HeaderValue {
        header::HeaderValue::new(Self::name(), self.0.clone())
    }
}

#[derive(Clone, Copy, Debug)]
struct OneClick;

impl header::Header for OneClick {
    fn name() -> header::HeaderName {
        header::HeaderName::new_from_ascii_str("List-Unsubscribe-Post")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> header::HeaderValue {
        header::HeaderValue::new(Self::name(), "List-Unsubscribe=One-Click".to_string())
    }
}

#[derive(Clone, Copy, Debug)]
struct AutoSubmitted;

impl header::Header for AutoSubmitted {
    fn name() -> header::HeaderName {
        header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> header::HeaderValue {
        header::HeaderValue::new(Self::name(), "auto-generated".to_string())
    }
}

/// A message has the same id, and so the same file, on every try.
fn file_name(message_id: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-._@".contains(c) { c } else { '_' };
    let mut name: String = message_id.chars().map(safe).take(200).collect();
    name.push_str(".eml");
    name
}

/// Nobody who watches the directory sees half a message.
async fn write_whole(directory: PathBuf, name: String, content: Vec<u8>) -> std::io::Result<()> {
    let write = move || {
        let part = directory.join(format!(".{name}.part"));
        let mut file = std::fs::File::create(&part)?;
        std::io::Write::write_all(&mut file, &content)?;
        file.sync_all()?;
        std::fs::rename(&part, directory.join(&name))?;
        sync_directory(&directory)
    };
    tokio::task::spawn_blocking(write).await.unwrap_or_else(|e| Err(std::io::Error::other(e)))
}

fn sync_directory(directory: &Path) -> std::io::Result<()> {
    std::fs::File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Attachment as File;

    fn message() -> Message {
        Message {
            to: "dns@example.com".into(),
            subject: "DNS records to set up for bücher.example".into(),
            text: "Grüße\n".into(),
            html: "<p>Grüße</p>".into(),
            attachments: vec![File {
                name: "example.zone".into(),
                media_type: "text/dns".into(),
                content: "a. IN TXT \"x\"\n".into(),
            }],
            unsubscribe: None,
            message_id: "0197@signet.test".into(),
        }
    }

    #[tokio::test]
    async fn a_file_holds_the_whole_message() {
        let dir = tempfile::tempdir().unwrap();
        let route = MailRoute::Directory(dir.path().join("outbox"));
        let mailer =
            Mailer::new(&Mail { route, from: EmailAddress::parse("signet@signet.test").unwrap() }).unwrap();
        for _ in 0..2 {
            mailer.send(&message(), SystemTime::UNIX_EPOCH).await.unwrap();
        }
        let files: Vec<_> =
            std::fs::read_dir(dir.path().join("outbox")).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(files.len(), 1, "a second try is the same message");
        let raw = std::fs::read(&files[0]).unwrap();
        let parsed = mail_parser::MessageParser::default().parse(&raw).unwrap();
        assert_eq!(parsed.subject(), Some("DNS records to set up for bücher.example"));
        assert_eq!(parsed.message_id(), Some("0197@signet.test"));
        assert_eq!(parsed.body_text(0).unwrap().trim(), "Grüße");
        assert_eq!(parsed.attachment_count(), 1);
        assert_eq!(parsed.header_raw("Auto-Submitted").unwrap().trim(), "auto-generated");
    }

    #[test]
    fn one_click_stops_what_can_be_stopped() {
        let from = EmailAddress::parse("signet@signet.test").unwrap();
        let raw = |unsubscribe: Option<&str>| {
            let message = Message { unsubscribe: unsubscribe.map(str::to_string), ..message() };
            String::from_utf8(assemble(&from, &message, SystemTime::UNIX_EPOCH).unwrap().formatted()).unwrap()
        };
        assert!(!raw(None).contains("List-Unsubscribe"));
        let raw = raw(Some("https://mail.example/mute/AgAAAAAAAAAHxyz_-0123456789abcdefghijk"));
        let parsed = mail_parser::MessageParser::default().parse(raw.as_bytes()).unwrap();
        let header = |name: &str| parsed.header_raw(name).unwrap().trim().to_string();
        assert_eq!(
            header("List-Unsubscribe"),
            "<https://mail.example/mute/AgAAAAAAAAAHxyz_-0123456789abcdefghijk>"
        );
        assert_eq!(header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    }

    #[test]
    fn nothing_breaks_out_of_a_header() {
        let from = EmailAddress::parse("signet@signet.test").unwrap();
        let hostile = Message { subject: "x\r\nBcc: victim@example.net".into(), ..message() };
        let raw = String::from_utf8(assemble(&from, &hostile, SystemTime::UNIX_EPOCH).unwrap().formatted())
            .unwrap();
        assert!(!raw.lines().any(|line| line.starts_with("Bcc:")), "{raw}");
        let unsubscribe = Some("https://x.example/>\r\nBcc: victim@example.net".to_string());
        assert!(assemble(&from, &Message { unsubscribe, ..message() }, SystemTime::UNIX_EPOCH).is_err());
        let hostile = Message { to: "a@example.com\r\nBcc: b@example.net".into(), ..message() };
        assert!(assemble(&from, &hostile, SystemTime::UNIX_EPOCH).is_err());
    }

    #[test]
    fn file_names_stay_in_the_directory() {
        assert_eq!(file_name("../../etc/passwd@x"), ".._.._etc_passwd@x.eml");
    }
}
