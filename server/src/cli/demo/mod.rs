//! `signet demo`: the whole life of a domain on this machine, no internet
//! needed. Nothing is staged but the internet: the server, the database, the
//! questions over UDP, the answers and the verdicts are the real ones.

mod client;
mod narrator;
mod stage;

use super::Outcome;
use crate::store::{DomainId, Review, Ruling};
use anyhow::Context as _;
use clap::Args;
use client::Client;
use narrator::Narrator;
use serde_json::{Value, json};
use signet_core::{names::Name, observe::RecordType};
use stage::Stage;
use std::{path::PathBuf, time::Duration};

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Stop at the end instead of leaving the server running
    #[arg(long)]
    exit: bool,
    /// Keep the demo's files in this directory, which must be empty or not
    /// exist yet [default: a temporary one, deleted at the end]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Longer than every source of the review is given.
const REVIEW_WITHIN: Duration = Duration::from_secs(90);
/// The customer's domain.
const DOMAIN: &str = "bakery.test";

pub(super) async fn run(args: DemoArgs, json: bool) -> anyhow::Result<Outcome> {
    let narrator = Narrator::new(json);
    let (stage, token) = Stage::build(args.dir).await?;
    let mut stop = super::serve::StopSignals::listen()?;
    let outcome = tokio::select! {
        outcome = play(&narrator, &stage, &token) => outcome,
        () = stop.asked_for() => {
            stage.strike().await;
            return Ok(Outcome::Problems);
        }
    };
    if outcome.is_ok() && !args.exit {
        narrator.curtain_call(&stage.url, &token)?;
        stop.asked_for().await;
    }
    stage.strike().await;
    outcome.map(|()| Outcome::Good)
}

async fn play(narrator: &Narrator, stage: &Stage, token: &str) -> anyhow::Result<()> {
    let client = Client::new(&stage.url, token)?;
    narrator.opening(&stage.url, &stage.dns.to_string())?;

    narrator.act("The bakery registers its domain", "POST /api/domains").await?;
    let domain = client.post("/api/domains", &json!({"domain": {"domain_name": DOMAIN}})).await?;
    let id = domain["id"].as_i64().context("a domain has a number")?;
    narrator.records(&domain, "These six records are to be published:")?;

    narrator.act("Nothing is published yet", "POST /api/domains/{id}/check").await?;
    check(narrator, &client, id).await?;

    narrator.act("The bakery publishes them, with the commonest mistake", "").await?;
    publish_with_mistake(narrator, stage, &domain).await?;
    check(narrator, &client, id).await?;
    narrator.diagnosis(&client.get(&format!("/api/domains/{id}/report")).await?, "dkim1")?;

    narrator.act("It is mended as told", "").await?;
    mend(narrator, stage, record(&domain, "dkim1")?)?;
    let checked = check(narrator, &client, id).await?;
    anyhow::ensure!(checked["dns_verified"] == true, "the domain should be verified by now: {checked}");

    narrator.act("Who is behind it", "POST /api/domains/{id}/company_info").await?;
    client.post(&format!("/api/domains/{id}/company_info"), &company()).await?;
    narrator.compliance(&client.get(&format!("/api/domains/{id}")).await?)?;

    narrator.act("Signet reviews it by itself", "signet review policy").await?;
    narrator.findings(&reviewed(narrator, stage, id, Review::Open).await?)?;
    narrator.compliance(&client.get(&format!("/api/domains/{id}")).await?)?;

    narrator.act("The bakery answers", "POST /api/domains/{id}/questionnaire").await?;
    client.post(&format!("/api/domains/{id}/questionnaire"), &answers()).await?;
    reviewed(narrator, stage, id, Review::Referred).await?;
    narrator.compliance(&client.get(&format!("/api/domains/{id}")).await?)?;

    narrator.act("The operator reads the answers, and approves", "signet review approve").await?;
    let (operator, reason) = (super::review::operator(), "a real bakery");
    let ruled = stage.ops.rule(&operator, DomainId(id), Ruling::Approve, None, reason);
    ruled.await.map_err(super::told)?;
    narrator.compliance(&client.get(&format!("/api/domains/{id}")).await?)?;

    narrator.act("A mail server asks whether messages may go out", "POST /api/authorize").await?;
    for from in [format!("orders@{DOMAIN}"), "orders@florist.test".to_string()] {
        let message = json!({"envelope_from": from, "recipients": ["jo@example.org"], "stage": "rcpt"});
        narrator.authorized(&from, &client.post("/api/authorize", &message).await?["data"])?;
    }

    narrator.act("Everything that happened is in the history", "GET /api/domains/{id}/events").await?;
    narrator.history(&client.get(&format!("/api/domains/{id}/events?limit=100")).await?)?;
    Ok(())
}

/// Waits until the rules have run, and the review is where the story goes on;
/// what they found.
async fn reviewed(narrator: &Narrator, stage: &Stage, id: i64, wanted: Review) -> anyhow::Result<Value> {
    let reviewing = narrator.waiting("looking at the website, the name, the account");
    let found = tokio::time::timeout(REVIEW_WITHIN, async {
        loop {
            let file = stage.ops.store.case_file(DomainId(id)).await?.context("the domain is there")?;
            if file.case.review == wanted {
                return anyhow::Ok(file.last_run);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let run = found.await.context("the review should have run by now")??;
    drop(reviewing);
    let evidence = run.and_then(|run| run.evidence).context("a review keeps its evidence")?;
    Ok(serde_json::from_str(&evidence)?)
}

async fn check(narrator: &Narrator, client: &Client, id: i64) -> anyhow::Result<Value> {
    let looking = narrator.waiting("asking every name server of the zone");
    let domain = client.post(&format!("/api/domains/{id}/check?wait=30"), &json!({})).await?;
    drop(looking);
    narrator.statuses(&domain)?;
    Ok(domain)
}

fn record<'a>(domain: &'a Value, key: &str) -> anyhow::Result<&'a Value> {
    let records = domain["dns_records"].as_array().into_iter().flatten();
    records
        .into_iter()
        .find(|record| record["key"] == key)
        .with_context(|| format!("a domain has a record {key}"))
}

/// The first DKIM name is entered in full at a DNS host that appends the zone.
async fn publish_with_mistake(narrator: &Narrator, stage: &Stage, domain: &Value) -> anyhow::Result<()> {
    for record in domain["dns_records"].as_array().into_iter().flatten() {
        let (mut owner, rtype, value) = parts(record)?;
        if record["key"] == "dkim1" {
            owner = owner.append(&DOMAIN.parse()?).context("the doubled name fits")?;
        }
        stage.internet.set(&owner, rtype, 300, &[value])?;
        narrator.published(&owner, rtype, value)?;
        narrator.breathe(1).await;
    }
    Ok(())
}

fn mend(narrator: &Narrator, stage: &Stage, record: &Value) -> anyhow::Result<()> {
    let (owner, rtype, value) = parts(record)?;
    let doubled = owner.append(&DOMAIN.parse()?).context("the doubled name fits")?;
    stage.internet.remove(&doubled, rtype);
    stage.internet.set(&owner, rtype, 300, &[value])?;
    narrator.published(&owner, rtype, value)?;
    Ok(())
}

fn parts(record: &Value) -> anyhow::Result<(Name, RecordType, &str)> {
    let text = |member: &str| record[member].as_str().with_context(|| format!("a record has a {member}"));
    let rtype = match text("type")? {
        "CNAME" => RecordType::Cname,
        _ => RecordType::Txt,
    };
    Ok((text("domain")?.parse()?, rtype, text("value")?))
}

fn answers() -> Value {
    json!({"questionnaire": {"answers": {
        "content": "Order confirmations, and a newsletter on Fridays.",
        "recipients": "People who ordered at our counter or on our website.",
        "address_source": "confirmed_sign_up",
        "address_source_details": "A form in the shop, and a link to confirm.",
        "monthly_volume": 4000,
        "marketing": true,
        "unsubscribe": "A link in every newsletter, which works at once.",
        "ever_suspended": false,
    }}})
}

fn company() -> Value {
    json!({"company_info": {
        "name": "Bakery on the Corner Ltd",
        "address": "1 Mill Lane",
        "city": "Oven-on-Sea",
        "country": "United Kingdom",
        "zip_code": "OV3 1BR",
        "website_url": "https://bakery.example/",
    }})
}
