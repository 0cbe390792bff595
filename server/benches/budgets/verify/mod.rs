//! Looking at domains whose records are right: how many a second, and what one
//! costs, beside others that ask the same.

mod beside;
mod nsd;
mod ours;
mod population;
mod proxy;

use crate::{
    Arguments,
    machine::cpu_of,
    nsd::Nsd,
    report::{Row, grouped},
    world::{Time, World},
};
use metrics_exporter_prometheus::PrometheusHandle;
use proxy::{Proxy, Weather};
use signet::{
    config::{Mail, MailRoute},
    keys::KeyFile,
    mailer::Mailer,
    worker::Equipment,
};
use signet_core::email::EmailAddress;
use signet_dns::ask::Asker;
use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

/// Domains per second, verified and applied.
const BUDGET: f64 = 10_000.0;
/// Domains looked at at the same time where nothing is written; the worker has
/// its own number.
const AT_ONCE: usize = 256;
/// The same where answers come from far away.
const AT_ONCE_FAR: usize = 512;
const TURNS: u32 = 4;
/// Domains that the looks without writing go over.
const LOOKED_AT: u32 = 100_000;
/// Domains for the rows with a network in between, and who has their zones.
const FAR: u32 = 20_000;
const OPERATORS: u32 = 20;

/// What something took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Costs {
    domains: u64,
    queries: u64,
    time: Duration,
    cpu: Duration,
}

/// The moment a measurement begins.
pub(crate) struct Before(Instant, Duration);

impl std::ops::AddAssign for Costs {
    fn add_assign(&mut self, more: Self) {
        self.domains += more.domains;
        self.queries += more.queries;
        self.time += more.time;
        self.cpu += more.cpu;
    }
}

impl Costs {
    const NONE: Self = Self { domains: 0, queries: 0, time: Duration::ZERO, cpu: Duration::ZERO };

    fn now() -> Before {
        Before(Instant::now(), cpu_of("self"))
    }

    fn rate(&self) -> f64 {
        self.domains as f64 / self.time.as_secs_f64()
    }

    fn told(&self) -> String {
        let each = |amount: f64| amount / self.domains as f64;
        format!(
            "{} domains/s, {:.0} µs of CPU and {:.2} questions each",
            grouped(self.rate()),
            each(self.cpu.as_secs_f64() * 1e6),
            each(self.queries as f64)
        )
    }
}

impl Before {
    fn until_now(&self, domains: u64, queries: u64) -> Costs {
        Costs { domains, queries, time: self.0.elapsed(), cpu: cpu_of("self").saturating_sub(self.1) }
    }
}

/// The value of one line of the metrics page.
fn counted(page: &PrometheusHandle, line: &str) -> u64 {
    let text = page.render();
    let line = text.lines().find_map(|text| text.strip_prefix(line));
    line.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}

fn resident() -> String {
    let kib = crate::machine::value("/proc/self/status", "VmRSS:")
        .and_then(|text| text.trim_end_matches(" kB").parse::<f64>().ok());
    kib.map_or_else(String::new, |kib| format!(", {:.0} MiB resident", kib / 1024.0))
}

/// Measures it.
///
/// # Errors
/// When something does not start, or a record is found wrong.
pub(crate) async fn measure(
    folder: &Path,
    page: &PrometheusHandle,
    arguments: &Arguments,
) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for &domains in &arguments.verify {
        let world = World::make(folder, &format!("verify-{domains}"), domains, &population::RIGHT).await?;
        let nsd = nsd::start(folder, domains, 1)?;
        rows.extend(of_size(&world, &nsd, page, arguments).await?);
    }
    rows.extend(far(folder, arguments).await?);
    Ok(rows)
}

async fn of_size(
    world: &World,
    nsd: &Nsd,
    page: &PrometheusHandle,
    arguments: &Arguments,
) -> anyhow::Result<Vec<Row>> {
    let time = Duration::from_secs(arguments.seconds);
    let open = world.open(Time::Due).await?;
    let domains = ours::some(&open, LOOKED_AT).await?;
    let asker = Asker::new(ours::settings(nsd::address(nsd, 0), nsd.port, &open.ops)).await?;
    let size = grouped(f64::from(world.domains));

    // Warm: every zone has been asked for.
    ours::verify(&open.ops, &asker, &domains, AT_ONCE, time / 4).await?;
    let (mut verified, mut hickory, mut server) = (Costs::NONE, Costs::NONE, Duration::ZERO);
    // In turns, so that whatever else the machine does disturbs both.
    for _ in 0..TURNS {
        let before = nsd.cpu();
        verified += ours::verify(&open.ops, &asker, &domains, AT_ONCE, time / TURNS).await?.1;
        server += nsd.cpu() - before;
        hickory += beside::hickory(nsd::address(nsd, 0), world.domains, AT_ONCE, time / TURNS).await?;
    }
    let server = server.as_secs_f64() * 1e6 / verified.domains as f64;
    drop(domains);

    let before = crate::recheck::fingerprint(world).await?;
    let equipment = equipment(&open.ops, asker, world)?;
    let applied = ours::verify_and_apply(&open, equipment, page, time).await?;
    let resident = resident();
    open.ops.store.close().await;
    let after = crate::recheck::fingerprint(world).await?;
    anyhow::ensure!(before == after, "looks that found nothing new changed something: {before:?}, {after:?}");

    let hickory_told = format!("{}: hickory-resolver, the same six look-ups", hickory.told());
    let mut rows = vec![
        Row {
            what: format!("verify (ask, judge, decide), {size} domains"),
            figure: format!("{} (NSD {server:.0} µs beside)", verified.told()),
            beside: hickory_told.clone(),
            ratio: Some(verified.rate() / hickory.rate()),
            budget: None,
        }
        .say(),
        Row {
            what: format!("verify and apply, {size} domains"),
            figure: format!("{}{resident}", applied.told()),
            beside: hickory_told,
            ratio: Some(applied.rate() / hickory.rate()),
            budget: Some(("≥ 10,000 domains/s", applied.rate() >= BUDGET)),
        }
        .say(),
    ];
    if let Some(python) = &arguments.python {
        let rate = beside::checkdmarc(python, nsd::address(nsd, 0), world.domains.min(200))?;
        rows.push(
            Row {
                what: "the same".to_string(),
                figure: format!("{} domains/s", grouped(applied.rate())),
                beside: format!("{rate:.0} domains/s: checkdmarc, SPF and DMARC only"),
                ratio: Some(applied.rate() / rate),
                budget: None,
            }
            .say(),
        );
    }
    Ok(rows)
}

/// With a network in between.
async fn far(folder: &Path, arguments: &Arguments) -> anyhow::Result<Vec<Row>> {
    let time = Duration::from_secs(arguments.seconds);
    let count = FAR.min(arguments.verify.iter().copied().max().unwrap_or(FAR));
    let world = World::make(folder, "far", count, &population::RIGHT).await?;
    let open = world.open(Time::Due).await?;
    let domains = ours::some(&open, count).await?;
    let nsd = nsd::start(folder, count, OPERATORS)?;
    let millis = Duration::from_millis;
    let weathers = [
        ("through our proxy, as it is", Weather::default()),
        ("20 ms away", Weather { delay: millis(20), ..Weather::default() }),
        ("50 ms away", Weather { delay: millis(50), ..Weather::default() }),
        (
            "20 ms away, 1 % of the questions lost",
            Weather { delay: millis(20), lost: 10, ..Weather::default() },
        ),
        (
            "20 ms away, one of 20 operators dead",
            Weather { delay: millis(20), dead: Some(7), ..Weather::default() },
        ),
    ];
    let mut rows = Vec::new();
    let mut plain = None;
    for (what, weather) in weathers {
        let proxy = Proxy::start(&nsd, OPERATORS, weather)?;
        let asker = Asker::new(ours::settings(nsd::address(&nsd, 0), proxy.port, &open.ops)).await?;
        ours::verify(&open.ops, &asker, &domains, AT_ONCE, time / 4).await?;
        let (looks, costs) = ours::verify(&open.ops, &asker, &domains, AT_ONCE_FAR, time).await?;
        let unknown = looks.unknown.load(Ordering::Relaxed) as f64 / costs.domains as f64;
        let plain = *plain.get_or_insert(costs.rate());
        rows.push(
            Row {
                what: format!("verify, {}", what),
                figure: format!("{}, {:.1} % could not be looked at", costs.told(), unknown * 100.0),
                beside: format!("{} domains/s through the proxy as it is", grouped(plain)),
                ratio: Some(costs.rate() / plain),
                budget: None,
            }
            .say(),
        );
    }
    open.ops.store.close().await;
    Ok(rows)
}

fn equipment(ops: &signet::ops::Ops, asker: Asker, world: &World) -> anyhow::Result<Equipment> {
    let from = EmailAddress::parse("signet@signet.test").map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let mail = Mail { route: MailRoute::Directory(world.folder.join("outbox")), from };
    Ok(Equipment {
        asker,
        mailer: Mailer::new(&mail).map_err(anyhow::Error::msg)?,
        key: Arc::new(KeyFile::open(&ops.config.key_file).map_err(anyhow::Error::msg)?),
    })
}
