//! The automatic review, whole: from a verified domain to a decision.

use super::*;
use signet::store::{Case, Review, Ruling};
use signet_core::{
    company::{CompanyPatch, Field},
    lifecycle::ComplianceStatus as Status,
};

/// Rules that need nobody else.
const POLICY: &str = r#"
after_questionnaire = "refer"

[[rule]]
check = "contradictory_company"
then = "ask_questionnaire"

[[rule]]
check = "many_new_domains"
days = 1
most = 1
then = "reject"
"#;

/// The same, and one that asks a list which is silent.
const WITH_A_LIST: &str = r#"
[[rule]]
check = "blocklist"
lists = ["dbl.nowhere.test"]
then = "reject"
"#;

async fn world(policy: &str) -> World {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), policy).unwrap();
    let everybody = Zone::new("nowhere.test", &[&CUSTOMER[..], &OURS].concat(), &[]);
    let fake = Fake::start(vec![everybody], Vec::new()).await;
    fake.set_zones(zones(&[]));
    World::with_flags(fake, &[("review_policy", file.path().display().to_string())]).await
}

async fn verified(world: &World) -> Domain {
    let domain = world.register("bakery.test").await;
    world.publish(&lines(&world.ops, &domain));
    let domain = world.check(domain.id).await;
    assert!(domain.dns.is_verified());
    domain
}

async fn say_who(world: &World, id: DomainId, phone: &str) {
    let fields = [
        (Field::Name, "Bäckerei Sonnenschein GmbH"),
        (Field::Address, "Ring 1"),
        (Field::City, "Wien"),
        (Field::Country, "Austria"),
        (Field::ZipCode, "1010"),
        (Field::Phone, phone),
        (Field::WebsiteUrl, "https://bakery.test/"),
    ];
    let fields = fields.map(|(field, value)| (field, value.to_string())).into();
    world.ops.create_company(&world.actor, id, &CompanyPatch { fields, info_level: None }).await.unwrap();
}

/// Waits until no review is due any more.
async fn reviewed(world: &World, id: DomainId) -> Case {
    let look = async || {
        let case = world.ops.store.case(id).await.unwrap().unwrap();
        if case.review == Review::Due { Err(case) } else { Ok(case) }
    };
    waiting::until("reviewed", look).await
}

async fn rows(world: &World, id: DomainId) -> Vec<String> {
    let kinds = world.history(id).await;
    kinds.into_iter().filter(|kind| kind.starts_with("review") || kind.starts_with("quest")).collect()
}

#[tokio::test]
async fn nothing_speaks_against_it() {
    let world = world(POLICY).await;
    let domain = verified(&world).await;
    say_who(&world, domain.id, "+43 1 234567").await;
    let case = reviewed(&world, domain.id).await;
    assert_eq!(case.domain.compliance(), Status::Compliant);
    assert_eq!(rows(&world, domain.id).await, ["review.ran", "review.approved"]);
    let file = world.ops.case_file(&world.actor, domain.id).await.unwrap();
    let run = file.last_run.unwrap();
    let evidence: serde_json::Value = serde_json::from_str(run.evidence.as_deref().unwrap()).unwrap();
    assert_eq!(evidence["findings"].as_array().unwrap().len(), 2);
    assert_eq!(evidence["findings"][0]["outcome"], "pass");
    assert!(run.reason.contains("nothing that speaks against it"), "{}", run.reason);
}

#[tokio::test]
async fn a_question_an_answer_and_the_operator() {
    let world = world(POLICY).await;
    let domain = verified(&world).await;
    // A Japanese telephone number of a company in Austria.
    say_who(&world, domain.id, "+81 3 1234 5678").await;
    let case = reviewed(&world, domain.id).await;
    assert_eq!(
        (case.domain.compliance(), case.review),
        (Status::AwaitingQuestionnaire, Review::Open),
        "{:?}",
        world.ops.case_file(&world.actor, domain.id).await.unwrap().last_run
    );
    let given = [
        ("content", "Bread"),
        ("recipients", "Customers"),
        ("address_source", "customers"),
        ("address_source_details", "At the counter"),
        ("monthly_volume", "500"),
        ("marketing", "no"),
        ("unsubscribe", "By asking"),
        ("ever_suspended", "no"),
    ];
    let given = given
        .map(|(id, text)| (id.to_string(), signet_core::questionnaire::Given::Written(text.to_string())));
    world.ops.answer_by_link(&case.domain, &given.into(), "192.0.2.7").await.unwrap();
    let case = reviewed(&world, domain.id).await;
    assert_eq!((case.domain.compliance(), case.review), (Status::UnderReview, Review::Referred));
    let operator = Actor::operator(AccountId(0));
    let ruled = world.ops.rule(&operator, domain.id, Ruling::Approve, Some(case.version), "good bread").await;
    assert_eq!(ruled.unwrap().domain.compliance(), Status::Compliant);
    assert_eq!(
        rows(&world, domain.id).await,
        ["review.ran", "questionnaire.asked", "questionnaire.answered", "review.ran", "review.approved",]
    );
}

#[tokio::test]
async fn what_speaks_against_it_is_told() {
    let world = world(POLICY).await;
    let domain = verified(&world).await;
    world.register("second.test").await;
    say_who(&world, domain.id, "+43 1 234567").await;
    let case = reviewed(&world, domain.id).await;
    assert_eq!(case.domain.compliance(), Status::NonCompliant);
    let events = world.ops.events(&world.actor, domain.id, None, 100).await.unwrap();
    // Its keys go their own way meanwhile.
    let told = events.iter().find(|event| event.to.as_deref() == Some("non_compliant")).unwrap();
    assert!(told.reason.contains("domains"), "{}", told.reason);
}

/// A list that cannot be asked decides nothing, but is waited for a little.
#[tokio::test]
async fn silence_is_waited_for_and_then_decides_nothing() {
    let world = world(WITH_A_LIST).await;
    let domain = verified(&world).await;
    say_who(&world, domain.id, "+43 1 234567").await;
    let mut waited = 0;
    let look = async || {
        let case = world.ops.store.case(domain.id).await.unwrap().unwrap();
        if case.review != Review::Due {
            return Ok(case);
        }
        assert!(waited < 120, "it is decided within two minutes");
        // Put back for ten seconds, of which the clock is ours. One that is being
        // looked at is held for longer.
        let now = world.ops.clock.now();
        if case.due_at.is_some_and(|due| now < due && due <= now + SignedDuration::from_secs(10)) {
            world.pass_time(SignedDuration::from_secs(1));
            waited += 1;
        }
        Err(case)
    };
    let case = waiting::until("decided", look).await;
    assert_eq!(case.domain.compliance(), Status::Compliant);
    let run = world.ops.case_file(&world.actor, domain.id).await.unwrap().last_run.unwrap();
    assert!(run.reason.contains("could not be looked at: blocklist"), "{}", run.reason);
    assert!(waited >= 10, "not at once");
}

#[tokio::test]
async fn a_server_that_stops_gives_its_reviews_back() {
    let mut world = world(POLICY).await;
    let domain = verified(&world).await;
    world.stop_workers().await;
    say_who(&world, domain.id, "+43 1 234567").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(world.ops.store.case(domain.id).await.unwrap().unwrap().review, Review::Due);
    world.start_workers().await;
    assert_eq!(reviewed(&world, domain.id).await.domain.compliance(), Status::Compliant);
}
