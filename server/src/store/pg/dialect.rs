//! What PostgreSQL says differently. [`crate::store::sqlite`] has the same names.

/// The numbers in a JSON list, as a subquery.
macro_rules! ids {
    ($parameter:literal) => {
        concat!(
            "(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($",
            $parameter,
            " AS JSON)))"
        )
    };
}

/// The words in a JSON list, as a subquery.
macro_rules! words {
    ($parameter:literal) => {
        concat!("(SELECT value FROM json_array_elements_text(CAST($", $parameter, " AS JSON)))")
    };
}

/// That a text is in a column's, in whatever case.
macro_rules! contains {
    ($column:literal, $parameter:literal) => {
        concat!("strpos(lower(", $column, "), lower(CAST($", $parameter, " AS TEXT))) > 0")
    };
}

/// When a domain can be taken, a column of `look`.
macro_rules! due {
    () => {
        "claim_at"
    };
}

/// The domains a claim has taken, as a subquery.
macro_rules! taken {
    () => {
        ids!("1")
    };
}

/// The looks handed over as $1, see `apply::Turn`.
macro_rules! turns {
    () => {
        " FROM (SELECT CAST(t->>0 AS BIGINT) AS id, CAST(t->>1 AS BIGINT) AS account, \
            CAST(t->>2 AS BIGINT) AS version, CAST(t->>3 AS BIGINT) AS checked_at, \
            CAST(t->>4 AS BIGINT) AS digest, CAST(t->>5 AS BIGINT) AS failures, \
            CAST(t->>6 AS BIGINT) AS suspicions, CAST(t->>7 AS BIGINT) AS ticket, \
            CAST(t->>8 AS BIGINT) AS due_at \
            FROM json_array_elements(CAST($1 AS JSON)) AS t) AS l "
    };
}

/// That a domain has had its turn. It has the next at once, at $2, where
/// somebody asked after the look began.
macro_rules! taken_turn {
    () => {
        "version = look.version + 1, lease_until = 0, \
         check_done = CASE WHEN check_done < l.ticket THEN l.ticket ELSE check_done END, \
         due_at = CASE WHEN check_wanted > l.ticket THEN CAST($2 AS BIGINT) ELSE l.due_at END"
    };
}

/// Not `FOR UPDATE`: whoever holds a domain may need to see that its account is
/// there, as PostgreSQL does when a row is updated twice in one transaction, and
/// whoever holds the account waits for its domains.
pub(super) const LOCK_ACCOUNT: Option<&str> = Some("SELECT id FROM account WHERE id = $1 FOR NO KEY UPDATE");
pub(super) const LOCK_DOMAIN: Option<&str> = Some("SELECT id FROM domain WHERE id = $1 FOR UPDATE");
pub(super) const LOCK_DOMAINS: Option<&str> =
    Some(concat!("SELECT id FROM domain WHERE id IN ", ids!("1"), " ORDER BY id FOR UPDATE"));
pub(super) const LOCK_DOMAINS_OF_ACCOUNT: Option<&str> =
    Some("SELECT id FROM domain WHERE account_id = $1 ORDER BY id FOR UPDATE");
pub(super) const LOCK_NOTICES: Option<&str> =
    Some(concat!("SELECT id FROM notice WHERE id IN ", ids!("1"), " ORDER BY id FOR UPDATE"));
/// The number is Signet's own; nobody else takes advisory locks in its database.
pub(super) const LOCK_INSTALLATION: Option<&str> = Some("SELECT pg_advisory_xact_lock(7366213, 1)");
/// Two recipients with one hash wait for one another, no more.
pub(super) const LOCK_RECIPIENT: Option<&str> =
    Some("SELECT pg_advisory_xact_lock(7366214, hashtext(CAST($1 AS TEXT)))");

pub(super) const LOCK_WEBHOOK: Option<&str> = Some("SELECT id FROM webhook WHERE id = $1 FOR NO KEY UPDATE");
pub(super) const LOCK_LINE: Option<&str> =
    Some("SELECT lane FROM delivery_line WHERE webhook_id = $1 AND lane = $2 FOR UPDATE");
/// Shared: who keeps something sealed waits for nobody but whoever replaces the key.
pub(super) const LOCK_META: Option<&str> = Some("SELECT name FROM meta WHERE name = $1 FOR SHARE");
/// See `LOCK_INSTALLATION`.
pub(super) const LOCK_ZONE: Option<&str> = Some("SELECT pg_advisory_xact_lock(7366213, 2)");

statements! {
    /// The database's clock, for a backup's header only.
    NOW = "SELECT CAST(EXTRACT(EPOCH FROM now()) * 1000000 AS BIGINT) AS now";

    CLAIM_DUE = "WITH oldest AS MATERIALIZED \
            (SELECT domain_id FROM look WHERE claim_at <= $1 ORDER BY claim_at LIMIT $3 FOR UPDATE SKIP LOCKED), \
        newest AS MATERIALIZED \
            (SELECT domain_id FROM look WHERE claim_at <= $1 ORDER BY claim_at DESC LIMIT $4 \
            FOR UPDATE SKIP LOCKED) \
        UPDATE look SET lease_until = $2 \
        FROM (SELECT domain_id FROM oldest UNION SELECT domain_id FROM newest) AS due \
        WHERE look.domain_id = due.domain_id RETURNING look.domain_id AS id";

    NEXT_DUE = "SELECT MIN(claim_at) AS next FROM look WHERE claim_at IS NOT NULL";

    CLAIM_OUTBOX = "WITH due AS MATERIALIZED \
        (SELECT id FROM outbox WHERE claim_at <= $1 ORDER BY claim_at LIMIT $3 FOR UPDATE SKIP LOCKED) \
        UPDATE outbox SET lease_until = $2, attempts = attempts + 1 FROM due WHERE outbox.id = due.id \
        RETURNING outbox.id AS id, message, attempts - 1 AS attempts_before, queued_at";

    CLAIM_REVIEWS = "WITH due AS MATERIALIZED \
        (SELECT id FROM domain WHERE review = 'due' AND review_due_at <= $1 ORDER BY review_due_at, id LIMIT $3 \
            FOR UPDATE SKIP LOCKED) \
        UPDATE domain SET review_due_at = $2 FROM due WHERE domain.id = due.id RETURNING domain.id AS id";

    CLAIM_ROTATIONS = "WITH due AS MATERIALIZED \
        (SELECT domain_id FROM rotation WHERE claim_at <= $1 ORDER BY claim_at LIMIT $3 \
            FOR UPDATE SKIP LOCKED) \
        UPDATE rotation SET lease_until = $2 FROM due WHERE rotation.domain_id = due.domain_id \
        RETURNING rotation.domain_id AS id, account_id";

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
        FROM json_to_recordset(CAST($1 AS JSON)) AS f (id BIGINT, records TEXT, spf TEXT, dmarc TEXT, \
            zone TEXT) \
        WHERE domain.id = f.id";

    LOCK_TURNS = concat!(
        "SELECT domain_id, version, digest FROM look WHERE domain_id IN ", ids!("1"),
        " ORDER BY domain_id FOR UPDATE"
    );

    SET_STATES = "UPDATE domain SET dns_state = s.state, dns_at = s.at, dns_since = s.since, \
        dns_deadline = s.deadline, dns_unaligned_since = s.unaligned_since \
        FROM json_to_recordset(CAST($1 AS JSON)) AS s (id BIGINT, state TEXT, at BIGINT, since BIGINT, \
            deadline BIGINT, unaligned_since BIGINT) \
        WHERE domain.id = s.id";

    PUT_REPORTS = "INSERT INTO report (domain_id, body) \
        SELECT r.id, r.body FROM json_to_recordset(CAST($1 AS JSON)) AS r (id BIGINT, body TEXT) \
        ON CONFLICT (domain_id) DO UPDATE SET body = excluded.body";

    ADD_EVENTS = "INSERT INTO event \
        (at, account_id, domain_id, domain_name, kind, actor, origin, reason, from_value, to_value, \
            record, evidence) \
        SELECT e.at, e.account, e.domain, (SELECT name FROM domain WHERE id = e.domain), e.kind, e.actor, \
            e.origin, e.reason, e.\"from\", e.\"to\", e.record, e.evidence \
        FROM json_to_recordset(CAST($1 AS JSON)) AS e (at BIGINT, account BIGINT, domain BIGINT, kind TEXT, \
            actor TEXT, origin TEXT, reason TEXT, \"from\" TEXT, \"to\" TEXT, record TEXT, evidence TEXT) \
        RETURNING id, account_id, domain_id, kind";

    ADD_NOTICES = "INSERT INTO notice (account_id, domain_id, kind, cause, body, at, due_at) \
        SELECT n.account, n.domain, n.kind, n.cause, n.body, $2, n.due \
        FROM json_to_recordset(CAST($1 AS JSON)) AS n (account BIGINT, domain BIGINT, kind TEXT, \
            cause TEXT, body TEXT, due BIGINT)";

    SET_INFORMED = "UPDATE domain SET informed = i.informed \
        FROM json_to_recordset(CAST($1 AS JSON)) AS i (id BIGINT, informed TEXT) WHERE domain.id = i.id";

    QUEUE_DELIVERIES = concat!(
        "INSERT INTO delivery (webhook_id, event_id, account_id, lane, created_at, queued_at) \
            SELECT d.webhook, d.event, d.account, d.lane, $2, $2 \
            FROM json_to_recordset(CAST($1 AS JSON)) AS d (webhook BIGINT, event BIGINT, account BIGINT, \
                lane BIGINT) \
            ON CONFLICT (webhook_id, event_id) DO UPDATE SET ",
        waiting_again!(),
        "WHERE delivery.state <> 'waiting'"
    );

    /// In one order, so that two who open several do not wait for one another.
    /// One that is there is written, too: whoever closes it waits for us.
    OPEN_LINES = "INSERT INTO delivery_line (webhook_id, lane, due_at) \
        SELECT CAST(l->>0 AS BIGINT), CAST(l->>1 AS BIGINT), CAST($2 AS BIGINT) \
        FROM json_array_elements(CAST($1 AS JSON)) AS l ORDER BY 1, 2 \
        ON CONFLICT (webhook_id, lane) DO UPDATE SET due_at = delivery_line.due_at";

    CLAIM_LINES = "WITH due AS MATERIALIZED (SELECT lane FROM delivery_line \
            WHERE webhook_id = $1 AND claim_at <= $2 ORDER BY claim_at LIMIT $4 FOR UPDATE SKIP LOCKED) \
        UPDATE delivery_line SET lease_until = $3 FROM due \
        WHERE webhook_id = $1 AND delivery_line.lane = due.lane RETURNING delivery_line.lane AS lane";

    TOUCH_TOKENS = "UPDATE token SET last_used_at = u.at \
        FROM json_to_recordset(CAST($1 AS JSON)) AS u (id BIGINT, at BIGINT) \
        WHERE token.id = u.id AND (token.last_used_at IS NULL OR token.last_used_at < u.at)";

    PUT_BACK = "UPDATE look SET lease_until = 0, due_at = $2 \
        FROM json_to_recordset(CAST($1 AS JSON)) AS c (id BIGINT, version BIGINT) \
        WHERE look.domain_id = c.id AND look.version = c.version AND look.due_at IS NOT NULL";

    /// The highest number ever given out, used or not.
    SEQUENCE = "SELECT COALESCE(MAX(last_value), 0) AS last FROM pg_sequences \
        WHERE schemaname = current_schema() AND sequencename = CAST($1 AS TEXT) || '_id_seq'";

    FORGET_SEQUENCE = "SELECT setval(pg_get_serial_sequence(CAST($1 AS TEXT), 'id'), 1, FALSE)";

    SET_SEQUENCE = "SELECT setval(pg_get_serial_sequence(CAST($1 AS TEXT), 'id'), CAST($2 AS BIGINT), TRUE)";
}
