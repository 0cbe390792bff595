//! The SMTP server that takes our messages.

use super::{Undelivered, chain};
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor, transport::smtp::AsyncSmtpTransportBuilder,
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// For a connection to be there.
pub(super) const CONNECTED_WITHIN: Duration = Duration::from_secs(30);
/// For a whole conversation. The outbox holds a message for longer, see its lease.
const OVER_WITHIN: Duration = Duration::from_secs(60);

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// See the module. Connections are kept for the next message.
#[derive(Clone, Debug)]
pub(super) struct Relay {
    builder: AsyncSmtpTransportBuilder,
    transport: Arc<Mutex<Transport>>,
    over_within: Duration,
}

impl Relay {
    /// Sets it up; no connection is made yet.
    pub(super) fn new(url: &str) -> Result<Self, lettre::transport::smtp::Error> {
        // lettre bounds by this how long it takes to connect, and nothing else.
        let builder = Transport::from_url(url)?.timeout(Some(CONNECTED_WITHIN));
        let transport = Arc::new(Mutex::new(builder.clone().build()));
        Ok(Self { builder, transport, over_within: OVER_WITHIN })
    }

    /// With the connections kept so far.
    pub(super) fn transport(&self) -> Transport {
        self.transport.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Hands a message over.
    pub(super) async fn send(&self, email: lettre::Message) -> Result<(), Undelivered> {
        match tokio::time::timeout(self.over_within, self.transport().send(email)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(e)) if e.is_permanent() => Err(Undelivered::ForGood(e.to_string())),
            Ok(Err(e)) => Err(Undelivered::ForNow(chain(&e))),
            Err(_) => {
                self.forget_connections();
                let seconds = self.over_within.as_secs_f64();
                Err(Undelivered::ForNow(format!("the conversation was not over within {seconds} s")))
            }
        }
    }

    /// One was left in the middle of a conversation and is kept like any other:
    /// the next message would take the replies still to come for its own.
    fn forget_connections(&self) {
        *self.transport.lock().unwrap_or_else(PoisonError::into_inner) = self.builder.clone().build();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailer::literal::SmtpServer;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn message(subject: &str) -> lettre::Message {
        let from = "signet@signet.test".parse().unwrap();
        let to = "owner@example.org".parse().unwrap();
        lettre::Message::builder().from(from).to(to).subject(subject).body(String::new()).unwrap()
    }

    #[tokio::test]
    async fn one_that_never_replies_is_left_and_its_replies_are_nobody_elses() {
        let silent = Arc::new(AtomicBool::new(true));
        let quiet = Arc::clone(&silent);
        let server = SmtpServer::start(move |message| {
            let quiet = Arc::clone(&quiet);
            async move {
                while quiet.load(Ordering::SeqCst) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                if message.contains("Subject: second") { "550 no" } else { "250 taken" }
            }
        })
        .await;
        let mut relay = Relay::new(&server.url).unwrap();
        relay.over_within = Duration::from_millis(200);
        while server.taken().is_empty() {
            let left = relay.send(message("first")).await;
            assert!(matches!(left, Err(Undelivered::ForNow(_))), "{left:?}");
        }
        // Now it says what it had to say, to whoever listens.
        silent.store(false, Ordering::SeqCst);
        // The connection finds back to where it is kept.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        relay.over_within = OVER_WITHIN;
        let second = relay.send(message("second")).await;
        assert!(matches!(second, Err(Undelivered::ForGood(_))), "{second:?}");
        relay.send(message("third")).await.unwrap();
    }
}
