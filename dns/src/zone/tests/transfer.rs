//! Transfers, signatures and NOTIFY.

use super::*;
use crate::zone::{
    tsig::{Chain, Proof, Signature, prove},
    *,
};
use hickory_proto::rr::{DNSClass, Record};
use std::sync::atomic::AtomicU64;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
};

const NOW: u64 = 1_800_000_000;

fn key() -> TsigKey {
    TsigKey::new("xfr.signet.test", "hmac-sha256", &[7; 32]).unwrap()
}

/// A good many domains: more than are read at one time.
fn many(count: u32) -> Arc<Literal> {
    let source = Literal::default();
    for number in 0..count {
        let mut bytes = [0; 10];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        let keys = [Some(key_text()), number.is_multiple_of(2).then(key_text)];
        source.keys.lock().unwrap().insert(RecordId::from_random(bytes), keys);
    }
    Arc::new(source)
}

async fn primary(domains: u32) -> (SocketAddr, Arc<OwnZone>, Arc<Literal>) {
    let source = many(domains);
    let zone = own_zone(source.clone());
    let transfers = Some(Arc::new(Transfers::new(zone.clone(), key(), Arc::new(|| NOW))));
    let serving = Serving { transfers, ..Serving::default() };
    let bound = serve("127.0.0.1:0".parse().unwrap(), zone.clone(), serving, std::future::pending());
    (bound.await.unwrap().local_addr(), zone, source)
}

fn request(kind: RecordType, key: &TsigKey, now: u64) -> (Vec<u8>, Chain) {
    signed(&question("signet.test", kind), key, now)
}

fn signed(question: &Message, key: &TsigKey, now: u64) -> (Vec<u8>, Chain) {
    let mut octets = question.to_vec().unwrap();
    let id = u16::from_be_bytes([octets[0], octets[1]]);
    let chain = key.ask(&mut octets, id, now).unwrap();
    (octets, chain)
}

/// Whatever comes back until the other side hangs up, which it does once it has
/// answered: it is told that this was all.
async fn over_tcp(at: SocketAddr, octets: &[u8]) -> Vec<Vec<u8>> {
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_u16(octets.len() as u16).await.unwrap();
    stream.write_all(octets).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut read = Vec::new();
    let end = stream.read_to_end(&mut read);
    tokio::time::timeout(Duration::from_secs(60), end).await.expect("it hangs up").unwrap();
    let (mut messages, mut rest) = (Vec::new(), read.as_slice());
    while let Some((length, behind)) = rest.split_first_chunk() {
        let (message, behind) = behind.split_at(usize::from(u16::from_be_bytes(*length)));
        messages.push(message.to_vec());
        rest = behind;
    }
    messages
}

#[tokio::test]
async fn the_whole_zone_in_signed_messages() {
    let (at, zone, source) = primary(2_500).await;
    for kind in [RecordType::AXFR, RecordType::IXFR] {
        let (octets, mut chain) = request(kind, &key(), NOW);
        let messages = over_tcp(at, &octets).await;
        assert!(messages.len() > 3, "{}", messages.len());
        let mut records = Vec::new();
        for message in &messages {
            assert!(chain.accepts(message, NOW));
            records.extend(Message::from_vec(message).unwrap().answers);
        }
        let soa = |record: &Record| record.record_type() == RecordType::SOA;
        assert!(soa(&records[0]) && records.last() == records.first(), "it begins and ends with the SOA");
        assert_eq!(records.iter().filter(|record| soa(record)).count(), 2);
        records.pop();
        let mut walk = Walk::new(&zone, &Name::parse("signet.test").unwrap()).unwrap();
        for expected in walk.step().await.unwrap().unwrap() {
            assert_eq!(records.remove(0), expected);
        }
        let (mut walked, texts) =
            (0, records.iter().filter(|record| record.record_type() == RecordType::TXT));
        assert_eq!(texts.count(), 2_500 + 1_250);
        while let Some(step) = walk.step().await.unwrap() {
            walked += step.len();
        }
        assert_eq!(records.len(), walked);
    }
    // Half a zone is none.
    source.fails.store(true, Ordering::Relaxed);
    let (octets, _) = request(RecordType::AXFR, &key(), NOW);
    let messages = over_tcp(at, &octets).await;
    let last = messages.last().and_then(|message| Message::from_vec(message).unwrap().answers.pop());
    assert!(last.is_none_or(|record| record.record_type() != RecordType::SOA));
}

#[tokio::test]
async fn nobody_else_gets_it() {
    let (at, ..) = primary(3).await;
    let code = |message: &[u8]| Message::from_vec(message).unwrap().metadata.response_code;
    let unsigned = question("signet.test", RecordType::AXFR).to_vec().unwrap();
    let stranger = TsigKey::new("xfr.signet.test", "hmac-sha256", &[8; 32]).unwrap();
    let other_name = TsigKey::new("other.signet.test", "hmac-sha256", &[7; 32]).unwrap();
    for (octets, expected) in [
        (unsigned, ResponseCode::Refused),
        (request(RecordType::AXFR, &stranger, NOW).0, ResponseCode::NotAuth),
        (request(RecordType::AXFR, &other_name, NOW).0, ResponseCode::NotAuth),
        (request(RecordType::AXFR, &key(), NOW - 301).0, ResponseCode::NotAuth),
        (request(RecordType::AXFR, &key(), NOW + 301).0, ResponseCode::NotAuth),
    ] {
        let messages = over_tcp(at, &octets).await;
        assert_eq!(messages.len(), 1);
        assert_eq!(code(&messages[0]), expected);
    }
    // One octet of it changed on the way.
    let (mut octets, _) = request(RecordType::AXFR, &key(), NOW);
    octets[14] ^= 0x20;
    assert_eq!(code(&over_tcp(at, &octets).await[0]), ResponseCode::NotAuth);
}

#[tokio::test]
async fn a_transfer_is_asked_for_as_anything_else_is() {
    let (at, ..) = primary(3).await;
    for kind in [RecordType::AXFR, RecordType::IXFR] {
        let mut chaos = question("signet.test", kind);
        chaos.queries[0].set_query_class(DNSClass::CH);
        let mut later = question("signet.test", kind);
        later.edns.as_mut().unwrap().set_version(1);
        for (message, expected) in [(chaos, ResponseCode::Refused), (later, ResponseCode::BADVERS)] {
            let (octets, mut chain) = signed(&message, &key(), NOW);
            let messages = over_tcp(at, &octets).await;
            assert_eq!(messages.len(), 1, "{message}");
            assert!(chain.accepts(&messages[0], NOW));
            let mut answer = Message::from_vec(&messages[0]).unwrap();
            let high = answer.edns.as_ref().unwrap().rcode_high();
            answer.metadata.merge_response_code(high);
            let code = u16::from(answer.metadata.response_code);
            assert_eq!((code, answer.answers.len()), (u16::from(expected), 0), "{message}");
        }
    }
}

#[tokio::test]
async fn a_signed_question_has_a_signed_answer() {
    let (at, ..) = primary(0).await;
    for kind in [RecordType::SOA, RecordType::TXT] {
        let (octets, mut chain) = request(kind, &key(), NOW);
        let over_tcp = over_tcp(at, &octets).await;
        assert!(chain.accepts(&over_tcp[0], NOW));
        let (octets, mut chain) = request(kind, &key(), NOW);
        let client = Client { at };
        assert!(chain.accepts(&client.udp_bytes(&octets).await.unwrap(), NOW));
    }
}

#[test]
fn hostile_signatures_are_refused() {
    let request = |time: u64| {
        let (octets, _) = request(RecordType::SOA, &key(), time);
        octets
    };
    for octets in [request(0), request(u64::MAX >> 16), request(1)] {
        let message = Message::from_vec(&octets).unwrap();
        let proof = prove(Some(&key()), &octets, message.signature.as_deref(), NOW);
        assert!(matches!(proof, Proof::Failed(_)));
    }
    let octets = request(NOW);
    let message = Message::from_vec(&octets).unwrap();
    assert!(matches!(prove(Some(&key()), &octets, message.signature.as_deref(), NOW), Proof::Valid(_)));
    assert!(matches!(prove(None, &octets, message.signature.as_deref(), NOW), Proof::Failed(_)));
    for cut in 0..octets.len() {
        let proof = prove(Some(&key()), &octets[..cut], message.signature.as_deref(), NOW);
        assert!(matches!(proof, Proof::Failed(_)), "{cut}");
    }
}

#[tokio::test]
async fn a_secondary_hears_of_a_change() {
    let zone = own_zone(source());
    let apex = Name::parse("signet.test").unwrap();
    let secondary = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let at = secondary.local_addr().unwrap();
    let heard = Arc::new(AtomicU64::new(0));
    let counted = heard.clone();
    tokio::spawn(async move {
        let mut buffer = vec![0; 1500];
        loop {
            let (length, from) = secondary.recv_from(&mut buffer).await.unwrap();
            let octets = &buffer[..length];
            let asked = Message::from_vec(octets).unwrap();
            assert_eq!((asked.metadata.op_code, asked.metadata.authoritative), (OpCode::Notify, true));
            assert_eq!(asked.answers[0].record_type(), RecordType::SOA);
            let Proof::Valid(chain) = prove(Some(&key()), octets, asked.signature.as_deref(), NOW) else {
                panic!("not signed");
            };
            let mut answer = Message::new(asked.id, MessageType::Response, OpCode::Notify);
            answer.queries.clone_from(&asked.queries);
            let mut reply = answer.to_vec().unwrap();
            // The first is lost, somebody else answers the second.
            match counted.fetch_add(1, Ordering::SeqCst) {
                0 => continue,
                1 => {}
                _ => {
                    Signature::Right(chain, asked.id).add(&mut reply, NOW).unwrap();
                }
            }
            secondary.send_to(&reply, from).await.unwrap();
        }
    });
    notify(&zone, &apex, at, None, &key(), &|| NOW, 77).await.unwrap();
    // More on a machine that is slow to answer.
    assert!(heard.load(Ordering::SeqCst) >= 3);
    let elsewhere = Name::parse("elsewhere.test").unwrap();
    let failed = notify(&zone, &elsewhere, at, None, &key(), &|| NOW, 78).await;
    assert!(matches!(failed, Err(NotifyFailed::NoSuchZone)));
}

#[tokio::test]
async fn a_secondary_with_a_wrong_clock_is_told_the_time() {
    let (at, ..) = primary(0).await;
    let (octets, _) = request(RecordType::SOA, &key(), NOW - 1_000);
    let answer = Message::from_vec(&Client { at }.udp_bytes(&octets).await.unwrap()).unwrap();
    assert_eq!(answer.metadata.response_code, ResponseCode::NotAuth);
    let tsig = answer.signature.unwrap().data;
    // RFC 8945 §5.2.3: signed, with their time, and ours beside.
    assert_eq!((tsig.time, tsig.error.map(u16::from), tsig.mac.len()), (NOW - 1_000, Some(18), 32));
    assert_eq!(tsig.other, NOW.to_be_bytes()[2..]);
}

#[tokio::test]
async fn a_signed_question_with_a_long_name_is_answered_without_edns() {
    let (at, ..) = primary(0).await;
    let long = TsigKey::new(&format!("{0}.{0}.{0}.test", "k".repeat(60)), "hmac-sha512", &[7; 64]).unwrap();
    for key in [key(), long] {
        let name = format!("{0}.{0}.{0}.signet.test", "n".repeat(60));
        let mut octets = plain_question(&name, RecordType::TXT).to_vec().unwrap();
        key.ask(&mut octets, 4711, NOW).unwrap();
        let answer = Client { at }.udp_bytes(&octets).await.expect("an answer");
        assert!(answer.len() <= 512);
        let answer = Message::from_vec(&answer).unwrap();
        assert!(answer.signature.is_some(), "{answer}");
    }
}

#[tokio::test]
async fn ixfr_has_the_zone_only_where_there_is_something_new() {
    let (at, zone, _) = primary(3).await;
    let ours = zone.serial();
    let ask = |serial: Option<u32>| {
        let mut message = question("signet.test", RecordType::IXFR);
        if let (Some(serial), RData::SOA(mut soa)) = (serial, zone.soa_of(&name("signet.test")).unwrap().data)
        {
            soa.serial = serial;
            message.authorities.push(Record::from_rdata(message.queries[0].name.clone(), 0, RData::SOA(soa)));
        }
        let mut octets = message.to_vec().unwrap();
        let chain = key().ask(&mut octets, 4711, NOW).unwrap();
        (octets, chain)
    };
    for (theirs, whole) in
        [(None, true), (Some(ours - 1), true), (Some(ours), false), (Some(ours + 1), false)]
    {
        let (octets, mut chain) = ask(theirs);
        let messages = over_tcp(at, &octets).await;
        assert!(messages.iter().all(|message| chain.accepts(message, NOW)));
        let first = Message::from_vec(&messages[0]).unwrap();
        assert!(first.edns.is_some(), "EDNS is answered with EDNS");
        assert_eq!(first.answers[0].record_type(), RecordType::SOA);
        assert_eq!(first.answers.len() > 1, whole, "{theirs:?}");
    }
    // RFC 1995 §2: over UDP where the zone is, which sends to TCP.
    let (octets, mut chain) = ask(Some(ours - 1));
    let octets = Client { at }.udp_bytes(&octets).await.unwrap();
    assert!(chain.accepts(&octets, NOW));
    let answer = Message::from_vec(&octets).unwrap();
    assert_eq!((answer.answers.len(), answer.answers[0].record_type()), (1, RecordType::SOA));
}
