//! The sending gate for MTAs that speak Postfix policy delegation.
//!
//! A connection carries any number of requests, one after the other, each of
//! `name=value` lines and an empty line. At RCPT and DATA the gate looks; at
//! END-OF-MESSAGE it counts, by Postfix's `instance`; in every other state it
//! has no opinion. What it has nothing against is answered `DUNNO`, so that the
//! operator's other restrictions are asked, too.
//!
//! The gate is for mail that customers send. On a port where mail for the
//! operator comes in, it would refuse the world, whose domains are not
//! registered here.
//!
//! `sasl_username` that is a number is the number of the account that sends;
//! any other is ignored, but for telling that a customer has authenticated (see
//! [`signet_core::authz`] on the null sender).
//!
//! The protocol has no authentication: whoever reaches the socket can ask, and
//! can use up a demo's allowance. A Unix socket has mode 0660, so that the MTA's
//! user needs the server's group.

mod connection;
mod listener;
mod protocol;

use crate::{config::PolicyListen, ops::Ops};
use listener::Listener;
use std::{io, time::Duration};
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// What clients may use up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at one time; more are closed at once, which makes Postfix
    /// defer. It has one per `smtpd` process, 100 by default.
    pub connections: usize,
    /// How long a connection may be silent between requests.
    pub idle: Duration,
    /// From a request's first byte to its last, and for taking the answer.
    pub request: Duration,
    /// How long the gate may take to decide. Postfix waits 100 s.
    pub decision: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1000,
            idle: Duration::from_secs(300),
            request: Duration::from_secs(10),
            decision: Duration::from_secs(30),
        }
    }
}

/// A policy server at work. Dropping it does not stop it.
#[derive(Debug)]
pub struct Bound {
    listen: PolicyListen,
    task: JoinHandle<()>,
}

impl Bound {
    /// Where it listens, with the port it has got.
    #[must_use]
    pub fn listen(&self) -> &PolicyListen {
        &self.listen
    }

    /// Waits until it has stopped.
    pub async fn finished(self) {
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the policy server died");
        }
    }
}

/// Answers on `listen` until `stop` turns true; requests under way are answered
/// then, and the Unix socket is removed.
///
/// # Errors
/// When the address cannot be bound, or another server has the Unix socket.
pub async fn serve(
    ops: Ops,
    listen: &PolicyListen,
    limits: Limits,
    stop: watch::Receiver<bool>,
) -> io::Result<Bound> {
    let listener = Listener::bind(listen).await?;
    let listen = listener.address().clone();
    if let PolicyListen::Tcp(address) = &listen
        && !address.ip().is_loopback()
    {
        tracing::warn!(%address, "the policy server asks for no password: see that only MTAs reach it");
    }
    let task = tokio::spawn(accept(ops, listener, limits, stop));
    Ok(Bound { listen, task })
}

async fn accept(ops: Ops, listener: Listener, limits: Limits, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let mut full = false;
    loop {
        let stream = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a policy connection died");
                }
                continue;
            }
            stream = listener.accept() => stream,
        };
        match stream {
            Ok(stream) if connections.len() < limits.connections => {
                full = false;
                connections.spawn(connection::converse(ops.clone(), stream, limits, stop.clone()));
            }
            Ok(refused) => {
                drop(refused);
                // Said once, not once per connection.
                if !std::mem::replace(&mut full, true) {
                    tracing::warn!(
                        limit = limits.connections,
                        "the policy server has no room for more connections"
                    );
                }
            }
            Err(error) => {
                // No file descriptors left, most likely: some will be.
                tracing::warn!(%error, "a policy connection cannot be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    listener.close();
    while connections.join_next().await.is_some() {}
}
