//! What the gate remembers for two seconds, and what it never does.

use super::*;
use signet_core::authz::{Answer, Recipients, Request, Source};

const HELD: &str = "it is held by the operator";

#[tokio::test]
async fn a_suspension_by_another_process_on_sqlite() {
    a_suspension_by_another_process(World::sqlite().await).await;
}

#[tokio::test]
async fn a_suspension_by_another_process_on_postgres() {
    if let Some(world) = World::postgres().await {
        a_suspension_by_another_process(world).await;
    }
}

async fn a_suspension_by_another_process(world: World) {
    let name = "example.com";
    world.fill_in_company(world.account).await;
    let id = world.compliant(world.account, name).await;
    let other = node(&world.url, world.directory.path()).await;
    let rule = async |ruling| other.rule(&operator(), id, ruling, None, "because").await.unwrap();
    let sends = || world.sends_from("jo@example.com");
    assert_eq!(sends().await, DUNNO);
    world.clock().advance(SignedDuration::from_secs(1));
    assert_eq!(sends().await, DUNNO, "from memory, which makes it no younger");

    rule(Ruling::Suspend(Suspension::Hold)).await;
    assert_eq!(sends().await, DUNNO, "not known here yet");
    world.clock().advance(SignedDuration::from_secs(1));
    assert_eq!(sends().await, deferred(name, HELD), "two seconds after it was read");
    rule(Ruling::Suspend(Suspension::Abuse)).await;
    assert_eq!(sends().await, refused(name, "it is suspended"), "a deferral is not remembered");
    rule(Ruling::Lift).await;
    assert_eq!(sends().await, DUNNO, "nor is a refusal");

    let hold = Some(Suspension::Hold);
    let account = other.suspend_account(&operator(), world.account, hold, None, "because").await;
    assert!(account.unwrap().suspension.is_some());
    world.clock().advance(MAX_AGE);
    assert_eq!(sends().await, deferred(name, HELD), "an account's, likewise");
}

#[tokio::test]
async fn what_is_ruled_here_holds_at_once() {
    let world = World::sqlite().await;
    world.fill_in_company(world.account).await;
    let id = world.compliant(world.account, "example.com").await;
    assert_eq!(world.sends_from("jo@example.com").await, DUNNO);
    world.rule(id, Ruling::Suspend(Suspension::Hold)).await;
    assert_eq!(world.sends_from("jo@example.com").await, deferred("example.com", HELD));
}

#[tokio::test]
async fn a_demo_is_never_remembered() {
    let world = World::sqlite().await;
    let demo = world.demo().await;
    let (name, sender) = (demo.name.to_string(), format!("jo@{}", demo.name));
    let look = async || world.asks(&rcpt(&sender, "owner@example.org")).await;
    assert_eq!(look().await, DUNNO);
    let other = node(&world.url, world.directory.path()).await;
    for message in ["a", "b", "c"] {
        other.store.spend_demo(demo.id, message, &world.cause()).await.unwrap();
    }
    assert_eq!(look().await, refused(&name, "the demo domain has used up its messages"));
}

#[tokio::test]
async fn one_that_is_remembered_vouches_for_nobody_else() {
    let world = World::sqlite().await;
    let other = world.ops.create_account("other", "owner@example.net").await.unwrap().id;
    for (account, name) in [(world.account, "example.com"), (other, "example.net")] {
        world.fill_in_company(account).await;
        world.compliant(account, name).await;
        assert_eq!(world.sends_from(&format!("jo@{name}")).await, DUNNO);
    }
    let from = |header: &str| Request {
        account: None,
        envelope: Source::parse("jo@example.com"),
        header_from: Some(vec![Source::parse(header)]),
        authenticated: true,
        recipients: Recipients::All(vec!["ann@example.net".to_string()]),
    };
    let asks = async |header: &str| {
        world.ops.authorize(&Outgoing { message: from(header), count: Some("1".to_string()) }).await
    };
    assert_eq!(asks("jo@example.com").await, Answer::Allow { spends: None });
    for header in ["jo@example.net", "jo@nobody.example", "jo@sub.example.com"] {
        assert!(matches!(asks(header).await, Answer::Reject(_)), "{header}");
    }
}

#[tokio::test]
async fn an_outage_is_outlived_by_two_seconds_and_no_longer() {
    let world = World::sqlite().await;
    world.fill_in_company(world.account).await;
    for name in ["example.com", "example.net"] {
        world.compliant(world.account, name).await;
    }
    assert_eq!(world.sends_from("jo@example.com").await, DUNNO);
    world.ops.store.close().await;
    let trouble = "action=451 4.3.0 The sending gate cannot decide at the moment; try again later";
    assert_eq!(world.sends_from("jo@example.com").await, DUNNO);
    assert_eq!(world.sends_from("jo@example.net").await, trouble);
    world.clock().advance(MAX_AGE);
    assert_eq!(world.sends_from("jo@example.com").await, trouble);
}
