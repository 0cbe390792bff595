//! What the product is held against: a resolver library that asks the same
//! questions, and a checker that looks at the same domains.

use super::{Costs, population};
use anyhow::Context as _;
use hickory_proto::rr::{Name, RData, RecordType};
use hickory_resolver::{
    Resolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig},
    net::runtime::TokioRuntimeProvider,
};
use std::{
    net::SocketAddr,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// Rates of hickory-resolver: it looks up the six records of domain after
/// domain at `server`, `at_once` domains at the same time.
///
/// # Errors
/// When a record is not found as it should be.
pub(super) async fn hickory(
    server: SocketAddr,
    domains: u32,
    at_once: usize,
    time: Duration,
) -> anyhow::Result<Costs> {
    let mut connection = ConnectionConfig::udp();
    connection.port = server.port();
    let servers = vec![NameServerConfig::new(server.ip(), true, vec![connection])];
    let config = ResolverConfig::from_parts(None, vec![], servers);
    let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
    let options = builder.options_mut();
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    options.preserve_intermediates = true;
    options.timeout = Duration::from_millis(1500);
    let resolver = Arc::new(builder.build()?);
    let turn = Arc::new(AtomicU64::new(0));
    let before = Costs::now();
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..at_once {
        let (resolver, turn) = (resolver.clone(), turn.clone());
        tasks.spawn(async move {
            let mut done = 0;
            while began.elapsed() < time {
                let number = turn.fetch_add(1, Ordering::Relaxed) % u64::from(domains);
                let records = population::records(u32::try_from(number)?);
                let looks = records.iter().map(|record| found(&resolver, record));
                futures_util::future::try_join_all(looks).await?;
                done += 1;
            }
            anyhow::Ok(done)
        });
    }
    let mut done = 0;
    while let Some(count) = tasks.join_next().await {
        done += count??;
    }
    Ok(before.until_now(done, done * 6))
}

async fn found(
    resolver: &Resolver<TokioRuntimeProvider>,
    (owner, rtype, data): &(String, &'static str, String),
) -> anyhow::Result<()> {
    let rtype = if *rtype == "TXT" { RecordType::TXT } else { RecordType::CNAME };
    let lookup = resolver.lookup(Name::from_ascii(format!("{owner}."))?, rtype).await?;
    let right = lookup.answers().iter().any(|record| match &record.data {
        RData::CNAME(target) => target.0.to_ascii() == *data,
        RData::TXT(text) => text.txt_data.concat() == data.trim_matches('"').as_bytes(),
        _ => false,
    });
    anyhow::ensure!(right, "hickory-resolver finds something else at {owner}");
    Ok(())
}

/// Domains per second that checkdmarc gets through, one after the other. It
/// looks at SPF and DMARC only (and at MX, NS and what goes with them).
///
/// # Errors
/// When it does not run, or finds no SPF and DMARC.
pub(super) fn checkdmarc(python: &Path, server: SocketAddr, domains: u32) -> anyhow::Result<f64> {
    const SCRIPT: &str = "
import sys, time
import dns.nameserver, checkdmarc.spf, checkdmarc.dmarc
address, port = sys.argv[1], int(sys.argv[2])
servers = [dns.nameserver.Do53Nameserver(address, port)]
names = sys.argv[3:]
began = time.perf_counter()
for name in names:
    spf = checkdmarc.spf.check_spf(name, nameservers=servers)
    dmarc = checkdmarc.dmarc.check_dmarc(name, nameservers=servers)
    assert spf['valid'] and dmarc['valid'], (spf, dmarc)
print(len(names) / (time.perf_counter() - began))
";
    let names = (0..domains).map(population::name);
    let output = Command::new(python)
        .args(["-c", SCRIPT, &server.ip().to_string(), &server.port().to_string()])
        .args(names)
        .output()
        .with_context(|| python.display().to_string())?;
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    said.trim().parse().with_context(|| format!("checkdmarc says {said}{complaint}"))
}
