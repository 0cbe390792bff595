use super::*;
use hickory_proto::{
    op::Message,
    rr::{DNSClass, RecordType as WireType, TSigResponseContext},
};
use signet_core::{
    observe::{Data, RecordType},
    plan::RecordKey,
    publish::{Action, Entry, Requirement},
};
use std::net::Ipv4Addr;
use tokio::net::TcpListener;

const NOW: u64 = 1_777_000_000;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn text(text: &str) -> Data {
    Data::Txt(vec![text.as_bytes().to_vec()])
}

fn key(secret: &[u8]) -> Key {
    Key::new(&name("key.example.com"), Algorithm::HmacSha256, secret).unwrap()
}

fn change(owner: &str, requires: Vec<Requirement>, before: Vec<Data>, after: Vec<Data>) -> Change {
    let entries = |data: Vec<Data>| data.into_iter().map(|data| Entry { data, ttl: 300 }).collect();
    Change {
        key: RecordKey::Spf,
        owner: name(owner),
        action: Action::Merge,
        reason: "because".to_string(),
        zone: Some(name("example.com")),
        before: entries(before),
        after: entries(after),
        requires,
    }
}

fn merge() -> Change {
    change(
        "example.com",
        vec![
            Requirement::None(RecordType::Cname),
            Requirement::Exactly(RecordType::Txt, vec![text("hello"), text("v=spf1 -all")]),
        ],
        vec![text("v=spf1 -all")],
        vec![text("v=spf1 mx -all")],
    )
}

#[test]
fn prerequisites_and_updates_are_as_rfc_2136_wants_them() {
    let add = change(
        "sg-1.example.com",
        vec![Requirement::NameUnused],
        vec![],
        vec![Data::Cname(name("bounce.signet.test"))],
    );
    let blocked = Change { action: Action::Blocked, ..add.clone() };
    let message = update(&name("example.com"), &[&merge(), &add, &blocked]).unwrap();
    let message = Message::from_vec(&message.to_vec().unwrap()).unwrap();
    assert_eq!(message.queries[0].query_type(), WireType::SOA);
    let line = |record: &hickory_proto::rr::Record| {
        format!(
            "{} {} {} {} {}",
            record.name,
            record.ttl,
            record.dns_class,
            record.record_type(),
            record.data
        )
    };
    let lines = |records: &[hickory_proto::rr::Record]| records.iter().map(line).collect::<Vec<_>>();
    let prerequisites = lines(&message.answers);
    assert_eq!(prerequisites.len(), 4, "{prerequisites:?}");
    assert!(prerequisites[0].starts_with("example.com. 0 NONE CNAME"), "{prerequisites:?}");
    assert_eq!(prerequisites[1], "example.com. 0 IN TXT hello");
    assert_eq!(prerequisites[2], "example.com. 0 IN TXT v=spf1 -all");
    assert!(prerequisites[3].starts_with("sg-1.example.com. 0 NONE ANY"), "{prerequisites:?}");
    assert_eq!(
        lines(&message.authorities),
        [
            "example.com. 0 NONE TXT v=spf1 -all",
            "example.com. 300 IN TXT v=spf1 mx -all",
            "sg-1.example.com. 300 IN CNAME bounce.signet.test.",
        ]
    );
    assert_eq!(message.answers[0].dns_class, DNSClass::NONE);
}

/// A server for one message, which it answers with what `answer` makes of it.
async fn serve(answer: impl FnOnce(Message) -> Option<Vec<u8>> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let length = stream.read_u16().await.unwrap();
        let mut octets = vec![0; usize::from(length)];
        stream.read_exact(&mut octets).await.unwrap();
        if let Some(answer) = answer(Message::from_vec(&octets).unwrap()) {
            stream.write_u16(u16::try_from(answer.len()).unwrap()).await.unwrap();
            stream.write_all(&answer).await.unwrap();
        }
    });
    address
}

fn response(request: &Message, code: ResponseCode) -> Message {
    Message::response(request.metadata.id, request.metadata.op_code).with_code(code)
}

trait WithCode {
    fn with_code(self, code: ResponseCode) -> Self;
}

impl WithCode for Message {
    fn with_code(mut self, code: ResponseCode) -> Self {
        self.metadata.response_code = code;
        self
    }
}

/// The answer of a server that knows the key by this secret.
fn signed(request: &Message, code: ResponseCode, secret: &[u8]) -> Vec<u8> {
    let mut answer = response(request, code);
    let mac = request.signature().unwrap().data.mac.clone();
    let context = TSigResponseContext::new(request.metadata.id, NOW, key(secret).0, mac, None);
    let tsig = context.sign(&answer.to_vec().unwrap()).unwrap();
    answer.set_signature(tsig);
    answer.to_vec().unwrap()
}

async fn sent(address: SocketAddr) -> Result<(), UpdateFailed> {
    send(address, &key(b"secret"), &name("example.com"), &[&merge()], NOW).await
}

#[tokio::test]
async fn only_a_signed_answer_is_a_success() {
    assert_eq!(
        sent(serve(|request| Some(signed(&request, ResponseCode::NoError, b"secret"))).await).await,
        Ok(())
    );
    let other = sent(serve(|request| Some(signed(&request, ResponseCode::NoError, b"other"))).await).await;
    assert!(matches!(other, Err(UpdateFailed::Malformed(_))), "{other:?}");
    let plain = serve(|request| Some(response(&request, ResponseCode::NoError).to_vec().unwrap())).await;
    let plain = sent(plain).await;
    assert!(matches!(&plain, Err(failed) if !failed.nothing_written()), "{plain:?}");
}

#[tokio::test]
async fn what_a_server_refuses_is_said() {
    for (code, wanted) in [
        (
            ResponseCode::NXRRSet,
            "the zone has changed since it was read (NXRRSET: records are others than those read)",
        ),
        (
            ResponseCode::YXDomain,
            "there is something at a name where nothing was read (YXDOMAIN): it is new, or of a type that is not \
             asked for, such as TLSA",
        ),
        (
            ResponseCode::Refused,
            "it refuses: the key may not change these names, or updates are off (REFUSED)",
        ),
        (ResponseCode::ServFail, "it answered Server Failure"),
    ] {
        let failed =
            sent(serve(move |request| Some(signed(&request, code, b"secret"))).await).await.unwrap_err();
        assert_eq!(failed.to_string(), wanted);
        assert!(failed.nothing_written());
    }
}

#[tokio::test]
async fn silence_and_nonsense_are_no_answers() {
    let gone = sent(serve(|_| None).await).await;
    assert_eq!(gone, Err(UpdateFailed::NoAnswer));
    for nonsense in [vec![], vec![0; 11], vec![0xff; 512], vec![0; 12]] {
        let failed = sent(serve(move |_| Some(nonsense)).await).await.unwrap_err();
        assert!(matches!(failed, UpdateFailed::Malformed(_)), "{failed:?}");
    }
    let another = serve(|mut request| {
        request.metadata.id ^= 1;
        Some(signed(&request, ResponseCode::NoError, b"secret"))
    });
    assert!(matches!(sent(another.await).await, Err(UpdateFailed::Malformed(_))));
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
    let failed = sent(nobody).await.unwrap_err();
    assert!(matches!(failed, UpdateFailed::Unreachable(_)) && failed.nothing_written(), "{failed:?}");
}
