//! Sockets, and what comes in through them.

use super::*;
use std::os::unix::fs::PermissionsExt as _;
use tokio::net::{UnixListener, UnixStream};

#[tokio::test]
async fn a_unix_socket() {
    let world = World::sqlite().await;
    let path = world.directory.path().join("policy.sock");
    let listen = PolicyListen::Unix(path.clone());
    let start = async || {
        let (stop, stopped) = watch::channel(false);
        policy::serve(world.ops.clone(), &listen, Limits::default(), stopped).await.map(|bound| (bound, stop))
    };
    // What a killed server leaves behind.
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let (bound, stop) = start().await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    assert_eq!(start().await.map(drop).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    let mut client = Client(UnixStream::connect(&path).await.unwrap());
    for _ in 0..3 {
        let answer = client.asks(&rcpt("jo@nobody.example", "ann@example.net")).await;
        assert_eq!(answer, refused("nobody.example", "it is not registered"));
    }
    stop.send(true).unwrap();
    bound.finished().await;
    assert_eq!(client.answer().await, None, "closed between requests");
    assert!(!path.exists());

    std::fs::write(&path, "mine").unwrap();
    assert_eq!(start().await.map(drop).unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    std::fs::remove_file(&path).unwrap();

    // Somebody else's socket in our place is not ours to remove.
    let (bound, stop) = start().await.unwrap();
    std::fs::remove_file(&path).unwrap();
    let _theirs = UnixListener::bind(&path).unwrap();
    stop.send(true).unwrap();
    bound.finished().await;
    assert!(path.exists());
}

#[tokio::test]
async fn hostile_input() {
    let limits = Limits { request: Duration::from_secs(5), ..Limits::default() };
    let world = World::with(None, limits).await;
    let malformed = |answer: Option<String>| {
        answer.is_some_and(|answer| answer.starts_with("action=451 4.3.0 malformed policy request: "))
    };
    for (what, bytes) in [
        ("an endless line", vec![b'a'; 1 << 20]),
        ("an endless value", [b"sender=".to_vec(), vec![b'a'; 1 << 20]].concat()),
        ("thousands of attributes", b"a=b\n".repeat(5000)),
        ("a very long request", [b"a=".to_vec(), vec![b'x'; 3000], b"\n".to_vec()].concat().repeat(100)),
        ("binary", (0..=255).collect::<Vec<u8>>().repeat(4)),
        ("no attribute", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("nothing", b"\n".to_vec()),
        (
            "a sender twice",
            format!("request=smtpd_access_policy\nsender=x\n{}\n", rcpt("a@b.example", "c@d.example")).into(),
        ),
        (
            "an endless instance",
            format!("request=smtpd_access_policy\n{}\n", end("", "", &"i".repeat(300))).into(),
        ),
    ] {
        let mut client = world.client().await;
        // The server may close before it has read all of it.
        let _ = client.0.write_all(&bytes).await;
        assert!(malformed(client.answer().await), "{what}");
        assert_eq!(client.answer().await, None, "{what}: closed");
    }
    let mut client = world.client().await;
    let bytes = b"request=smtpd_access_policy\nprotocol_state=RCPT\nhelo_name=\x00\xff\r\nsender=a@\xff\x00\x1b[0m\n\n";
    client.0.write_all(bytes).await.unwrap();
    assert_eq!(
        client.answer().await.unwrap(),
        refused("???[0m", "it is not registered"),
        "nothing is echoed"
    );
    assert_eq!(client.asks(&rcpt("", "ann@example.net")).await, DUNNO, "and the connection goes on");

    let begun = ["request=smtpd_access_policy\nsend", "request=smtpd_access_policy\n", "r"];
    let world = &world;
    let begun = begun.map(|begun| async move {
        let mut client = world.client().await;
        client.0.write_all(begun.as_bytes()).await.unwrap();
        assert_eq!(client.answer().await, None, "silence after {begun:?} is not waited out");
    });
    futures_util::future::join_all(begun).await;
    assert_eq!(world.sends_from("").await, DUNNO);
}

#[tokio::test]
async fn silence_and_crowds() {
    let limits = Limits { connections: 2, idle: Duration::from_secs(5), ..Limits::default() };
    let world = World::with(None, limits).await;
    let (mut first, mut second) = (world.client().await, world.client().await);
    let bounce = rcpt("", "ann@example.net");
    assert_eq!(first.asks(&bounce).await, DUNNO);
    assert_eq!(second.asks(&bounce).await, DUNNO);
    assert_eq!(world.client().await.answer().await, None, "no room");
    assert_eq!(first.asks(&bounce).await, DUNNO, "those inside are not disturbed");
    assert_eq!(first.answer().await, None, "closed for its silence");
    assert_eq!(second.answer().await, None);
    assert_eq!(world.sends_from("").await, DUNNO, "there is room again");
}

#[tokio::test]
async fn without_a_database() {
    let world = World::sqlite().await;
    let sender = format!("jo@{}", world.demo().await.name);
    let mut client = world.client().await;
    world.ops.store.close().await;
    for lines in [rcpt(&sender, "owner@example.org"), end(&sender, "owner@example.org", "a")] {
        let answer = client.asks(&lines).await;
        assert_eq!(answer, "action=451 4.3.0 The sending gate cannot decide at the moment; try again later");
    }
    assert_eq!(client.asks(&rcpt("", "ann@example.net")).await, DUNNO, "which needs no database");
}

#[tokio::test]
async fn a_stop_is_not_waited_for_by_idle_connections() {
    let mut world = World::sqlite().await;
    let mut client = world.client().await;
    assert_eq!(client.asks(&rcpt("", "ann@example.net")).await, DUNNO);
    world.stop.send(true).unwrap();
    let stopped = tokio::time::timeout(Duration::from_secs(60), world.policy.take().unwrap().finished());
    stopped.await.expect("it stops");
    assert_eq!(client.answer().await, None);
}
