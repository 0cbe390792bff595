//! Many at once.

use super::*;
use futures_util::future::join_all;
use signet::store::Spent;
use signet_core::authz::{Answer, Recipients, Request, Source};
use std::collections::BTreeSet;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_than_the_allowance_on_sqlite() {
    no_more_than_the_allowance(World::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_than_the_allowance_on_postgres() {
    if let Some(world) = World::postgres().await {
        no_more_than_the_allowance(world).await;
    }
}

/// Two nodes, many connections, every message asked about twice at once.
async fn no_more_than_the_allowance(world: World) {
    let sender = format!("jo@{}", world.demo().await.name);
    let second = node(&world.url, world.directory.path()).await;
    let listen = "127.0.0.1:0".parse().unwrap();
    let (_stop, stopped) = watch::channel(false);
    let bound = policy::serve(second, &listen, Limits::default(), stopped).await.unwrap();
    let PolicyListen::Tcp(address) = *bound.listen() else { panic!("TCP was asked for") };
    let asked = (0..40).map(|n| {
        let (world, lines) = (&world, end(&sender, "owner@example.org", &format!("m{}", n / 2)));
        async move {
            let mut client = match n % 2 {
                0 => world.client().await,
                _ => Client(TcpStream::connect(address).await.unwrap()),
            };
            (n / 2, client.asks(&lines).await)
        }
    });
    let answers = join_all(asked).await;
    let allowed = answers.iter().filter(|(_, answer)| answer == DUNNO);
    let messages: BTreeSet<_> = allowed.clone().map(|(message, _)| message).collect();
    assert_eq!((messages.len(), allowed.count()), (3, 6), "three messages, both times: {answers:?}");
    assert!(
        answers.iter().all(|(_, answer)| answer == DUNNO || answer.contains("has used up")),
        "{answers:?}"
    );
    assert_eq!(world.left().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_allowance_spent_by_everybody_on_sqlite() {
    one_allowance_spent_by_everybody(World::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_allowance_spent_by_everybody_on_postgres() {
    if let Some(world) = World::postgres().await {
        one_allowance_spent_by_everybody(world).await;
    }
}

/// Four nodes, each with a handle of its own on the database; sixty messages,
/// each asked about four times, by tasks that run at the same time.
async fn one_allowance_spent_by_everybody(world: World) {
    const ALLOWANCE: usize = 25;
    let mut nodes = vec![];
    for _ in 0..4 {
        nodes.push(node_with(&world.url, world.directory.path(), ALLOWANCE).await);
    }
    let account = nodes[0].create_account("busy", "owner@example.org").await.unwrap().id;
    let all = world.ops.store.domains(account, &TokenScope::Account, None, None).await.unwrap();
    let demo = all.into_iter().find(|domain| domain.demo).unwrap();
    let message = Request {
        account: None,
        envelope: Source::parse(&format!("jo@{}", demo.name)),
        header_from: None,
        authenticated: true,
        recipients: Recipients::All(vec!["owner@example.org".to_string()]),
    };
    let mut tasks = JoinSet::new();
    for n in 0..240 {
        // The four askings of a message are far apart in the queue, or next to
        // each other, by turns; and never all on one node.
        let instance = if n % 2 == 0 { n / 4 % 60 } else { n % 60 };
        let (ops, message) = (nodes[(n + n / 60) % 4].clone(), message.clone());
        tasks.spawn(async move {
            let outgoing = Outgoing { message, count: Some(format!("m{instance}")) };
            (instance, ops.authorize(&outgoing).await)
        });
    }
    let answers = tasks.join_all().await;
    let (allowed, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|(_, answer)| matches!(answer, Answer::Allow { .. }));
    let messages = |answers: &[(usize, Answer)]| answers.iter().map(|(n, _)| *n).collect::<BTreeSet<_>>();
    let (through, back) = (messages(&allowed), messages(&refused));
    assert_eq!(through.len(), ALLOWANCE);
    assert!(through.is_disjoint(&back), "asked again, a message gets the same answer");
    let used_up =
        |answer: &Answer| matches!(answer, Answer::Reject(r) if r.text.ends_with("used up its messages"));
    assert!(refused.iter().all(|(_, answer)| used_up(answer)), "{refused:?}");
    // In the database each stands once, and nothing is left.
    for n in 0..60 {
        let spent = world.ops.store.spend_demo(demo.id, &format!("m{n}"), &world.cause()).await.unwrap();
        assert_eq!(spent, if through.contains(&n) { Spent::Before } else { Spent::Not }, "m{n}");
    }
    let domain = world.ops.store.domain(account, demo.id).await.unwrap().unwrap();
    assert_eq!(domain.demo_messages_left, 0);
    let events = world.ops.store.events(account, demo.id, None, 100).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.to.as_deref() == Some("demo_exhausted")).count(), 1);
}
