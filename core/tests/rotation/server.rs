//! What stands at one name on one server, and what is remembered of it.

/// What stands at a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Nothing,
    /// The customer's CNAME to ours.
    Alias,
    Key(u32),
    Revoked,
    /// Something of the customer's that is none of it.
    Other,
}

/// What one server has under one name, and what it had.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) now: Served,
    pub(super) before: Vec<Served>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Served {
    pub(super) content: Content,
    pub(super) ttl: i64,
    pub(super) since: i64,
    /// When it was given last; for ever what is there now.
    pub(super) until: i64,
    /// Whether it is known how long it is remembered: by a look, or because
    /// everything in the zone is remembered for so long.
    pub(super) known: bool,
    /// When somebody saw it first.
    pub(super) seen: Option<i64>,
}

impl Server {
    pub(super) fn new(content: Content, ttl: i64) -> Self {
        let now = Served { content, ttl, since: 0, until: i64::MAX, known: true, seen: None };
        Self { now, before: Vec::new() }
    }

    pub(super) fn set(&mut self, content: Content, ttl: i64, known: bool, now: i64) {
        if self.now.content != content {
            self.before.push(Served { until: now, ..self.now });
            self.now = Served { content, ttl, since: now, until: i64::MAX, known, seen: None };
        }
    }

    /// What somebody may be told at `now`: what is there, and what may be remembered.
    pub(super) fn told(&self, now: i64) -> impl Iterator<Item = Served> {
        let remembered = self.before.iter().filter(move |served| served.until + served.ttl > now);
        remembered.copied().chain([self.now])
    }
}
