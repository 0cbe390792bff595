//! Leaving servers alone that do not answer.
//!
//! Silence is expensive: each question waits for its time-outs. A server that
//! has been silent several times in a row about one zone is not asked about it
//! for a while, and then once per interval, until it answers. Only silence
//! counts: whoever says REFUSED is there.
//!
//! Zones are kept apart, since one customer's delegation to a server that was
//! never set up for it must cost nobody else anything. The address as a whole
//! is left alone only when it is silent about zones of several accounts and
//! answers nobody in between; it takes one answer, about whatever zone, to be
//! asked again.

use signet_core::names::Name;
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// Tries without an answer in a row after which a server is left alone.
const SILENCES: u32 = 5;
/// Tries that end within this time are one: a moment's outage ends all of those
/// under way.
const MOMENT: Duration = Duration::from_millis(100);
/// Accounts whose zones must be met with silence before an address is.
const PARTIES: usize = 3;
/// From one try to the next while it stays silent; doubled each time.
const SHORTEST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(300);
/// Servers remembered, and addresses. Beyond that those are forgotten whose
/// turn to be tried has passed, and then all.
const REMEMBERED: usize = 65_536;

pub(super) struct Breakers {
    /// Whether anything is on the board: while all is well, as nearly always,
    /// nobody looks at it.
    troubled: AtomicBool,
    board: Mutex<Board>,
}

#[derive(Default)]
struct Board {
    servers: HashMap<IpAddr, Trouble>,
    zones: usize,
}

/// One address that has been silent lately.
#[derive(Default)]
struct Trouble {
    zones: HashMap<Name, Silence>,
    /// Accounts that have a zone here which is left alone.
    parties: Vec<u64>,
    /// The address as a whole.
    whole: Option<Pause>,
}

enum Silence {
    /// So many tries in a row, the last of them then.
    Counted(u32, Instant),
    LeftAlone(Pause),
}

struct Pause {
    until: Instant,
    interval: Duration,
    /// One question has been let through and nothing is known of it yet.
    trying: bool,
}

impl Pause {
    fn begin(now: Instant) -> Self {
        Self { until: now + SHORTEST, interval: SHORTEST, trying: false }
    }

    /// Whether a question may go: one per interval.
    fn try_again(&mut self, now: Instant) -> bool {
        if now < self.until {
            return false;
        }
        self.trying = true;
        self.until = now + self.interval;
        true
    }

    /// The try has been met with silence as well.
    fn prolong(&mut self, now: Instant) {
        if self.trying {
            self.trying = false;
            self.interval = (self.interval * 2).min(LONGEST);
            self.until = now + self.interval;
        }
    }
}

impl Breakers {
    pub(super) fn new() -> Self {
        Self { troubled: AtomicBool::new(false), board: Mutex::new(Board::default()) }
    }

    /// Whether `address` may be asked about something in `zone` now.
    pub(super) fn may_ask(&self, address: IpAddr, zone: &Name) -> bool {
        if !self.troubled.load(Ordering::Relaxed) {
            return true;
        }
        let mut board = self.lock();
        let Some(server) = board.servers.get_mut(&address) else { return true };
        let now = Instant::now();
        if let Some(Silence::LeftAlone(pause)) = server.zones.get_mut(zone)
            && !pause.try_again(now)
        {
            return false;
        }
        server.whole.as_mut().is_none_or(|pause| pause.try_again(now))
    }

    /// It has answered, whatever it said.
    pub(super) fn answered(&self, address: IpAddr, zone: &Name) {
        if !self.troubled.load(Ordering::Relaxed) {
            return;
        }
        let mut board = self.lock();
        let Some(server) = board.servers.get_mut(&address) else { return };
        let removed = server.zones.remove(zone).is_some();
        server.parties.clear();
        server.whole = None;
        if server.zones.is_empty() {
            board.servers.remove(&address);
        }
        board.zones -= usize::from(removed);
        self.note(&board);
    }

    /// One try has been met with silence, on behalf of `party`; 0 is nobody in
    /// particular.
    pub(super) fn silent(&self, address: IpAddr, zone: &Name, party: u64) {
        let now = Instant::now();
        let mut board = self.lock();
        board.make_room(now);
        let Board { servers, zones } = &mut *board;
        let server = servers.entry(address).or_default();
        if let Some(pause) = &mut server.whole {
            pause.prolong(now);
        }
        match server.zones.get_mut(zone) {
            None => {
                *zones += 1;
                server.zones.insert(zone.clone(), Silence::Counted(1, now));
            }
            Some(Silence::LeftAlone(pause)) => pause.prolong(now),
            Some(Silence::Counted(_, last)) if now < *last + MOMENT => {}
            Some(Silence::Counted(tries, last)) if *tries + 1 < SILENCES => {
                (*tries, *last) = (*tries + 1, now)
            }
            Some(counted) => {
                *counted = Silence::LeftAlone(Pause::begin(now));
                if party != 0 && !server.parties.contains(&party) && server.parties.len() < PARTIES {
                    server.parties.push(party);
                }
                if server.parties.len() == PARTIES && server.whole.is_none() {
                    server.whole = Some(Pause::begin(now));
                }
            }
        }
        self.note(&board);
    }

    fn note(&self, board: &Board) {
        self.troubled.store(!board.servers.is_empty(), Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Board {
    fn make_room(&mut self, now: Instant) {
        if self.zones < REMEMBERED {
            return;
        }
        self.servers.retain(|_, server| {
            server.zones.retain(|_, silence| matches!(silence, Silence::LeftAlone(p) if p.until > now));
            server.whole.is_some() || !server.zones.is_empty()
        });
        self.zones = self.servers.values().map(|server| server.zones.len()).sum();
        if self.zones >= REMEMBERED || self.servers.len() >= REMEMBERED {
            self.servers.clear();
            self.zones = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn zone(number: u32) -> Name {
        Name::parse(&format!("zone-{number}.test")).unwrap()
    }

    async fn silence(breakers: &Breakers, zone: &Name, party: u64) {
        for _ in 0..SILENCES {
            breakers.silent(HERE, zone, party);
            tokio::time::advance(MOMENT).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_about_a_zone_is_tried_less_and_less() {
        let (breakers, zone, other) = (Breakers::new(), zone(1), zone(2));
        for _ in 1..SILENCES {
            breakers.silent(HERE, &zone, 1);
            breakers.silent(HERE, &zone, 1);
            tokio::time::advance(MOMENT).await;
        }
        assert!(breakers.may_ask(HERE, &zone), "one too few, whatever ended in the same moment");
        breakers.silent(HERE, &zone, 1);
        assert!(!breakers.may_ask(HERE, &zone));
        assert!(breakers.may_ask(HERE, &other), "nobody else's zone");
        assert!(breakers.may_ask("192.0.2.1".parse().unwrap(), &zone), "no other server");
        let mut waits = Vec::new();
        for _ in 0..8 {
            let start = Instant::now();
            while !breakers.may_ask(HERE, &zone) {
                tokio::time::advance(Duration::from_secs(1)).await;
            }
            assert!(!breakers.may_ask(HERE, &zone), "one try per interval");
            waits.push(start.elapsed().as_secs());
            breakers.silent(HERE, &zone, 1);
            breakers.silent(HERE, &zone, 1);
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300], "its second silence prolongs nothing");
        breakers.answered(HERE, &zone);
        assert!(breakers.may_ask(HERE, &zone) && breakers.may_ask(HERE, &zone));
        breakers.silent(HERE, &zone, 1);
        assert!(breakers.may_ask(HERE, &zone), "and it starts over");
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_is_left_alone_when_several_accounts_meet_silence() {
        let breakers = Breakers::new();
        for number in 0..20 {
            silence(&breakers, &zone(number), u64::from(number % 2)).await;
        }
        assert!(breakers.may_ask(HERE, &zone(99)), "one account and nobody in particular");
        for number in 20..22 {
            silence(&breakers, &zone(number), u64::from(number)).await;
        }
        assert!(!breakers.may_ask(HERE, &zone(99)));
        tokio::time::advance(SHORTEST).await;
        assert!(breakers.may_ask(HERE, &zone(99)));
        assert!(!breakers.may_ask(HERE, &zone(98)), "one try per interval, about whatever zone");
        breakers.answered(HERE, &zone(99));
        assert!(breakers.may_ask(HERE, &zone(98)), "one answer opens it again");
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_bounded() {
        let breakers = Breakers::new();
        let count = u32::try_from(REMEMBERED).unwrap() + 100;
        for number in 0..count {
            breakers.silent(HERE, &zone(number), 1);
        }
        let board = breakers.lock();
        assert!(board.zones <= REMEMBERED && board.zones == board.servers[&HERE].zones.len());
    }

    proptest! {
        /// Whatever has happened: after an answer its zone may be asked about.
        #[test]
        fn closed_again_at_the_first_answer(steps in prop::collection::vec((0u32..4, 0u64..5, 0u8..4, 0u64..400), 1..200)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let breakers = Breakers::new();
                for (number, party, what, seconds) in steps {
                    let zone = zone(number);
                    match what {
                        0 | 1 => silence(&breakers, &zone, party).await,
                        2 => tokio::time::advance(Duration::from_secs(seconds)).await,
                        _ => {
                            breakers.answered(HERE, &zone);
                            assert!(breakers.may_ask(HERE, &zone));
                        }
                    }
                    let board = breakers.lock();
                    let zones: usize = board.servers.values().map(|server| server.zones.len()).sum();
                    assert_eq!(zones, board.zones);
                    assert_eq!(breakers.troubled.load(Ordering::Relaxed), !board.servers.is_empty());
                }
            });
        }
    }
}
