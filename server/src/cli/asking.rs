//! Asking DNS as the settings say, for a server or for one command.

use super::domains::progress;
use crate::config::Config;
use anyhow::Context as _;
use signet_core::observe::{Need, Seen};
use signet_dns::ask::{self, Ask, Asker, Mode, Settled};
use std::time::Duration;

/// The settings of an asker.
pub(super) fn asker_settings(config: &Config) -> ask::Settings {
    let dns = &config.dns;
    let resolvers = if dns.resolvers.is_empty() { ask::system_resolvers() } else { dns.resolvers.clone() };
    if resolvers.is_empty() {
        tracing::warn!(
            "no DNS resolver is known: set SIGNET_DNS_RESOLVERS; until then no record can be looked at"
        );
    }
    ask::Settings {
        resolvers,
        mode: if dns.recursive { Mode::Recursive } else { Mode::Authoritative },
        authority_port: dns.authority_port,
        allow_private: dns.allow_private,
        own_zone: Some(config.provider.zone.clone()),
        ..ask::Settings::default()
    }
}

/// An asker for one question from a person: in a hurry, and with more to ask
/// than the records of one plan.
///
/// # Errors
/// Settings that are wrong, no resolver, no socket.
pub(super) async fn asker_of_person(config: &Config) -> anyhow::Result<Asker> {
    let settings = settings_of_person(config);
    anyhow::ensure!(!settings.resolvers.is_empty(), "no DNS resolver is known: set SIGNET_DNS_RESOLVERS");
    Asker::new(settings).await.context("no UDP socket for asking DNS")
}

/// The same about our own side: nobody's servers but ours are asked much, and
/// those may be asked about every domain.
///
/// # Errors
/// Settings that are wrong, no resolver, no socket.
pub(super) async fn asker_of_doctor(config: &Config) -> anyhow::Result<Asker> {
    let person = settings_of_person(config);
    let settings = ask::Settings {
        rate_per_address: 500,
        rate_per_operator: 0,
        questions: 2000,
        patience: Duration::from_secs(60),
        ..person
    };
    anyhow::ensure!(!settings.resolvers.is_empty(), "no DNS resolver is known: set SIGNET_DNS_RESOLVERS");
    Asker::new(settings).await.context("no UDP socket for asking DNS")
}

fn settings_of_person(config: &Config) -> ask::Settings {
    ask::Settings {
        tries: 2,
        sockets: 8,
        concurrency: 64,
        rounds: 24,
        questions: 600,
        patience: Duration::from_secs(30),
        ..asker_settings(config)
    }
}

/// Runs `judge` until it has seen enough, with a spinner on a terminal. A server
/// that stays silent is soon left alone, so that not every round waits for it.
///
/// # Errors
/// A judge that never has enough.
pub(super) async fn settle<T>(
    asker: &Asker,
    json: bool,
    judge: impl FnMut(&Seen) -> Result<T, Need>,
) -> anyhow::Result<(T, Settled<()>)> {
    let spinner = (!json).then(|| progress("asking the name servers"));
    let Settled { value, seen, cut_short } = asker.settle(Ask::thorough(), judge).await;
    if let Some(spinner) = spinner {
        spinner.finish_and_clear();
    }
    Ok((value?, Settled { value: Ok(()), seen, cut_short }))
}
