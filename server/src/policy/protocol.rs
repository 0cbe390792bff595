//! Requests and answers as they are on the wire (Postfix SMTPD_POLICY_README).

use crate::ops::authorize::Outgoing;
use signet_core::authz::{Answer, Recipients, Request, Source};
use std::{collections::BTreeMap, io};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

/// Bytes of a line with its end. Postfix has no longer ones than 2048.
const MAX_LINE: usize = 4096;
/// Lines of a request. Postfix sends about thirty.
const MAX_LINES: usize = 128;
/// Bytes of a request.
const MAX_REQUEST: usize = 16 * 1024;
/// Bytes of an `instance`. Postfix's have about twenty.
const MAX_INSTANCE: usize = 255;

/// The attributes that are read; all others are ignored, whatever they hold.
const READ: [&str; 7] =
    ["request", "protocol_state", "sender", "recipient", "recipient_count", "sasl_username", "instance"];

/// Why a request is not answered with a decision.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// Nobody is there to answer.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is no request as Postfix makes them.
    #[error("malformed policy request: {0}")]
    Malformed(&'static str),
}

/// A request's attributes, those of [`READ`].
#[derive(Debug, Default)]
pub(super) struct Attributes(BTreeMap<&'static str, String>);

impl Attributes {
    /// Reads one request; `None` when the client has closed the connection
    /// instead of sending another.
    pub(super) async fn read(reader: &mut (impl AsyncBufRead + Unpin)) -> Result<Option<Self>, Broken> {
        let (mut attributes, mut line, mut bytes) = (Self::default(), Vec::new(), 0);
        for number in 0..=MAX_LINES {
            line.clear();
            let read = (&mut *reader).take(MAX_LINE as u64).read_until(b'\n', &mut line).await?;
            bytes += read;
            match line.pop() {
                None if number == 0 => return Ok(None),
                Some(b'\n') if line.is_empty() => return Ok(Some(attributes)),
                Some(b'\n') if bytes <= MAX_REQUEST => attributes.add(&line)?,
                Some(b'\n') => return Err(Broken::Malformed("it is too long")),
                Some(_) if read == MAX_LINE => return Err(Broken::Malformed("a line is too long")),
                _ => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            }
        }
        Err(Broken::Malformed("it has too many lines"))
    }

    fn add(&mut self, line: &[u8]) -> Result<(), Broken> {
        let end = line.iter().position(|byte| *byte == b'=');
        let end = end.ok_or(Broken::Malformed("a line is not name=value"))?;
        let Some(name) = READ.into_iter().find(|name| name.as_bytes() == &line[..end]) else {
            return Ok(());
        };
        // What is no UTF-8 becomes what no domain and no address has.
        let value = String::from_utf8_lossy(&line[end + 1..]).into_owned();
        if self.0.insert(name, value).is_some() {
            return Err(Broken::Malformed("it has an attribute twice"));
        }
        Ok(())
    }

    /// What is not said is empty, as Postfix has it.
    fn get(&self, name: &'static str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The message the request is about; `None` in a state in which the gate has
    /// no opinion. `unnamed` makes the instance of a client that gives none, so
    /// that each of its messages counts.
    pub(super) fn outgoing(&self, unnamed: impl FnOnce() -> String) -> Result<Option<Outgoing>, Broken> {
        if self.get("request") != "smtpd_access_policy" {
            return Err(Broken::Malformed("it is no smtpd_access_policy request"));
        }
        let (recipients, count) = match self.get("protocol_state") {
            "RCPT" => (Recipients::All(vec![self.get("recipient").to_string()]), None),
            "DATA" => (self.recipients_of_all(), None),
            "END-OF-MESSAGE" => {
                let instance = self.get("instance");
                if instance.len() > MAX_INSTANCE {
                    return Err(Broken::Malformed("its instance is too long"));
                }
                let instance = if instance.is_empty() { unnamed() } else { instance.to_string() };
                (self.recipients_of_all(), Some(instance))
            }
            _ => return Ok(None),
        };
        let user = self.get("sasl_username");
        let message = Request {
            account: account(user),
            envelope: Source::parse(self.get("sender")),
            header_from: None,
            authenticated: !user.is_empty(),
            recipients,
        };
        Ok(Some(Outgoing { message, count }))
    }

    /// After RCPT, Postfix tells the recipient only where there is one.
    fn recipients_of_all(&self) -> Recipients {
        match (self.get("recipient"), self.get("recipient_count")) {
            ("", _) => Recipients::Untold,
            (one, "" | "0" | "1") => Recipients::All(vec![one.to_string()]),
            _ => Recipients::Untold,
        }
    }
}

/// The account a SASL user name is the number of.
fn account(user: &str) -> Option<i64> {
    let number = user.bytes().all(|byte| byte.is_ascii_digit());
    // A number that is too high is some account's that is not there.
    (number && !user.is_empty()).then(|| user.parse().unwrap_or(i64::MAX))
}

/// The answer that has nothing against the message.
pub(super) const DUNNO: &str = "action=DUNNO\n\n";

/// An answer of the gate. Its text is of ASCII on one line, see
/// [`signet_core::authz::Refusal`].
pub(super) fn action(answer: &Answer) -> String {
    match answer {
        Answer::Allow { .. } => DUNNO.to_string(),
        Answer::Defer(refusal) | Answer::Reject(refusal) => {
            format!("action={} {} {}\n\n", refusal.code, refusal.enhanced, refusal.text)
        }
    }
}

/// The answer to what is no request.
pub(super) fn malformed(broken: &Broken) -> String {
    format!("action=451 4.3.0 {broken}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(request: &[u8]) -> Result<Option<Attributes>, Broken> {
        let mut reader = request;
        Attributes::read(&mut reader).await
    }

    async fn outgoing(lines: &str) -> Option<Outgoing> {
        let request = format!("request=smtpd_access_policy\n{lines}\n");
        let attributes = read(request.as_bytes()).await.unwrap().unwrap();
        attributes.outgoing(|| "made up".to_string()).unwrap()
    }

    #[tokio::test]
    async fn what_a_request_says() {
        let look = outgoing(
            "protocol_state=RCPT\nsender=a=b@example.com\nrecipient=c@d.example\nsasl_username=7\ninstance=x\n",
        );
        let look = look.await.unwrap();
        assert_eq!(look.message.envelope, Source::parse("a=b@example.com"));
        assert_eq!(look.message.recipients, Recipients::All(vec!["c@d.example".to_string()]));
        assert_eq!((look.message.account, look.count, look.message.authenticated), (Some(7), None, true));

        let count =
            outgoing("protocol_state=END-OF-MESSAGE\nrecipient_count=2\nsasl_username=jo\ninstance=x\n");
        let count = count.await.unwrap();
        assert_eq!((count.message.account, count.count.as_deref()), (None, Some("x")));
        assert_eq!(count.message.recipients, Recipients::Untold);
        let unnamed = outgoing("protocol_state=END-OF-MESSAGE\n").await.unwrap();
        assert_eq!(unnamed.count.as_deref(), Some("made up"));
        assert!(!unnamed.message.authenticated);

        for state in ["CONNECT", "HELO", "EHLO", "MAIL", "VRFY", "ETRN", ""] {
            assert!(outgoing(&format!("protocol_state={state}\n")).await.is_none(), "{state}");
        }
    }

    #[test]
    fn user_names_that_are_numbers() {
        for (user, expected) in [
            ("12", Some(12)),
            ("99999999999999999999", Some(i64::MAX)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1@example.com", None),
            ("１", None),
        ] {
            assert_eq!(account(user), expected, "{user}");
        }
    }

    #[tokio::test]
    async fn what_is_no_request() {
        let long = [b"a=".as_slice(), &[b'x'; MAX_LINE], b"\n\n"].concat();
        let many = "a=b\n".repeat(MAX_LINES + 1);
        let big = format!("a={}\n", "x".repeat(1000)).repeat(17);
        for (request, why) in [
            (&b"hello\n\n"[..], "not name=value"),
            (b"sender=a\nsender=b\n\n", "twice"),
            (&long, "line is too long"),
            (many.as_bytes(), "too many lines"),
            (big.as_bytes(), "it is too long"),
        ] {
            let error = read(request).await.unwrap_err();
            assert!(matches!(&error, Broken::Malformed(said) if said.contains(why)), "{error}");
        }
        assert!(read(b"").await.unwrap().is_none());
        for cut in [&b"a=b"[..], b"a=b\n"] {
            assert!(matches!(read(cut).await, Err(Broken::Io(_))));
        }
        for request in ["\n", "request=other\n\n", "protocol_state=RCPT\n\n"] {
            let attributes = read(request.as_bytes()).await.unwrap().unwrap();
            assert!(attributes.outgoing(String::new).is_err(), "{request:?}");
        }
    }
}
