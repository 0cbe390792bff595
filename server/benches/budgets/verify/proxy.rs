//! A network between us and the name servers: far away, lossy, partly dead.

use super::nsd;
use crate::nsd::Nsd;
use std::{
    collections::VecDeque,
    net::{SocketAddr, UdpSocket as StdSocket},
    thread,
    time::Duration,
};
use tokio::{
    net::UdpSocket,
    sync::oneshot,
    time::{Instant, sleep_until},
};

/// What it does to datagrams.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weather {
    /// On the way there and back together.
    pub(super) delay: Duration,
    /// Questions lost, in thousandths.
    pub(super) lost: u32,
    /// The operator whose server answers nothing.
    pub(super) dead: Option<u32>,
}

/// Running on a thread of its own until dropped.
pub(super) struct Proxy {
    /// The port, the same at every operator's address.
    pub(super) port: u16,
    _stop: oneshot::Sender<()>,
}

impl Proxy {
    /// Stands before the servers of so many operators.
    ///
    /// # Errors
    /// When there are no sockets.
    pub(super) fn start(nsd: &Nsd, operators: u32, weather: Weather) -> anyhow::Result<Self> {
        let mut sockets = Vec::new();
        let mut port = 0;
        for operator in 0..operators {
            let server = nsd::address(nsd, operator);
            let here = StdSocket::bind((server.ip(), port))?;
            port = here.local_addr()?.port();
            let there = StdSocket::bind((server.ip(), 0))?;
            there.connect(server)?;
            here.set_nonblocking(true)?;
            there.set_nonblocking(true)?;
            sockets.push((here, there, weather.dead == Some(operator)));
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        thread::spawn(move || {
            runtime.block_on(async move {
                for (here, there, dead) in sockets {
                    let (Ok(here), Ok(there)) = (UdpSocket::from_std(here), UdpSocket::from_std(there))
                    else {
                        return;
                    };
                    tokio::spawn(stand_between(here, there, Weather { dead: dead.then_some(0), ..weather }));
                }
                let _ = stopped.await;
            });
        });
        Ok(Self { port, _stop: stop })
    }
}

/// Passes questions on at once and answers after the delay. Whoever asked is
/// found by the id that the question is passed on with.
async fn stand_between(here: UdpSocket, there: UdpSocket, weather: Weather) {
    let mut asking: Vec<Option<(SocketAddr, [u8; 2])>> = vec![None; 1 << 16];
    let mut next: u16 = 0;
    let mut late: VecDeque<(Instant, SocketAddr, Vec<u8>)> = VecDeque::new();
    let (mut question, mut answer) = ([0; 2048], [0; 4096]);
    loop {
        let first = late.front().map(|(at, ..)| *at);
        tokio::select! {
            biased;
            () = sleep_until(first.unwrap_or_else(Instant::now)), if first.is_some() => {
                let now = Instant::now();
                while late.front().is_some_and(|(at, ..)| *at <= now) {
                    if let Some((_, to, message)) = late.pop_front() {
                        let _ = here.send_to(&message, to).await;
                    }
                }
            }
            received = there.recv(&mut answer) => {
                let Ok(length) = received else { continue };
                let number = usize::from(u16::from_be_bytes([answer[0], answer[1]]));
                if let Some((to, id)) = asking[number].take() {
                    answer[..2].copy_from_slice(&id);
                    let message = &answer[..length];
                    if weather.delay.is_zero() {
                        let _ = here.send_to(message, to).await;
                    } else {
                        late.push_back((Instant::now() + weather.delay, to, message.to_vec()));
                    }
                }
            }
            received = here.recv_from(&mut question) => {
                let Ok((length, from)) = received else { continue };
                next = next.wrapping_add(1);
                let lost = u32::from(next.wrapping_mul(40_503)) % 1000 < weather.lost;
                if weather.dead.is_some() || lost || length < 12 {
                    continue;
                }
                asking[usize::from(next)] = Some((from, [question[0], question[1]]));
                question[..2].copy_from_slice(&next.to_be_bytes());
                let _ = there.send(&question[..length]).await;
            }
        }
    }
}
