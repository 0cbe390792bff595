//! What is allowed, deferred and refused.

use super::*;

#[tokio::test]
async fn the_table_on_sqlite() {
    the_table(World::sqlite().await).await;
}

#[tokio::test]
async fn the_table_on_postgres() {
    if let Some(world) = World::postgres().await {
        the_table(world).await;
    }
}

async fn the_table(world: World) {
    let (account, name) = (world.account, "example.com");
    let sends = || world.sends_from("jo@Example.COM");
    assert_eq!(sends().await, refused(name, "it is not registered"));
    let id = world.register(account, name).await;
    assert_eq!(sends().await, refused(name, "its DNS records are not verified"));
    let verified = DnsState::Verified { at: world.ops.clock.now() };
    world.look(account, id, verified).await;
    assert_eq!(sends().await, refused(name, "the company information of its account is not complete"));
    world.fill_in_company(account).await;
    assert_eq!(sends().await, refused(name, "its review has not decided yet"));
    world.rule(id, Ruling::Approve).await;
    assert_eq!(sends().await, DUNNO);
    assert_eq!(world.asks(&end("jo@example.com", "", "1")).await, DUNNO, "to several");

    world.look(account, id, DnsState::Lost { at: world.ops.clock.now() }).await;
    world.clock().advance(MAX_AGE);
    assert_eq!(sends().await, deferred(name, "its DNS records are not verified"));
    world.look(account, id, verified).await;
    world.rule(id, Ruling::Suspend(Suspension::Hold)).await;
    assert_eq!(sends().await, deferred(name, "it is held by the operator"));
    world.rule(id, Ruling::Suspend(Suspension::Abuse)).await;
    assert_eq!(sends().await, refused(name, "it is suspended"), "at once");
    world.rule(id, Ruling::Lift).await;
    let suspend = async |suspension| {
        world.ops.suspend_account(&operator(), account, suspension, None, "because").await.unwrap()
    };
    suspend(Some(Suspension::Abuse)).await;
    assert_eq!(sends().await, refused(name, "it is suspended"), "by its account");
    suspend(None).await;
    assert_eq!(sends().await, DUNNO);
    world.rule(id, Ruling::Reject).await;
    assert_eq!(sends().await, refused(name, "a review has rejected it"));
    world.rule(id, Ruling::Reopen).await;
    assert_eq!(sends().await, deferred(name, "its review has not decided yet"), "it was approved before");

    assert_eq!(
        world.sends_from("jo@sub.example.com").await,
        refused("sub.example.com", "it is not registered")
    );
    assert_eq!(world.sends_from("jo@[192.0.2.1]").await, refused("[192.0.2.1]", "it is not registered"));
    assert_eq!(world.sends_from("").await, DUNNO, "a bounce");
    let hidden = world.asks(&format!("{}sasl_username=jo\n", rcpt("", "ann@example.net"))).await;
    assert!(hidden.starts_with("action=550 5.7.1 Sending is not allowed: the null sender"), "{hidden}");
    for state in ["CONNECT", "HELO", "MAIL", "VRFY", "ETRN", "XYZ"] {
        let lines = rcpt("jo@nobody.example", "ann@example.net").replace("RCPT", state);
        assert_eq!(world.asks(&lines).await, DUNNO, "{state}");
    }
}

#[tokio::test]
async fn names_accounts_and_return_paths() {
    let world = World::sqlite().await;
    let other = world.ops.create_account("other", "owner@example.net").await.unwrap().id;
    for account in [world.account, other] {
        world.fill_in_company(account).await;
    }
    let ours = world.compliant(world.account, "example.com").await;
    let theirs = world.register(other, "example.com").await;
    let path = async |account, id| {
        let domain = world.ops.store.domain(account, id).await.unwrap().unwrap();
        format!("bounce+1@sg-{}.example.com", domain.record_id)
    };
    let (our_path, their_path) = (path(world.account, ours).await, path(other, theirs).await);
    assert_eq!(world.sends_from("jo@example.com").await, DUNNO, "the one that is verified");
    assert_eq!(world.sends_from(&our_path).await, DUNNO);
    let unverified = refused("example.com", "its DNS records are not verified");
    assert_eq!(world.sends_from(&their_path).await, unverified);
    let below = our_path.replace("@", "@x.");
    assert!(world.sends_from(&below).await.contains("is not registered"));
    let elsewhere = our_path.replace("example.com", "sub.example.com");
    assert!(world.sends_from(&elsewhere).await.contains("is not registered"));

    let as_user = async |user: &str| {
        world.asks(&format!("{}sasl_username={user}\n", rcpt("jo@example.com", "ann@example.net"))).await
    };
    assert_eq!(as_user(&world.account.to_string()).await, DUNNO);
    assert_eq!(as_user(&other.to_string()).await, unverified);
    assert_eq!(as_user("999").await, refused("example.com", "it is not registered in account 999"));
    assert_eq!(as_user("jo").await, DUNNO);

    // Both have proven the name: one's suspension is not got round by the other.
    world.look(other, theirs, DnsState::Verified { at: world.ops.clock.now() }).await;
    world.rule(theirs, Ruling::Suspend(Suspension::Abuse)).await;
    assert_eq!(world.sends_from("jo@example.com").await, refused("example.com", "it is suspended"));
    assert_eq!(world.sends_from(&our_path).await, DUNNO);
    assert_eq!(as_user(&world.account.to_string()).await, DUNNO);
}

#[tokio::test]
async fn the_demo_on_sqlite() {
    the_demo(World::sqlite().await).await;
}

#[tokio::test]
async fn the_demo_on_postgres() {
    if let Some(world) = World::postgres().await {
        the_demo(world).await;
    }
}

async fn the_demo(world: World) {
    let demo = world.demo().await;
    let (name, sender) = (demo.name.to_string(), format!("jo@{}", demo.name));
    let mut client = world.client().await;
    let owner_only = refused(&name, "a demo domain may write to its account's owner only");
    assert_eq!(client.asks(&rcpt(&sender, "ann@example.net")).await, owner_only);
    for recipient in ["owner@example.org", "OWNER@example.org"] {
        assert_eq!(client.asks(&rcpt(&sender, recipient)).await, DUNNO);
    }
    assert_eq!(world.left().await, 3, "a look counts nothing");
    for _ in 0..4 {
        assert_eq!(client.asks(&end(&sender, "owner@example.org", "a")).await, DUNNO);
    }
    assert_eq!(world.left().await, 2, "asked again, counted once");
    assert!(client.asks(&end(&sender, "", "b")).await.starts_with(&owner_only), "who they are is not told");
    assert!(client.asks(&end(&sender, "ann@example.net", "b")).await.starts_with(&owner_only));
    assert_eq!(world.left().await, 2, "what is refused is not counted");
    for instance in ["b", "c"] {
        assert_eq!(client.asks(&end(&sender, "owner@example.org", instance)).await, DUNNO);
    }
    let used_up = refused(&name, "the demo domain has used up its messages");
    assert_eq!(client.asks(&rcpt(&sender, "owner@example.org")).await, used_up);
    assert_eq!(client.asks(&end(&sender, "owner@example.org", "d")).await, used_up);
    assert_eq!(client.asks(&end(&sender, "owner@example.org", "c")).await, DUNNO, "it was counted");
    let unnamed = client.asks(&end(&sender, "owner@example.org", "")).await;
    assert_eq!(unnamed, used_up, "without an instance each counts");

    let events = world.ops.store.events(world.account, demo.id, None, 10).await.unwrap();
    let changes: Vec<_> = events.iter().filter(|event| event.kind == "domain.compliance_changed").collect();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].to.as_deref(), Some("demo_exhausted"));
}
