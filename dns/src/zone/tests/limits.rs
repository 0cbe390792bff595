//! What clients may take: cookies, answers per second, connections.

use super::*;
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use std::time::Instant;

const NAME: &str = "bounce.signet.test";

async fn limited() -> (Client, Bound) {
    let limits = Limits { answers_per_second: Some(5), connections: 4, connections_per_client: 3 };
    Client::limited(own_zone(source()), limits).await
}

fn with_cookie(octets: &[u8]) -> Message {
    let mut message = question(NAME, RecordType::A);
    let edns = message.edns.as_mut().unwrap();
    edns.options_mut().insert(EdnsOption::Unknown(10, octets.to_vec()));
    message
}

fn cookie(answer: &Message) -> Vec<u8> {
    let option = answer.edns.as_ref().unwrap().option(EdnsCode::Cookie);
    let Some(EdnsOption::Unknown(10, octets)) = option else { panic!("{answer}") };
    octets.clone()
}

/// What comes back to a hundred datagrams, until of each it is known what became
/// of it.
async fn answers_to(at: SocketAddr, bound: &Bound, hundred: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let dropped_before = bound.counters().rate_dropped();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for datagram in &hundred {
        socket.send_to(datagram, at).await.unwrap();
    }
    let (mut answers, mut buffer) = (Vec::new(), [0; 2_000]);
    let deadline = Instant::now() + Duration::from_secs(60);
    let dropped = || (bound.counters().rate_dropped() - dropped_before) as usize;
    while answers.len() + dropped() < hundred.len() {
        assert!(Instant::now() < deadline, "{} answers, {} dropped", answers.len(), dropped());
        // The last of them may be dropped.
        let received = tokio::time::timeout(Duration::from_millis(20), socket.recv(&mut buffer)).await;
        answers.extend(received.ok().map(|length| buffer[..length.unwrap()].to_vec()));
    }
    answers
}

/// The most that may be let through since `began`, of a kind: five, and five more
/// each second.
fn allowed(began: Instant) -> u64 {
    5 * (2 + began.elapsed().as_secs())
}

#[tokio::test]
async fn a_flood_is_limited_but_not_for_those_who_are_there() {
    let began = Instant::now();
    let (client, bound) = limited().await;
    let first = client.udp(&with_cookie(b"abcdefgh")).await;
    let cookie = cookie(&first);
    let asked = question(NAME, RecordType::A).to_vec().unwrap();
    let (mut whole, mut cut) = (0, 0_u64);
    for answer in answers_to(client.at, &bound, vec![asked; 100]).await {
        let answer = Message::from_vec(&answer).unwrap();
        if answer.metadata.truncation {
            assert!(answer.answers.is_empty() && answer.edns.is_some());
            cut += 1;
        } else {
            assert_eq!(answer.answers.len(), 1);
            whole += 1;
        }
    }
    let dropped = bound.counters().rate_dropped();
    assert!((4..=allowed(began)).contains(&whole), "{whole} whole");
    // One after the other, beginning anew after each that is let through.
    assert!(cut > 0 && cut.abs_diff(dropped) <= whole, "{cut} cut short, {dropped} dropped");
    assert_eq!(bound.counters().rate_slipped(), cut);

    // With a cookie and over TCP it goes on as before.
    for _ in 0..20 {
        assert_eq!(client.udp(&with_cookie(&cookie)).await.answers.len(), 1);
    }
    assert_eq!(client.tcp(&question(NAME, RecordType::A)).await.answers.len(), 1);
    let counters = bound.counters();
    let count = |transport, rcode| {
        counters.answers().find(|(t, r, _)| (*t, *r) == (transport, rcode)).map(|(.., count)| count)
    };
    assert_eq!(count("udp", "noerror"), Some(1 + whole + cut + 20));
    assert_eq!(count("tcp", "noerror"), Some(1));
}

#[tokio::test]
async fn cookies_that_cannot_be_are_refused() {
    let client = Client::of(own_zone(source())).await;
    for length in [0, 1, 7, 9, 15, 41] {
        let answer = client.udp(&with_cookie(&vec![1; length])).await;
        assert_eq!(answer.metadata.response_code, ResponseCode::FormErr, "{length}");
    }
    let mut bad_version = with_cookie(b"abcdefgh");
    bad_version.edns.as_mut().unwrap().set_version(1);
    assert_eq!(cookie(&client.udp(&bad_version).await).len(), 24);
    assert!(client.ask(NAME, RecordType::A).await.edns.unwrap().option(EdnsCode::Cookie).is_none());
    // Where the cookie is what does not fit, the answer is cut short as well.
    let mut small = with_cookie(b"abcdefgh");
    small.queries[0] = question("sg1.abcdefghijklmnop.dkim.signet.test", RecordType::TXT).queries[0].clone();
    small.edns.as_mut().unwrap().set_max_payload(512);
    let bytes = client.udp_bytes(&small.to_vec().unwrap()).await.unwrap();
    assert!(bytes.len() <= 512, "{}", bytes.len());
}

#[tokio::test]
async fn connections_are_counted_and_given_back() {
    let (client, bound) = limited().await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(client.at).await.unwrap();
        // Answered, so that it has its place.
        let bytes = question(NAME, RecordType::A).to_vec().unwrap();
        stream.write_u16(bytes.len() as u16).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let mut reply = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut reply).await.unwrap();
        open.push(stream);
    }
    assert_eq!(bound.counters().connections(), 3);
    let mut fourth = TcpStream::connect(client.at).await.unwrap();
    assert_eq!(fourth.read(&mut [0; 1]).await.unwrap_or(0), 0, "closed at once");
    assert_eq!(bound.counters().connections_turned_away(), 1);
    open.clear();
    let closed = async {
        while bound.counters().connections() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), closed).await.expect("all places are free again");
    assert_eq!(client.tcp(&question(NAME, RecordType::A)).await.answers.len(), 1);
}

#[tokio::test]
async fn several_questions_in_one_connection_and_what_is_none() {
    let client = Client::of(own_zone(source())).await;
    let mut stream = TcpStream::connect(client.at).await.unwrap();
    let mut all = Vec::new();
    for name in [NAME, "nothing.signet.test"] {
        let bytes = question(name, RecordType::A).to_vec().unwrap();
        all.extend((bytes.len() as u16).to_be_bytes());
        all.extend(bytes);
    }
    // A response is never answered, nor is what has no header; what is broken
    // behind the header is.
    let mut response = question(NAME, RecordType::A);
    response.metadata.message_type = MessageType::Response;
    let response = response.to_vec().unwrap();
    all.extend((response.len() as u16).to_be_bytes());
    all.extend(response);
    all.extend([0, 3, 1, 2, 3]);
    all.extend([0, 13, 9, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 63]);
    stream.write_all(&all).await.unwrap();
    let mut codes = Vec::new();
    for _ in 0..3 {
        let mut reply = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut reply).await.unwrap();
        codes.push(Message::from_vec(&reply).unwrap().metadata.response_code);
    }
    assert_eq!(codes, [ResponseCode::NoError, ResponseCode::NXDomain, ResponseCode::FormErr]);
}

#[tokio::test]
async fn neither_odd_types_nor_noise_go_round_the_limit() {
    let (client, bound) = limited().await;
    let whole = async |datagrams| {
        let answers = answers_to(client.at, &bound, datagrams).await;
        answers.iter().filter(|answer| answer[2] & 2 == 0).count() as u64
    };
    let began = Instant::now();
    let types = (1_000..1_100).map(|code| question(NAME, RecordType::Unknown(code)).to_vec().unwrap());
    assert!(whole(types.collect()).await <= allowed(began));
    let began = Instant::now();
    let noise = (0..100u8).map(|id| vec![id, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 63]);
    assert!(whole(noise.collect()).await <= allowed(began));
}

#[tokio::test]
async fn a_full_house_makes_room_for_those_who_have_least() {
    let (client, bound) = limited().await;
    let asked = question(NAME, RecordType::A).to_vec().unwrap();
    let ask = async |stream: &mut TcpStream| {
        stream.write_u16(asked.len() as u16).await?;
        stream.write_all(&asked).await?;
        let mut reply = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut reply).await.map(drop)
    };
    let connect = async |host: u8| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, host], 0).into()).unwrap();
        let mut stream = socket.connect(client.at).await.unwrap();
        ask(&mut stream).await.map(|()| stream)
    };
    let mut greedy = Vec::new();
    for _ in 0..3 {
        greedy.push(connect(1).await.unwrap());
    }
    connect(2).await.map(|stream| greedy.push(stream)).unwrap();
    // All four places are taken.
    let mut last = connect(3).await.unwrap();
    assert!(ask(&mut greedy[0]).await.is_err(), "the oldest of three");
    for other in &mut greedy[1..] {
        ask(other).await.unwrap();
    }
    ask(&mut last).await.unwrap();
    assert!(connect(3).await.is_err(), "one more would only change who has two");
    assert_eq!(bound.counters().connections_turned_away(), 1);
}

#[tokio::test]
async fn a_question_for_a_cookie_alone() {
    let client = Client::of(own_zone(source())).await;
    let mut asked = with_cookie(b"abcdefgh");
    asked.queries.clear();
    let answer = client.udp(&asked).await;
    assert_eq!((answer.metadata.response_code, cookie(&answer).len()), (ResponseCode::NoError, 24));
}
