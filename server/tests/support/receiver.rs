//! A literal receiver of webhooks, on loopback.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What the receiver got.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// `type domain`, for short.
    pub(crate) fn shown(&self) -> String {
        let json = self.json();
        let name = json["data"]["domain"]["name"].as_str().unwrap_or("-");
        format!("{} {name}", json["type"].as_str().unwrap())
    }

    /// Whether each of these secrets has signed it, in this order.
    pub(crate) fn is_signed_with(&self, secrets: &[&str]) -> bool {
        let (id, at) = (&self.headers["webhook-id"], &self.headers["webhook-timestamp"]);
        let signed = format!("{id}.{at}.{}", self.body);
        let sign = |secret: &&str| {
            let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
            format!("v1,{}", STANDARD.encode(tag))
        };
        let wanted: Vec<String> = secrets.iter().map(sign).collect();
        self.headers["webhook-signature"] == wanted.join(" ")
    }
}

/// How the receiver answers a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// With this, whole.
    With(String),
    /// Not at all.
    Silence,
    /// With 200 and a body without end.
    Flood,
}

pub(crate) fn status(status: u16) -> Reply {
    Reply::With(format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n"))
}

type Rule = Box<dyn Fn(&Request) -> Reply + Send + Sync>;

/// A receiver that answers as it is told.
pub(crate) struct Receiver {
    pub(crate) url: String,
    got: Arc<Mutex<Vec<Request>>>,
    rule: Arc<Mutex<Rule>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?a=b", listener.local_addr().unwrap());
        let rule: Rule = Box::new(|_| status(204));
        let (got, rule) = (Arc::<Mutex<Vec<Request>>>::default(), Arc::new(Mutex::new(rule)));
        let (all, answers) = (Arc::clone(&got), Arc::clone(&rule));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(receive(stream, Arc::clone(&all), Arc::clone(&answers)));
            }
        });
        Self { url, got, rule }
    }

    /// Answers by a rule from now on.
    pub(crate) fn answer(&self, rule: impl Fn(&Request) -> Reply + Send + Sync + 'static) {
        *self.rule.lock().unwrap() = Box::new(rule);
    }

    pub(crate) fn always(&self, reply: Reply) {
        self.answer(move |_| reply.clone());
    }

    /// Answers these one after the other, then with 204.
    pub(crate) fn in_turn(&self, replies: impl IntoIterator<Item = Reply>) {
        let replies = Mutex::new(replies.into_iter().collect::<VecDeque<_>>());
        self.answer(move |_| replies.lock().unwrap().pop_front().unwrap_or_else(|| status(204)));
    }

    pub(crate) fn got(&self) -> Vec<Request> {
        self.got.lock().unwrap().clone()
    }

    pub(crate) fn shown(&self) -> Vec<String> {
        self.got().iter().map(Request::shown).collect()
    }
}

async fn receive(mut stream: TcpStream, all: Arc<Mutex<Vec<Request>>>, rule: Arc<Mutex<Rule>>) {
    let Some(request) = read(&mut stream).await else { return };
    let reply = rule.lock().unwrap()(&request);
    all.lock().unwrap().push(request);
    match reply {
        Reply::With(text) => drop(stream.write_all(text.as_bytes()).await),
        Reply::Silence => tokio::time::sleep(Duration::from_secs(60)).await,
        Reply::Flood => {
            let mut part = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
            while stream.write_all(&part).await.is_ok() {
                part = vec![b'x'; 65_536];
            }
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let length = stream.read(&mut buffer).await.ok().filter(|&length| length > 0)?;
        bytes.extend_from_slice(&buffer[..length]);
        let text = String::from_utf8(bytes.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let mut lines = head.lines();
        assert_eq!(lines.next(), Some("POST /hook?a=b HTTP/1.1"));
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_string())
        };
        let headers: BTreeMap<_, _> = lines.map(header).collect();
        if body.len() >= headers["content-length"].parse().unwrap() {
            return Some(Request { headers, body: body.to_string() });
        }
    }
}
