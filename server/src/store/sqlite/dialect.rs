//! What SQLite says differently. [`crate::store::pg`] has the same names.

/// The numbers in a JSON list, as a subquery.
macro_rules! ids {
    ($parameter:literal) => {
        concat!("(SELECT value FROM json_each($", $parameter, "))")
    };
}

/// The words in a JSON list, as a subquery.
macro_rules! words {
    ($parameter:literal) => {
        ids!($parameter)
    };
}

/// That a text is in a column's, in whatever case.
macro_rules! contains {
    ($column:literal, $parameter:literal) => {
        concat!("instr(lower(", $column, "), lower($", $parameter, ")) > 0")
    };
}

/// When a domain can be taken, a column of `look`.
macro_rules! due {
    () => {
        "due_at"
    };
}

/// The domains a claim takes, as a subquery: due at $1 and not in the list $4,
/// $2 of those due longest and $3 of those due last.
macro_rules! taken {
    () => {
        "(SELECT domain_id FROM (SELECT domain_id FROM look WHERE due_at <= $1 \
            AND domain_id NOT IN (SELECT value FROM json_each($4)) ORDER BY due_at LIMIT $2) \
          UNION ALL SELECT domain_id FROM (SELECT domain_id FROM look WHERE due_at <= $1 \
            AND domain_id NOT IN (SELECT value FROM json_each($4)) ORDER BY due_at DESC LIMIT $3))"
    };
}

/// The looks handed over as $1, see `apply::Turn`.
macro_rules! turns {
    () => {
        " FROM (SELECT value->>0 AS id, value->>1 AS account, value->>2 AS version, \
            value->>3 AS checked_at, value->>4 AS digest, value->>5 AS failures, \
            value->>6 AS suspicions, value->>7 AS ticket, value->>8 AS due_at \
            FROM json_each($1)) AS l "
    };
}

/// That a domain has had its turn. It has the next at once, at $2, where
/// somebody asked after the look began.
macro_rules! taken_turn {
    () => {
        "version = look.version + 1, \
         check_done = CASE WHEN check_done < l.ticket THEN l.ticket ELSE check_done END, \
         due_at = CASE WHEN check_wanted > l.ticket THEN $2 ELSE l.due_at END"
    };
}

/// A write transaction holds the whole database, so there is nothing to lock.
pub(super) const LOCK_ACCOUNT: Option<&str> = None;
pub(super) const LOCK_DOMAIN: Option<&str> = None;
pub(super) const LOCK_DOMAINS: Option<&str> = None;
pub(super) const LOCK_DOMAINS_OF_ACCOUNT: Option<&str> = None;
pub(super) const LOCK_NOTICES: Option<&str> = None;
pub(super) const LOCK_INSTALLATION: Option<&str> = None;
pub(super) const LOCK_RECIPIENT: Option<&str> = None;
pub(super) const LOCK_WEBHOOK: Option<&str> = None;
pub(super) const LOCK_LINE: Option<&str> = None;
pub(super) const LOCK_META: Option<&str> = None;
pub(super) const LOCK_ZONE: Option<&str> = None;

statements! {
    /// The database's clock, for a backup's header only.
    NOW = "SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER) AS now";

    /// Those in the list are held.
    NEXT_DUE = "SELECT due_at AS next FROM look WHERE due_at IS NOT NULL \
        AND domain_id NOT IN (SELECT value FROM json_each($1)) ORDER BY due_at LIMIT 1";

    CLAIM_OUTBOX = "UPDATE outbox SET lease_until = $2, attempts = attempts + 1 WHERE id IN \
        (SELECT id FROM outbox WHERE claim_at <= $1 ORDER BY claim_at LIMIT $3) \
        RETURNING id, message, attempts - 1 AS attempts_before, queued_at";

    CLAIM_REVIEWS = "UPDATE domain SET review_due_at = $2 WHERE id IN \
        (SELECT id FROM domain WHERE review = 'due' AND review_due_at <= $1 ORDER BY review_due_at, id LIMIT $3) \
        RETURNING id";

    CLAIM_ROTATIONS = "UPDATE rotation SET lease_until = $2 WHERE domain_id IN \
        (SELECT domain_id FROM rotation WHERE claim_at <= $1 ORDER BY claim_at LIMIT $3) \
        RETURNING domain_id AS id, account_id";

    QUIET_LOOKS = concat!(
        "UPDATE look SET checked_at = l.checked_at, failures = l.failures, suspicions = l.suspicions, ",
        taken_turn!(), turns!(),
        "WHERE look.domain_id = l.id AND look.account_id = l.account AND look.version = l.version \
         AND look.digest = l.digest RETURNING look.domain_id AS id"
    );

    APPLY_LOOKS = concat!(
        "UPDATE look SET checked_at = l.checked_at, failures = l.failures, suspicions = l.suspicions, \
            digest = l.digest, ",
        taken_turn!(), turns!(),
        "WHERE look.domain_id = l.id AND look.version = l.version"
    );

    SET_FOUND = "UPDATE domain SET records = f.records, present_spf = f.spf, present_dmarc = f.dmarc, \
        zone = f.zone \
        FROM (SELECT value->>'id' AS id, value->>'records' AS records, value->>'spf' AS spf, \
            value->>'dmarc' AS dmarc, value->>'zone' AS zone FROM json_each($1)) AS f \
        WHERE domain.id = f.id";

    /// A write transaction holds the whole database.
    LOCK_TURNS = concat!("SELECT domain_id, version, digest FROM look WHERE domain_id IN ", ids!("1"));

    SET_STATES = "UPDATE domain SET dns_state = s.state, dns_at = s.at, dns_since = s.since, \
        dns_deadline = s.deadline, dns_unaligned_since = s.unaligned_since \
        FROM (SELECT value->>'id' AS id, value->>'state' AS state, value->>'at' AS at, \
            value->>'since' AS since, value->>'deadline' AS deadline, \
            value->>'unaligned_since' AS unaligned_since FROM json_each($1)) AS s \
        WHERE domain.id = s.id";

    PUT_REPORTS = "INSERT INTO report (domain_id, body) \
        SELECT value->>'id', value->>'body' FROM json_each($1) WHERE TRUE \
        ON CONFLICT (domain_id) DO UPDATE SET body = excluded.body";

    ADD_EVENTS = "INSERT INTO event \
        (at, account_id, domain_id, domain_name, kind, actor, origin, reason, from_value, to_value, \
            record, evidence) \
        SELECT value->>'at', value->>'account', value->>'domain', \
            (SELECT name FROM domain WHERE id = value->>'domain'), value->>'kind', value->>'actor', \
            value->>'origin', value->>'reason', value->>'from', value->>'to', value->>'record', \
            value->>'evidence' FROM json_each($1) ORDER BY key \
        RETURNING id, account_id, domain_id, kind";

    ADD_NOTICES = "INSERT INTO notice (account_id, domain_id, kind, cause, body, at, due_at) \
        SELECT value->>'account', value->>'domain', value->>'kind', value->>'cause', value->>'body', $2, \
            value->>'due' FROM json_each($1) ORDER BY key";

    SET_INFORMED = "UPDATE domain SET informed = i.informed \
        FROM (SELECT value->>'id' AS id, value->>'informed' AS informed FROM json_each($1)) AS i \
        WHERE domain.id = i.id";

    QUEUE_DELIVERIES = concat!(
        "INSERT INTO delivery (webhook_id, event_id, account_id, lane, created_at, queued_at) \
            SELECT value->>'webhook', value->>'event', value->>'account', value->>'lane', $2, $2 \
            FROM json_each($1) WHERE TRUE ORDER BY key \
            ON CONFLICT (webhook_id, event_id) DO UPDATE SET ",
        waiting_again!(),
        "WHERE delivery.state <> 'waiting'"
    );

    OPEN_LINES = "INSERT INTO delivery_line (webhook_id, lane, due_at) \
        SELECT value->>0, value->>1, $2 FROM json_each($1) WHERE TRUE \
        ON CONFLICT (webhook_id, lane) DO NOTHING";

    CLAIM_LINES = "UPDATE delivery_line SET lease_until = $3 WHERE webhook_id = $1 AND lane IN \
        (SELECT lane FROM delivery_line WHERE webhook_id = $1 AND claim_at <= $2 ORDER BY claim_at LIMIT $4) \
        RETURNING lane";

    TOUCH_TOKENS = "UPDATE token SET last_used_at = u.at \
        FROM (SELECT value->>'id' AS id, value->>'at' AS at FROM json_each($1)) AS u \
        WHERE token.id = u.id AND (token.last_used_at IS NULL OR token.last_used_at < u.at)";

    PUT_BACK = "UPDATE look SET due_at = $2 \
        FROM (SELECT value->>'id' AS id, value->>'version' AS version FROM json_each($1)) AS c \
        WHERE look.domain_id = c.id AND look.version = c.version AND look.due_at IS NOT NULL";

    /// The highest number ever given out, used or not.
    SEQUENCE = "SELECT COALESCE(MAX(seq), 0) AS last FROM sqlite_sequence WHERE name = $1";

    FORGET_SEQUENCE = "DELETE FROM sqlite_sequence WHERE name = $1";

    SET_SEQUENCE = "INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)";
}
