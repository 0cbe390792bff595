//! Requests over loopback, from as little code as possible: what the client
//! takes is taken from the server, which has the same cores.

use anyhow::{Context as _, bail};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Semaphore,
    task::JoinSet,
};

/// Writes the request with this number into the buffer, which is empty.
pub(crate) type Request = Arc<dyn Fn(usize, &mut Vec<u8>) + Send + Sync>;

/// Tells how long an answer is in all, once that can be seen.
///
/// # Errors
/// When it is not the answer that was asked for.
type Whole = fn(&[u8]) -> anyhow::Result<Option<usize>>;

/// Who is asked, and how their answers end.
#[derive(Clone, Copy)]
pub(crate) struct Server {
    address: SocketAddr,
    whole: Whole,
}

impl Server {
    /// One that speaks Postfix policy delegation and lets everything pass.
    pub(crate) fn policy(address: SocketAddr) -> Self {
        Self { address, whole: nothing_against }
    }
}

impl From<SocketAddr> for Server {
    /// One that speaks HTTP and answers 200.
    fn from(address: SocketAddr) -> Self {
        Self { address, whole: length }
    }
}

/// Requests that came to an answer.
pub(crate) struct Rate {
    /// How many.
    pub(crate) requests: u64,
    /// In which time.
    pub(crate) elapsed: Duration,
}

/// Connections held open, each with one request under way at a time, for as
/// long as `time`. Runs on a thread of its own.
///
/// # Errors
/// At the first answer that is not the one asked for.
pub(crate) async fn closed_loop(
    server: impl Into<Server>,
    connections: usize,
    time: Duration,
    request: Request,
) -> anyhow::Result<Rate> {
    let server = server.into();
    apart(async move {
        let numbers = Arc::new(AtomicUsize::new(0));
        let began = Instant::now();
        let until = began + time;
        let mut clients = JoinSet::new();
        for _ in 0..connections {
            let (request, numbers) = (request.clone(), numbers.clone());
            clients.spawn_local(async move {
                let mut connection = Connection::open(server).await?;
                let mut answered = 0u64;
                while Instant::now() < until {
                    connection.ask(|buffer| request(numbers.fetch_add(1, Ordering::Relaxed), buffer)).await?;
                    answered += 1;
                }
                anyhow::Ok(answered)
            });
        }
        let mut requests = 0;
        while let Some(answered) = clients.join_next().await {
            requests += answered??;
        }
        Ok(Rate { requests, elapsed: began.elapsed() })
    })
    .await
}

/// `per_second` requests arrive for as long as `time`, whether or not those
/// before them have been answered. How long each took, from when it was to
/// arrive: what waits in a queue counts.
///
/// # Errors
/// At the first answer that is not the one asked for.
pub(crate) async fn open_loop(
    server: impl Into<Server>,
    connections: usize,
    per_second: u32,
    time: Duration,
    request: Request,
) -> anyhow::Result<Vec<Duration>> {
    let server = server.into();
    apart(async move {
        let began = Instant::now() + Duration::from_millis(50);
        let arrivals = Arrivals::start(began, per_second, time);
        let mut clients = JoinSet::new();
        for _ in 0..connections {
            let (request, arrivals) = (request.clone(), arrivals.clone());
            clients.spawn_local(async move {
                let mut connection = Connection::open(server).await?;
                let mut took = Vec::new();
                while let Some((number, due)) = arrivals.next().await {
                    connection.ask(|buffer| request(number, buffer)).await?;
                    took.push(due.elapsed());
                }
                anyhow::Ok(took)
            });
        }
        let mut took = Vec::new();
        while let Some(client) = clients.join_next().await {
            took.extend(client??);
        }
        Ok(took)
    })
    .await
}

/// A schedule of arrivals that anybody may take the next one from.
#[derive(Clone)]
pub(crate) struct Arrivals {
    began: Instant,
    every: Duration,
    count: usize,
    taken: Arc<AtomicUsize>,
    there: Arc<Semaphore>,
}

impl Arrivals {
    /// Begins the schedule. A thread keeps the time, which is finer than the
    /// runtime's milliseconds.
    pub(crate) fn start(began: Instant, per_second: u32, time: Duration) -> Self {
        let every = Duration::from_secs(1) / per_second;
        let count = usize::try_from(time.as_nanos() / every.as_nanos()).unwrap_or(usize::MAX);
        let there = Arc::new(Semaphore::new(0));
        let schedule = Self { began, every, count, taken: Arc::default(), there };
        let keeper = schedule.clone();
        std::thread::spawn(move || {
            for number in 0..keeper.count {
                std::thread::sleep(keeper.due(number).saturating_duration_since(Instant::now()));
                keeper.there.add_permits(1);
            }
            keeper.there.close();
        });
        schedule
    }

    fn due(&self, number: usize) -> Instant {
        self.began + self.every * u32::try_from(number).unwrap_or(u32::MAX)
    }

    /// The next arrival, once it is there: its number and when it was due.
    /// `None` after the last.
    pub(crate) async fn next(&self) -> Option<(usize, Instant)> {
        if let Ok(permit) = self.there.acquire().await {
            permit.forget();
        }
        // When the schedule has ended, what has arrived may not be taken yet.
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        (number < self.count).then(|| (number, self.due(number)))
    }
}

/// Runs a future on a thread and a runtime of its own, so that clients wait for
/// the server and not for its scheduler.
async fn apart<T: Send + 'static>(
    work: impl Future<Output = anyhow::Result<T>> + Send + 'static,
) -> anyhow::Result<T> {
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let result = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
            let local = tokio::task::LocalSet::new();
            local.block_on(&runtime, work)
        });
        let _ = tell.send(result);
    });
    told.await.context("the clients' thread ended early")?
}

/// Kept open, no pipelining.
pub(crate) struct Connection {
    stream: TcpStream,
    whole: Whole,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub(crate) async fn open(server: impl Into<Server>) -> anyhow::Result<Self> {
        let Server { address, whole } = server.into();
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, whole, request: Vec::new(), answer: Vec::with_capacity(16 << 10) })
    }

    /// Sends what `write` writes; the whole answer.
    ///
    /// # Errors
    /// When it is not the one asked for, or breaks off.
    pub(crate) async fn ask(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> anyhow::Result<&[u8]> {
        self.request.clear();
        write(&mut self.request);
        self.stream.write_all(&self.request).await?;
        self.answer.clear();
        let mut whole = None;
        while whole.is_none_or(|whole| self.answer.len() < whole) {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                bail!("the server hung up");
            }
            if whole.is_none() {
                whole = (self.whole)(&self.answer)?;
            }
        }
        Ok(&self.answer)
    }
}

/// How long the answer is in all, once its head is there.
fn length(answer: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&answer[..end])?;
    if !head.starts_with("HTTP/1.1 200") {
        bail!("{}", String::from_utf8_lossy(answer));
    }
    let body = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok())
        .context("an answer without Content-Length")?;
    Ok(Some(end + 4 + body))
}

/// How long an answer by Postfix policy delegation is, once its end is there.
fn nothing_against(answer: &[u8]) -> anyhow::Result<Option<usize>> {
    if !answer.ends_with(b"\n\n") {
        return Ok(None);
    }
    if answer != b"action=DUNNO\n\n" {
        bail!("{}", String::from_utf8_lossy(answer));
    }
    Ok(Some(answer.len()))
}

/// The value that `share` of all are at most, of values in order.
pub(crate) fn quantile(ordered: &[Duration], share: f64) -> Duration {
    let place = (ordered.len() as f64 * share).ceil() as usize;
    ordered.get(place.saturating_sub(1)).copied().unwrap_or_default()
}

/// Milliseconds, for people.
pub(crate) fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}
