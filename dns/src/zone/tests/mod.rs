//! The zones, asked over real sockets.

mod internet;
mod own;
mod transfer;
mod wire;

use super::*;
use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, Query, ResponseCode},
    rr::{Name as WireName, RData, RecordType},
    serialize::binary::{BinDecodable, BinDecoder},
};
use signet_core::{
    names::{Name, RecordId},
    plan::{Provider, SpfMode},
};
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
};

pub(super) const ID: &str = "abcdefghijklmnop";
pub(super) const KEYLESS: &str = "bbbbbbbbbbbbbbbb";
pub(super) const BROKEN: &str = "cccccccccccccccc";
pub(super) const DEMO_ID: &str = "dddddddddddddddd";

pub(super) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub(super) fn id(text: &str) -> RecordId {
    RecordId::parse(text).unwrap()
}

pub(super) fn provider() -> Provider {
    Provider {
        zone: name("signet.test"),
        prefix: "sg".to_owned(),
        demo_zone: name("demo.signet.test"),
        spf_mode: SpfMode::Recommended,
        dmarc_rua: Some("reports@dmarc.signet.test".to_owned()),
        sending_ips: vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
    }
}

/// A literal store.
#[derive(Default)]
pub(super) struct Literal {
    pub(super) keys: Mutex<HashMap<RecordId, Keys>>,
    pub(super) asked: AtomicUsize,
}

#[async_trait::async_trait]
impl ZoneSource for Literal {
    async fn keys(&self, id: &RecordId) -> Result<Option<Keys>, SourceFailed> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if id.as_str() == BROKEN {
            return Err(SourceFailed);
        }
        Ok(self.keys.lock().unwrap().get(id).cloned())
    }

    async fn demo(&self, name: &Name) -> Result<Option<RecordId>, SourceFailed> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        assert_eq!(name.parent(), Some(provider().demo_zone), "asked about {name}");
        Ok((name.first_label() == "shop").then(|| id(DEMO_ID)))
    }
}

/// A key record as long as one with an RSA-2048 key.
pub(super) fn key_text() -> String {
    format!("v=DKIM1; k=rsa; p={}", &"MIIBIjANBgkqhkiG".repeat(25)[..392])
}

pub(super) fn source() -> Arc<Literal> {
    let source = Literal::default();
    let keys = [
        (id(ID), [Some(key_text()), None]),
        (id(KEYLESS), [None, None]),
        (id(DEMO_ID), [Some(key_text()), None]),
    ];
    source.keys.lock().unwrap().extend(keys);
    Arc::new(source)
}

pub(super) fn own_zone(source: Arc<Literal>) -> Arc<OwnZone> {
    Arc::new(OwnZone::new(OwnZoneSettings::new(provider()), source).unwrap())
}

/// A listener on a free loopback port, and a client for it.
pub(super) struct Client {
    pub(super) at: SocketAddr,
}

impl Client {
    pub(super) async fn of(answers: Arc<dyn Answers>) -> Self {
        let bound =
            serve("127.0.0.1:0".parse().unwrap(), answers, Serving::default(), std::future::pending())
                .await
                .unwrap();
        Self { at: bound.local_addr() }
    }

    pub(super) async fn ask(&self, name: &str, rtype: RecordType) -> Message {
        self.udp(&question(name, rtype)).await
    }

    pub(super) async fn udp(&self, message: &Message) -> Message {
        let reply = self.udp_bytes(&message.to_vec().unwrap()).await.expect("an answer");
        checked(message, &reply)
    }

    /// What comes back to these bytes within two seconds.
    pub(super) async fn udp_bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.send_to(bytes, self.at).await.unwrap();
        let mut buffer = vec![0; 65_535];
        let received = tokio::time::timeout(Duration::from_secs(2), socket.recv(&mut buffer)).await;
        received.ok().map(|length| buffer[..length.unwrap()].to_vec())
    }

    pub(super) async fn tcp(&self, message: &Message) -> Message {
        let bytes = message.to_vec().unwrap();
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        stream.write_u16(bytes.len() as u16).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let mut reply = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut reply).await.unwrap();
        checked(message, &reply)
    }
}

fn checked(asked: &Message, reply: &[u8]) -> Message {
    let mut decoder = BinDecoder::new(reply);
    let answer = Message::read(&mut decoder).unwrap();
    assert!(decoder.is_empty(), "bytes after the message");
    assert_eq!(answer.metadata.id, asked.metadata.id);
    assert_eq!(answer.metadata.message_type, MessageType::Response);
    assert_eq!(answer.edns.is_some(), asked.edns.is_some(), "EDNS is answered with EDNS");
    answer
}

/// A question as a resolver asks it.
pub(super) fn question(name: &str, rtype: RecordType) -> Message {
    let mut message = plain_question(name, rtype);
    let mut edns = Edns::new();
    edns.set_max_payload(1232);
    message.set_edns(edns);
    message
}

pub(super) fn plain_question(name: &str, rtype: RecordType) -> Message {
    let mut message = Message::new(4711, MessageType::Query, OpCode::Query);
    message.add_query(Query::query(WireName::from_ascii(format!("{name}.")).unwrap(), rtype));
    message
}

/// The answers, as in a zone file, without TTL.
pub(super) fn answers(message: &Message) -> Vec<String> {
    message.answers.iter().map(|r| format!("{} {} {}", r.name, r.record_type(), rdata(&r.data))).collect()
}

pub(super) fn rdata(data: &RData) -> String {
    match data {
        RData::TXT(txt) => String::from_utf8(txt.txt_data.concat()).unwrap(),
        other => other.to_string(),
    }
}

/// Owner and TTL of the SOA in a negative answer.
pub(super) fn soa(message: &Message) -> Option<(String, u32)> {
    let [record] = message.authorities.as_slice() else { return None };
    assert_eq!(record.record_type(), RecordType::SOA);
    Some((record.name.to_string(), record.ttl))
}

pub(super) fn assert_nodata(message: &Message, apex: &str) {
    assert_eq!(message.metadata.response_code, ResponseCode::NoError, "{message}");
    assert!(message.answers.is_empty(), "{message}");
    assert_eq!(soa(message).map(|(owner, _)| owner).as_deref(), Some(apex), "{message}");
}

pub(super) fn assert_nxdomain(message: &Message, apex: &str) {
    assert_eq!(message.metadata.response_code, ResponseCode::NXDomain, "{message}");
    assert_eq!(soa(message).map(|(owner, _)| owner).as_deref(), Some(apex), "{message}");
}
