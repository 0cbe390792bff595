//! What clients may take: cookies, answers per second, connections.

use super::*;
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};

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

#[tokio::test]
async fn a_flood_is_limited_but_not_for_those_who_are_there() {
    let (client, bound) = limited().await;
    let first = client.udp(&with_cookie(b"abcdefgh")).await;
    let cookie = cookie(&first);
    let asked = question(NAME, RecordType::A).to_vec().unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for _ in 0..100 {
        socket.send_to(&asked, client.at).await.unwrap();
    }
    let (mut whole, mut cut) = (0, 0);
    let mut buffer = [0; 2_000];
    while let Ok(received) = tokio::time::timeout(Duration::from_millis(500), socket.recv(&mut buffer)).await
    {
        let answer = Message::from_vec(&buffer[..received.unwrap()]).unwrap();
        if answer.metadata.truncation {
            assert!(answer.answers.is_empty() && answer.edns.is_some());
            cut += 1;
        } else {
            assert_eq!(answer.answers.len(), 1);
            whole += 1;
        }
    }
    // Each second of a slow run lets five more through.
    assert!((4..30).contains(&whole) && (30..49).contains(&cut), "{whole} whole, {cut} cut short");
    assert_eq!(bound.counters().rate_slipped(), cut);
    assert_eq!(bound.counters().rate_dropped(), 100 - whole - cut);

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
    for _ in 0..50 {
        if bound.counters().connections() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
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

/// How many whole answers there are to a hundred datagrams sent at once.
async fn whole_answers(at: SocketAddr, datagrams: impl IntoIterator<Item = Vec<u8>>) -> usize {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for datagram in datagrams {
        socket.send_to(&datagram, at).await.unwrap();
    }
    let (mut whole, mut buffer) = (0, [0; 2_000]);
    while let Ok(received) = tokio::time::timeout(Duration::from_millis(500), socket.recv(&mut buffer)).await
    {
        whole += usize::from(buffer[..received.unwrap()][2] & 2 == 0);
    }
    whole
}

#[tokio::test]
async fn neither_odd_types_nor_noise_go_round_the_limit() {
    let (client, _bound) = limited().await;
    let types = (1_000..1_100).map(|code| question(NAME, RecordType::Unknown(code)).to_vec().unwrap());
    assert!(whole_answers(client.at, types).await < 30);
    let noise = (0..100u8).map(|id| vec![id, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 63]);
    assert!(whole_answers(client.at, noise).await < 30);
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
