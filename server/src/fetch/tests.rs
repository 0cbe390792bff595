//! The real guard against literal DNS and a literal web server on loopback.
//! Where a test needs a public address to be reachable, the address has a
//! stand-in; whether it may be connected to is decided before that.

use super::*;
use signet_dns::testing::{Fake, Fault, RESOLVER, Rule, Zone};
use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

const PUBLIC: &str = "8.8.8.8";

/// Answers every request with what `answer` makes of its first line.
struct Web {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl Web {
    async fn start(answer: fn(&str) -> Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, connections) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicUsize>::default());
        let (seen, count) = (Arc::clone(&requests), Arc::clone(&connections));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let seen = Arc::clone(&seen);
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while !request.windows(4).any(|w| w == b"\r\n\r\n") {
                        let mut buffer = [0; 4096];
                        match stream.read(&mut buffer).await {
                            Ok(length) if length > 0 => request.extend_from_slice(&buffer[..length]),
                            _ => return,
                        }
                    }
                    let request = String::from_utf8(request).unwrap();
                    let parts = answer(request.lines().next().unwrap_or_default());
                    seen.lock().unwrap().push(request);
                    for part in parts {
                        if stream.write_all(&part).await.is_err() {
                            return;
                        }
                        tokio::time::sleep(Duration::from_millis(40)).await;
                    }
                });
            }
        });
        Self { address, requests, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn whole(status: &str, headers: &str, body: &[u8]) -> Vec<Vec<u8>> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len());
    vec![[head.as_bytes(), body].concat()]
}

fn redirect(to: &str) -> Vec<Vec<u8>> {
    whole("302 Found", &format!("location: {to}\r\n"), b"")
}

fn site(request: &str) -> Vec<Vec<u8>> {
    match request.split(' ').nth(1).unwrap_or_default() {
        "/" => whole("200 OK", "content-type: text/html\r\n", b"<p>Acme</p>"),
        "/gone" => whole("410 Gone", "", b"gone"),
        "/loopback" => redirect("http://127.0.0.1/"),
        "/hex" => redirect("http://0x7f.1/"),
        "/metadata" => redirect("http://169.254.169.254/latest/meta-data/"),
        "/inside" => redirect("http://inside.test/"),
        "/file" => redirect("file:///etc/passwd"),
        "/user" => redirect("http://admin:admin@site.test/"),
        "/nowhere" => redirect("http://"),
        "/3" => redirect("/2"),
        "/4" => redirect("/3"),
        "/2" => redirect("/1"),
        "/1" => redirect("http://www.site.test/"),
        "/big" => whole("200 OK", "", &vec![b'x'; 2 << 20]),
        "/packed" => whole("200 OK", "content-encoding: gzip\r\n", &[0x1f, 0x8b]),
        "/slow" => {
            let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n".to_vec();
            std::iter::once(head).chain((0..1000).map(|_| b"x".to_vec())).collect()
        }
        "/never" => vec![vec![]; 1000],
        "/hook" => whole("503 Busy", "retry-after: 120\r\n", b"come back later"),
        "/noise" => vec![b"220 mail.test ESMTP\r\n".to_vec()],
        _ => whole("404 Not Found", "", b""),
    }
}

async fn dns() -> Fake {
    let records = [
        "site A 8.8.8.8",
        "www.site CNAME site",
        "inside A 10.1.2.3",
        "inside6 AAAA fd00::1",
        "mapped AAAA ::ffff:10.0.0.1",
        "nat64 AAAA 64:ff9b::a00:1",
        "mixed A 8.8.8.8",
        "mixed A 10.1.2.3",
        "mixed6 A 8.8.8.8",
        "mixed6 AAAA ::1",
        "alias CNAME inside",
        "loop CNAME loop2",
        "loop2 CNAME loop",
        "empty TXT nothing",
    ];
    Fake::start(vec![Zone::new("test", &[2], &records)], vec![]).await
}

/// With time for everything, on slow machines, too.
async fn fetching(fake: &Fake, web: &Web) -> Fetcher {
    fetching_within(fake, web, Duration::from_secs(20)).await
}

async fn fetching_within(fake: &Fake, web: &Web, timeout: Duration) -> Fetcher {
    let mut guard = Guard::new(Asker::new(fake.settings()).await.unwrap(), false);
    guard.stand_ins.push((PUBLIC.parse().unwrap(), web.address));
    Fetcher::guarded(guard, timeout)
}

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_page_comes_with_where_it_was_found() {
    let (fake, web) = (dns().await, Web::start(site).await);
    let fetcher = fetching(&fake, &web).await;
    let page = fetcher.get(&url("http://site.test/3")).await.unwrap();
    assert_eq!((page.url.as_str(), page.status), ("http://www.site.test/", 200));
    assert_eq!((page.body.as_slice(), page.truncated), (&b"<p>Acme</p>"[..], false));
    assert_eq!(page.content_type.as_deref(), Some("text/html"));
    assert_eq!(fetcher.get(&url("http://site.test/gone")).await.unwrap().status, 410);
    let requests = web.requests();
    let first = requests[0].to_lowercase();
    assert!(first.contains(concat!("user-agent: signet/", env!("CARGO_PKG_VERSION"), "\r\n")), "{first}");
    assert!(first.contains("accept-encoding: identity\r\n") && first.contains("host: site.test\r\n"));
    assert!(!requests.concat().to_lowercase().contains("referer"));
    // Nothing is used twice: a connection is to what has just been looked up.
    assert_eq!(web.connections(), requests.len());
}

#[tokio::test]
async fn urls_that_are_not_followed() {
    let (fake, web) = (dns().await, Web::start(site).await);
    let fetcher = fetching(&fake, &web).await;
    let private = |host: &str, address: &str| FetchError::Private {
        host: host.to_string(),
        address: address.parse::<IpAddr>().unwrap(),
    };
    for (text, error) in [
        ("ftp://site.test/", FetchError::Scheme("ftp".to_string())),
        ("file:///etc/passwd", FetchError::Scheme("file".to_string())),
        ("http://jo@site.test/", FetchError::Credentials),
        ("http://:secret@site.test/", FetchError::Credentials),
        ("http://localhost/", FetchError::Host),
        ("http://intranet/", FetchError::Host),
        ("http://a%2ab.test/", FetchError::Host),
        ("http://site.test:25/", FetchError::Port(25)),
        ("http://site.test:22/", FetchError::Port(22)),
        ("http://127.0.0.1/", private("127.0.0.1", "127.0.0.1")),
        ("http://2130706433/", private("127.0.0.1", "127.0.0.1")),
        ("http://0177.0.0.01/", private("127.0.0.1", "127.0.0.1")),
        ("http://0x7f.1/", private("127.0.0.1", "127.0.0.1")),
        ("http://127.0.0.1./", private("127.0.0.1", "127.0.0.1")),
        ("http://①②⑦.0.0.1/", private("127.0.0.1", "127.0.0.1")),
        ("http://0/", private("0.0.0.0", "0.0.0.0")),
        ("http://[::1]/", private("::1", "::1")),
        ("http://[::ffff:127.0.0.1]/", private("::ffff:127.0.0.1", "::ffff:127.0.0.1")),
        ("http://[64:ff9b::10.0.0.1]/", private("64:ff9b::a00:1", "64:ff9b::a00:1")),
        ("http://[2002:a00:1::]/", private("2002:a00:1::", "2002:a00:1::")),
        ("http://169.254.169.254/", private("169.254.169.254", "169.254.169.254")),
        ("http://inside.test/", private("inside.test", "10.1.2.3")),
        ("http://inside6.test/", private("inside6.test", "fd00::1")),
        ("http://mapped.test/", private("mapped.test", "::ffff:10.0.0.1")),
        ("http://nat64.test/", private("nat64.test", "64:ff9b::a00:1")),
        ("http://mixed.test/", private("mixed.test", "10.1.2.3")),
        ("http://mixed6.test/", private("mixed6.test", "::1")),
        ("http://alias.test/", private("alias.test", "10.1.2.3")),
        ("https://inside.test/", private("inside.test", "10.1.2.3")),
        ("http://empty.test/", FetchError::NoAddress("empty.test".to_string())),
        ("http://nothing.test/", FetchError::NoAddress("nothing.test".to_string())),
    ] {
        assert_eq!(fetcher.get(&url(text)).await, Err(error.clone()), "{text}");
        assert!(error.is_the_sites(), "{text}");
    }
    assert_eq!(web.connections(), 0);
}

#[tokio::test]
async fn redirects_are_checked_like_the_first_url() {
    let (fake, web) = (dns().await, Web::start(site).await);
    let fetcher = fetching(&fake, &web).await;
    let private = |host: &str, address: &str| FetchError::Private {
        host: host.into(),
        address: address.parse().unwrap(),
    };
    for (path, error) in [
        ("loopback", private("127.0.0.1", "127.0.0.1")),
        ("hex", private("127.0.0.1", "127.0.0.1")),
        ("metadata", private("169.254.169.254", "169.254.169.254")),
        ("inside", private("inside.test", "10.1.2.3")),
        ("file", FetchError::Scheme("file".to_string())),
        ("user", FetchError::Credentials),
        ("nowhere", FetchError::BadRedirect),
        ("4", FetchError::TooManyRedirects),
    ] {
        assert_eq!(fetcher.get(&url(&format!("http://site.test/{path}"))).await, Err(error), "{path}");
    }
}

#[tokio::test]
async fn there_is_no_second_look_up_to_answer_differently() {
    let (fake, web) = (dns().await, Web::start(site).await);
    let fetcher = fetching(&fake, &web).await;
    let _ = fake.asked();
    fetcher.get(&url("http://site.test/")).await.unwrap();
    let asked: Vec<String> = fake.asked().into_iter().map(|a| format!("{} {}", a.name, a.rtype)).collect();
    assert_eq!(asked.len(), 2, "one look-up of each family: {asked:?}");
    // The name means something else now; each request sees that for itself.
    fake.set_zones(vec![Zone::new("test", &[2], &["site A 127.0.0.1"])]);
    let error = fetcher.get(&url("http://site.test/")).await.unwrap_err();
    assert_eq!(
        error,
        FetchError::Private { host: "site.test".into(), address: "127.0.0.1".parse().unwrap() }
    );
    assert_eq!(web.connections(), 1);
}

#[tokio::test]
async fn bodies_have_a_bound_and_everything_a_deadline() {
    let (fake, web) = (dns().await, Web::start(site).await);
    let fetcher = fetching(&fake, &web).await;
    let big = fetcher.get(&url("http://site.test/big")).await.unwrap();
    assert_eq!((big.body.len(), big.truncated), (1 << 20, true));
    let packed = fetcher.get(&url("http://site.test/packed")).await.unwrap();
    assert!(packed.encoded && packed.body.is_empty());
    let hasty = fetching_within(&fake, &web, Duration::from_millis(1500)).await;
    assert_eq!(hasty.get(&url("http://site.test/slow")).await, Err(FetchError::Timeout));
    let noise = fetcher.get(&url("http://site.test/noise")).await.unwrap_err();
    assert!(matches!(noise, FetchError::Broken(_)) && !noise.is_the_sites(), "{noise:?}");
}

#[tokio::test]
async fn what_is_no_fault_of_the_site() {
    let (fake, web) = (dns().await, Web::start(site).await);
    let fetcher = fetching(&fake, &web).await;
    let looping = fetcher.get(&url("http://loop.test/")).await.unwrap_err();
    assert!(matches!(looping, FetchError::Dns { .. }), "{looping:?}");
    fake.set_rules(vec![Rule::at(RESOLVER, Fault::Rcode(2))]);
    let failed = fetcher.get(&url("http://site.test/")).await.unwrap_err();
    assert!(matches!(failed, FetchError::Dns { .. }) && !failed.is_the_sites(), "{failed:?}");
    // Nobody listens: that is the site's.
    fake.set_rules(vec![]);
    let closed = Web { address: "127.0.0.1:1".parse().unwrap(), ..web };
    let there = fetching(&fake, &closed).await;
    let refused = there.get(&url("http://site.test/")).await.unwrap_err();
    assert!(refused == FetchError::Refused && refused.is_the_sites(), "{refused:?}");
}

#[tokio::test]
async fn what_is_no_tls_is_told_apart() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (fake, web) = (dns().await, Web::start(site).await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = Web { address: listener.local_addr().unwrap(), ..web };
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let error = fetching(&fake, &plain).await.get(&url("https://site.test/")).await.unwrap_err();
    assert!(matches!(error, FetchError::Tls(_)) && error.is_the_sites(), "{error:?}");
}

#[tokio::test]
async fn a_post_follows_nothing_and_reads_little() {
    let (fake, web) = (dns().await, Web::start(site).await);
    let fetcher = fetching(&fake, &web).await;
    let limits = |timeout| Limits { timeout, body_bytes: 4 };
    let mut headers = HeaderMap::new();
    headers.insert("x-signature", HeaderValue::from_static("abc"));
    let post_within = |timeout: Duration, path: &'static str| {
        let (fetcher, headers) = (fetcher.clone(), headers.clone());
        async move { fetcher.post(&url(path), headers, b"{}".to_vec(), limits(timeout)).await }
    };
    let post = |path| post_within(Duration::from_secs(20), path);
    let answer = post("http://site.test/hook").await.unwrap();
    assert_eq!(answer, Answer { status: 503, retry_after: Some(120), body: b"come".to_vec() });
    assert!(web.requests()[0].starts_with("POST /hook ") && web.requests()[0].contains("x-signature: abc"));
    assert_eq!(post("http://site.test/1").await.unwrap().status, 302);
    // Once there is a status, a body that never ends takes nothing from it.
    assert_eq!(post("http://site.test/slow").await.unwrap().status, 200);
    let never = post_within(Duration::from_millis(1500), "http://site.test/never").await;
    assert_eq!(never, Err(FetchError::Timeout));
    assert!(matches!(post("http://inside.test/hook").await, Err(FetchError::Private { .. })));
    assert!(matches!(post("http://10.0.0.1/hook").await, Err(FetchError::Private { .. })));
}

#[tokio::test]
async fn a_closed_network_may_allow_its_own_addresses() {
    let (fake, web) = (dns().await, Web::start(site).await);
    let asker = Asker::new(fake.settings()).await.unwrap();
    let here = url(&format!("http://{}/", web.address));
    assert_eq!(Fetcher::new(asker.clone(), true).get(&here).await.unwrap().status, 200);
    assert!(matches!(Fetcher::new(asker, false).get(&here).await, Err(FetchError::Private { .. })));
}
