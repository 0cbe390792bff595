-- The same tables as in ../postgres/0001_initial.sql. Times are microseconds
-- since 1970, ids are never used twice, JSON is kept as text.

CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE account (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    owner_email TEXT NOT NULL,
    -- A suspension in force: hold or abuse.
    suspension TEXT,
    -- One higher with everything the operator decides on it.
    version INTEGER NOT NULL DEFAULT 1,
    -- Company information, and whether it is all that sending needs.
    company TEXT,
    company_complete INTEGER NOT NULL DEFAULT 0 CHECK (company_complete IN (0, 1)),
    created_at INTEGER NOT NULL,
    -- When to look whether there is a health report to send, and what was
    -- reported last: by recipient, JSON.
    health_due_at INTEGER NOT NULL,
    health_told TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX account_health ON account (health_due_at);

CREATE TABLE token (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES account (id),
    name TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    -- The end of the secret, to tell tokens apart by.
    last4 TEXT NOT NULL,
    access TEXT NOT NULL,
    -- The ids of the domains it is for; NULL for the account with all of them.
    domains TEXT,
    -- Who made it, as the history calls them.
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    last_used_at INTEGER,
    -- The token a reset made in its place.
    replaced_by INTEGER,
    -- How many days ahead its owner was last told that it expires.
    told_days_ahead INTEGER
) STRICT;
CREATE INDEX token_account ON token (account_id, id);
CREATE INDEX token_expires ON token (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX token_revoked ON token (revoked_at) WHERE revoked_at IS NOT NULL;

CREATE TABLE domain (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES account (id),
    name TEXT NOT NULL,
    record_id TEXT NOT NULL UNIQUE,
    demo INTEGER NOT NULL CHECK (demo IN (0, 1)),
    demo_messages_left INTEGER NOT NULL,
    keyed INTEGER NOT NULL DEFAULT 0 CHECK (keyed IN (0, 1)),
    -- It comes from a backup and nothing has signed since: the world may remember keys
    -- that the backup has not.
    restored INTEGER NOT NULL DEFAULT 0 CHECK (restored IN (0, 1)),
    created_at INTEGER NOT NULL,
    -- What the customer sets.
    track_open INTEGER NOT NULL CHECK (track_open IN (0, 1)),
    track_click INTEGER NOT NULL CHECK (track_click IN (0, 1)),
    unsubscribe_link INTEGER NOT NULL CHECK (unsubscribe_link IN (0, 1)),
    custom_domain INTEGER NOT NULL CHECK (custom_domain IN (0, 1)),
    health_alerts INTEGER NOT NULL CHECK (health_alerts IN (0, 1)),
    critical_alerts INTEGER NOT NULL CHECK (critical_alerts IN (0, 1)),
    alert_recipient TEXT,
    -- What the review and the operator decide. A suspension is hold or abuse.
    suspension TEXT,
    decision TEXT,
    -- Whether a review has ever approved it.
    approved_before INTEGER NOT NULL DEFAULT 0 CHECK (approved_before IN (0, 1)),
    -- Where the review is: none, due (the rules are to run), open (it waits for
    -- the owner), referred (it waits for the operator).
    review TEXT NOT NULL DEFAULT 'none',
    review_due_at INTEGER,
    -- One higher with everything the review or the operator decides.
    review_version INTEGER NOT NULL DEFAULT 1,
    -- What the review asked its owner for: no, open or met.
    questionnaire TEXT NOT NULL DEFAULT 'no',
    card TEXT NOT NULL DEFAULT 'no',
    -- The deadline its owner was reminded of.
    reminded_deadline INTEGER,
    -- Who was told that something is wrong, JSON: they hear when it is over.
    informed TEXT NOT NULL DEFAULT '[]',
    -- The state of its verification: dns_at is since when it is verified, or
    -- when that was lost.
    dns_state TEXT NOT NULL,
    dns_verified INTEGER GENERATED ALWAYS AS (dns_state IN ('verified', 'suspect', 'at_risk')) STORED,
    dns_at INTEGER,
    dns_since INTEGER,
    dns_deadline INTEGER,
    dns_unaligned_since INTEGER,
    -- What the last look that found something new found.
    records TEXT NOT NULL DEFAULT '[]',
    present_spf TEXT,
    present_dmarc TEXT,
    zone TEXT,
    -- Which of its two selectors signs, or will be the first to.
    active_selector INTEGER NOT NULL DEFAULT 1,
    -- Whether its owner publishes the keys, and then their records.
    dkim_raw INTEGER NOT NULL DEFAULT 0 CHECK (dkim_raw IN (0, 1)),
    dkim_text1 TEXT,
    dkim_text2 TEXT,
    UNIQUE (account_id, name)
) STRICT;
CREATE INDEX domain_account ON domain (account_id, id);
-- Who has a name, and who has it verified, without a look at the rows.
CREATE INDEX domain_name ON domain (name, dns_verified, account_id);
CREATE UNIQUE INDEX domain_demo ON domain (name) WHERE demo;
CREATE INDEX domain_state ON domain (dns_state);
CREATE INDEX domain_unverified ON domain (account_id) WHERE NOT demo AND NOT dns_verified;
CREATE INDEX domain_keyless ON domain (id) WHERE NOT keyed AND (dns_verified OR dkim_raw);
CREATE INDEX domain_review ON domain (review_due_at, id) WHERE review = 'due';
CREATE INDEX domain_review_open ON domain (review, id) WHERE review <> 'none';
CREATE INDEX domain_deadline ON domain (dns_deadline) WHERE dns_state = 'at_risk';

-- What every look writes, one row per domain and narrow on purpose: a look that
-- finds nothing new writes nothing else.
-- Who looks at what just now is known to the one process that looks (ADR 7).
CREATE TABLE look (
    domain_id INTEGER PRIMARY KEY REFERENCES domain (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL,
    -- When to look next; NULL for never.
    due_at INTEGER,
    -- One higher with every look: nobody writes over what they have not seen.
    version INTEGER NOT NULL DEFAULT 1,
    checked_at INTEGER,
    -- When mail was last sent from it, give or take a day.
    sent_at INTEGER,
    -- Of everything the last look found, to tell whether the next finds anything new.
    digest INTEGER,
    failures INTEGER NOT NULL DEFAULT 0,
    suspicions INTEGER NOT NULL DEFAULT 0,
    -- Who asked: tickets drawn, and the highest that is covered.
    check_wanted INTEGER NOT NULL DEFAULT 0,
    check_done INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX look_due ON look (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX look_asked ON look (account_id) WHERE check_wanted > check_done;

-- The record ids of deleted domains: a forgotten CNAME must not become
-- somebody else's.
CREATE TABLE retired_record_id (
    record_id TEXT NOT NULL PRIMARY KEY,
    account_id INTEGER NOT NULL,
    domain_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    retired_at INTEGER NOT NULL
) STRICT;
-- The history is searched by names that are gone, too.
CREATE INDEX retired_name ON retired_record_id (name);

-- The verdicts of the last look; when it was made is look.checked_at.
CREATE TABLE report (
    domain_id INTEGER NOT NULL PRIMARY KEY REFERENCES domain (id) ON DELETE CASCADE,
    body TEXT NOT NULL
) STRICT;

-- What stands on a domain's two selectors (signet_core::rotation).
CREATE TABLE dkim_key (
    domain_id INTEGER NOT NULL REFERENCES domain (id) ON DELETE CASCADE,
    selector INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    -- What the key is called wherever it is spoken of; never used twice.
    key_id TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    -- made or imported.
    origin TEXT NOT NULL,
    -- SPKI, DER.
    public BLOB NOT NULL,
    -- The private key under a data key, and that under the key-encryption key of
    -- this version; NULL once they are destroyed.
    kek INTEGER,
    wrapped BLOB,
    sealed BLOB,
    -- next, active, companion, retired or revoked, and since when; clear_at is
    -- when nobody remembers any more what stood there before, seen_at when every
    -- server was last seen to give it, old_for how long something else is remembered
    -- that was seen there.
    stage TEXT NOT NULL,
    since INTEGER NOT NULL,
    clear_at INTEGER,
    seen_at INTEGER,
    old_for INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (domain_id, selector)
) STRICT;
CREATE INDEX dkim_key_kek ON dkim_key (kek, domain_id, selector) WHERE kek IS NOT NULL;

-- Keys that were in wrong hands, by the hash of the public half (SPKI, DER): nobody
-- brings them back, to whatever domain.
CREATE TABLE compromised_key (
    spki_sha256 BLOB NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT;

-- How the rotation of a domain's keys stands; from its first keys on.
CREATE TABLE rotation (
    domain_id INTEGER NOT NULL PRIMARY KEY REFERENCES domain (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL,
    -- One higher with every change of the keys or of this row.
    version INTEGER NOT NULL DEFAULT 1,
    -- When there is something to do; NULL for never.
    due_at INTEGER,
    lease_until INTEGER NOT NULL DEFAULT 0,
    claim_at INTEGER GENERATED ALWAYS AS (CASE WHEN lease_until > due_at THEN lease_until ELSE due_at END) STORED,
    -- That another key is asked for: asked or compromised.
    wanted TEXT,
    -- Proofs on end that came to nothing; since when and why it does not go on,
    -- and when its owner was told.
    failures INTEGER NOT NULL DEFAULT 0,
    stuck_since INTEGER,
    stuck TEXT,
    told_at INTEGER
) STRICT;
CREATE INDEX rotation_claim ON rotation (claim_at) WHERE claim_at IS NOT NULL;
CREATE INDEX rotation_stuck ON rotation (stuck_since) WHERE stuck_since IS NOT NULL;

-- What has changed in our zone, and from which serial of it on; NULL until one
-- is given.
CREATE TABLE zone_change (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    record_id TEXT NOT NULL,
    serial INTEGER,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX zone_change_new ON zone_change (id) WHERE serial IS NULL;
CREATE INDEX zone_change_serial ON zone_change (serial) WHERE serial IS NOT NULL;
CREATE INDEX zone_change_at ON zone_change (at);

-- The history. It outlives the domains it is about, hence no foreign key.
CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    domain_id INTEGER,
    -- As it was called then.
    domain_name TEXT,
    kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    -- From where: an address with the request's id, the command line.
    origin TEXT NOT NULL,
    reason TEXT NOT NULL,
    from_value TEXT,
    to_value TEXT,
    record TEXT,
    -- What it was decided by, JSON.
    evidence TEXT
) STRICT;
CREATE INDEX event_domain ON event (domain_id, id) WHERE domain_id IS NOT NULL;
-- What is searched is ordered by time. Most rows are of records that changed and
-- of what happened by itself: the last two indexes leave those out.
CREATE INDEX event_account ON event (account_id, at, id);
CREATE INDEX event_at ON event (at, id);
CREATE INDEX event_kind ON event (kind, account_id, at, id) WHERE kind <> 'domain.record_changed';
CREATE INDEX event_actor ON event (actor, at, id) WHERE actor <> 'signet';
-- Nobody changes what has happened.
CREATE TRIGGER event_kept BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'the history is only ever added to'); END;
CREATE TRIGGER event_stays BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'the history is only ever added to'); END;

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL,
    domain_id INTEGER,
    message TEXT NOT NULL,
    queued_at INTEGER NOT NULL,
    -- NULL once it is sent or given up.
    due_at INTEGER,
    lease_until INTEGER NOT NULL DEFAULT 0,
    claim_at INTEGER GENERATED ALWAYS AS (CASE WHEN lease_until > due_at THEN lease_until ELSE due_at END) STORED,
    attempts INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    sent_at INTEGER
) STRICT;
CREATE INDEX outbox_claim ON outbox (claim_at) WHERE claim_at IS NOT NULL;
CREATE INDEX outbox_done ON outbox (queued_at) WHERE due_at IS NULL;

-- Set-up instructions queued, for the daily caps.
CREATE TABLE instruction (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    queued_at INTEGER NOT NULL
) STRICT;
CREATE INDEX instruction_account ON instruction (account_id, queued_at);
CREATE INDEX instruction_recipient ON instruction (recipient, queued_at);
CREATE INDEX instruction_queued ON instruction (queued_at);

CREATE TABLE idempotency (
    owner TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    idem_key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    reserved_at INTEGER NOT NULL,
    status INTEGER,
    body TEXT,
    PRIMARY KEY (owner, method, path, idem_key)
) STRICT;
CREATE INDEX idempotency_reserved ON idempotency (reserved_at);

-- Messages counted in a demo domain's allowance, so that none is counted twice.
CREATE TABLE counted_message (
    domain_id INTEGER NOT NULL REFERENCES domain (id) ON DELETE CASCADE,
    instance TEXT NOT NULL,
    counted_at INTEGER NOT NULL,
    PRIMARY KEY (domain_id, instance)
) STRICT;
CREATE INDEX counted_message_at ON counted_message (counted_at);

-- What owners are to be told, written with the change it is about. A worker
-- makes messages of it, one of several where they share a cause.
CREATE TABLE notice (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL,
    domain_id INTEGER,
    kind TEXT NOT NULL,
    -- Those of one account, kind and cause may go out together.
    cause TEXT NOT NULL,
    -- What to say, JSON.
    body TEXT NOT NULL,
    at INTEGER NOT NULL,
    -- NULL once a message is made of it, or none needed; told_at is only set by
    -- a message.
    due_at INTEGER,
    told_at INTEGER
) STRICT;
CREATE INDEX notice_due ON notice (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX notice_group ON notice (account_id, kind, cause) WHERE due_at IS NOT NULL;
CREATE INDEX notice_told ON notice (account_id, kind, cause, told_at) WHERE told_at IS NOT NULL;
CREATE INDEX notice_done ON notice (at) WHERE due_at IS NULL;

-- Where an account wants to be told what happens.
CREATE TABLE webhook (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES account (id),
    url TEXT NOT NULL,
    description TEXT NOT NULL,
    -- Which kinds of history rows, a JSON list.
    events TEXT NOT NULL,
    enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    -- Since when it is or is not: what waits is tried for so long from then on.
    enabled_at INTEGER NOT NULL,
    -- Why it is not, where nobody asked for that.
    disabled_reason TEXT,
    -- Its signing secret, sealed; the one before it, too, for a while.
    secret BLOB NOT NULL,
    old_secret BLOB,
    old_secret_until INTEGER,
    -- Since when nothing is accepted, and until when it is left alone for that.
    failing_since INTEGER,
    retry_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX webhook_account ON webhook (account_id, id);

-- Keys to accounts' own zones, with which their records are written there.
CREATE TABLE dns_access (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES account (id),
    zone TEXT NOT NULL,
    -- How it is written to: a provider's API, or DNS UPDATE.
    provider TEXT NOT NULL,
    -- What is no secret, a JSON object of texts; and what is, sealed.
    settings TEXT NOT NULL,
    secret BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (account_id, zone)
) STRICT;

-- What goes to a webhook: one per history row.
CREATE TABLE delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook_id INTEGER NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    -- NULL for a test.
    event_id INTEGER,
    account_id INTEGER NOT NULL,
    -- The line it stands in: its domain's number, 0 for what is about the
    -- account, -1 for tests. In a line one follows the other, by event_id.
    lane INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    -- Since when it waits: its creation, or when somebody asked for it again.
    queued_at INTEGER NOT NULL,
    -- waiting, delivered or failed.
    state TEXT NOT NULL DEFAULT 'waiting',
    attempts INTEGER NOT NULL DEFAULT 0,
    tried_at INTEGER,
    last_status INTEGER,
    last_error TEXT,
    -- When it was accepted or given up.
    finished_at INTEGER,
    UNIQUE (webhook_id, event_id)
) STRICT;
CREATE INDEX delivery_line_order ON delivery (webhook_id, lane, event_id, id) WHERE state = 'waiting';
CREATE INDEX delivery_page ON delivery (webhook_id, id);
CREATE INDEX delivery_state ON delivery (webhook_id, state, id);
CREATE INDEX delivery_finished ON delivery (finished_at) WHERE finished_at IS NOT NULL;

-- The lines in which something waits, so that taking what is due costs the same
-- however much waits behind it.
CREATE TABLE delivery_line (
    webhook_id INTEGER NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    lane INTEGER NOT NULL,
    -- When the first in it is tried.
    due_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL DEFAULT 0,
    claim_at INTEGER GENERATED ALWAYS AS (CASE WHEN lease_until > due_at THEN lease_until ELSE due_at END) STORED,
    PRIMARY KEY (webhook_id, lane)
) STRICT;
CREATE INDEX delivery_line_claim ON delivery_line (webhook_id, claim_at);

-- The questionnaire of a domain, once asked.
CREATE TABLE questionnaire (
    domain_id INTEGER NOT NULL PRIMARY KEY REFERENCES domain (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    answered_at INTEGER,
    -- Who answered, and what, JSON.
    answered_by TEXT,
    answers TEXT
) STRICT;

-- The card check of a domain, once asked for. No card data, only how it went.
CREATE TABLE card_check (
    domain_id INTEGER NOT NULL PRIMARY KEY REFERENCES domain (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL,
    -- What the payment provider's adapter calls it.
    reference TEXT NOT NULL UNIQUE,
    asked_at INTEGER NOT NULL,
    -- open, passed or failed.
    state TEXT NOT NULL,
    resolved_at INTEGER,
    detail TEXT
) STRICT;
