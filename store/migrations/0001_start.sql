-- PostgreSQL's words. For SQLite the store replaces BIGINT, BOOLEAN and BYTEA
-- by INTEGER, INTEGER and BLOB, drops COLLATE "C" (SQLite compares bytes anyway),
-- and turns the marks strict and clustered into STRICT and WITHOUT ROWID.
-- Times are Unix microseconds, UTC; 0 is never. "sealed" is ciphertext.

-- +goose Up
CREATE TABLE identities (
	id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	version    BIGINT NOT NULL,
	kind       TEXT NOT NULL,
	state      TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	document   TEXT NOT NULL
) /* strict */;
-- Most identities are active persons; only the others are worth an index.
CREATE INDEX identities_disabled ON identities (id) WHERE state = 'disabled';
CREATE INDEX identities_service ON identities (id) WHERE kind = 'service';
CREATE INDEX identities_guest ON identities (id) WHERE kind = 'guest';

CREATE TABLE identifiers (
	kind     TEXT NOT NULL,
	key      TEXT COLLATE "C" NOT NULL,
	identity TEXT COLLATE "C" NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
	verified BOOLEAN NOT NULL,
	PRIMARY KEY (identity, kind, key)
) /* strict, clustered */;
CREATE UNIQUE INDEX identifiers_key ON identifiers (kind, key) WHERE verified;

CREATE TABLE labels (
	kind     TEXT NOT NULL,
	name     TEXT COLLATE "C" NOT NULL,
	identity TEXT COLLATE "C" NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
	PRIMARY KEY (kind, name, identity)
) /* strict, clustered */;
CREATE INDEX labels_identity ON labels (identity);

CREATE TABLE credentials (
	id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	identity   TEXT COLLATE "C" NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
	method     TEXT NOT NULL,
	lookup     TEXT COLLATE "C" NOT NULL,
	name       TEXT NOT NULL,
	data       BYTEA NOT NULL, -- sealed
	created_at BIGINT NOT NULL,
	used_at    BIGINT NOT NULL,
	version    BIGINT NOT NULL
) /* strict */;
CREATE UNIQUE INDEX credentials_lookup ON credentials (method, lookup) WHERE lookup <> '';
CREATE INDEX credentials_identity ON credentials (identity);

CREATE TABLE attempts (
	id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	version    BIGINT NOT NULL,
	purpose    TEXT NOT NULL,
	state      TEXT NOT NULL,
	identity   TEXT COLLATE "C" NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	data       BYTEA NOT NULL -- sealed
) /* strict */;
CREATE INDEX attempts_expires ON attempts (expires_at);
CREATE INDEX attempts_identity ON attempts (identity) WHERE identity <> '';

CREATE TABLE challenges (
	scope      TEXT COLLATE "C" NOT NULL,
	method     TEXT NOT NULL,
	lookup     BYTEA,
	identity   TEXT COLLATE "C" NOT NULL,
	address    TEXT NOT NULL,
	keep       BYTEA NOT NULL, -- sealed
	keep_mac   BYTEA NOT NULL, -- names the keep, for spending exactly this one
	tries_left BIGINT NOT NULL,
	spent      BOOLEAN NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (scope, method)
) /* strict */;
CREATE UNIQUE INDEX challenges_lookup ON challenges (lookup) WHERE lookup IS NOT NULL;
CREATE INDEX challenges_expires ON challenges (expires_at);
CREATE INDEX challenges_identity ON challenges (identity) WHERE identity <> '';

-- Sessions and events are wide and many: rows in the order they come are appended to
-- SQLite's table, and only the narrow indexes are written at random places.
CREATE TABLE sessions (
	hash             BYTEA NOT NULL PRIMARY KEY,
	id               TEXT COLLATE "C" NOT NULL,
	identity         TEXT COLLATE "C" NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
	assurance        BIGINT NOT NULL,
	methods          TEXT NOT NULL,
	authenticated_at BIGINT NOT NULL,
	last_proved_at   BIGINT NOT NULL,
	last_seen_at     BIGINT NOT NULL,
	expires_at       BIGINT NOT NULL,
	idle_expires_at  BIGINT NOT NULL,
	device           TEXT NOT NULL
) /* strict */;
CREATE UNIQUE INDEX sessions_identity ON sessions (identity, id);
CREATE INDEX sessions_expires ON sessions (idle_expires_at);

CREATE TABLE changes (
	chain    TEXT COLLATE "C" NOT NULL,
	n        BIGINT NOT NULL,
	at       BIGINT NOT NULL,
	identity TEXT NOT NULL,
	session  TEXT NOT NULL,
	PRIMARY KEY (chain, n)
) /* strict, clustered */;
CREATE INDEX changes_at ON changes (at);

CREATE TABLE events (
	chain    TEXT COLLATE "C" NOT NULL,
	n        BIGINT NOT NULL,
	id       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	at       BIGINT NOT NULL,
	action   TEXT COLLATE "C" NOT NULL,
	outcome  TEXT NOT NULL,
	subject  TEXT COLLATE "C" NOT NULL,
	actor    TEXT NOT NULL,
	document TEXT NOT NULL,
	hash     BYTEA NOT NULL
) /* strict */;
CREATE UNIQUE INDEX events_chain ON events (chain, n);
CREATE INDEX events_subject ON events (subject, id) WHERE subject <> '';
-- What happens all the time is found soon by id; only the rest is worth an index.
CREATE INDEX events_action ON events (action, id) WHERE action NOT IN ('attempt.started', 'challenge.sent', 'proof.given', 'proof.refused', 'session.opened');

CREATE TABLE chains (
	chain TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	node  TEXT NOT NULL,
	n     BIGINT NOT NULL,
	hash  BYTEA NOT NULL,
	at    BIGINT NOT NULL,
	mac   BYTEA NOT NULL
) /* strict */;
CREATE INDEX chains_at ON chains (at);

CREATE TABLE outbox (
	id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	channel    TEXT NOT NULL,
	state      TEXT NOT NULL, -- waiting, done, dead
	due_at     BIGINT NOT NULL, -- waiting: not before; else: since when
	tries      BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	sent_at    BIGINT NOT NULL,
	reason     TEXT NOT NULL,
	data       BYTEA -- sealed; nothing once sent
) /* strict */;
CREATE INDEX outbox_due ON outbox (state, due_at);
-- Contents are kept for the development inbox alone; elsewhere this index is empty.
CREATE INDEX outbox_kept ON outbox (due_at, id) WHERE state = 'done' AND data IS NOT NULL;

CREATE TABLE budgets (
	key        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	used       BIGINT NOT NULL,
	rounds     BIGINT NOT NULL,
	until_at   BIGINT NOT NULL, -- end of the window or of the pause
	idle_at    BIGINT NOT NULL, -- from then on the row means nothing
	touched_at BIGINT NOT NULL,
	most       BIGINT NOT NULL,
	span       BIGINT NOT NULL, -- the window; 0 for guesses
	pause      BIGINT NOT NULL
) /* strict, clustered */;
CREATE INDEX budgets_idle ON budgets (idle_at);

CREATE TABLE replies (
	key        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	request    BYTEA NOT NULL, -- a keyed hash
	state      TEXT NOT NULL, -- pending, kept
	response   BYTEA, -- sealed
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
) /* strict */;
CREATE INDEX replies_expires ON replies (expires_at);

CREATE TABLE data_keys (
	id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	wrapped    BYTEA NOT NULL,
	created_at BIGINT NOT NULL
) /* strict */;

-- +goose Down
DROP TABLE data_keys;
DROP TABLE replies;
DROP TABLE budgets;
DROP TABLE outbox;
DROP TABLE chains;
DROP TABLE events;
DROP TABLE changes;
DROP TABLE sessions;
DROP TABLE challenges;
DROP TABLE attempts;
DROP TABLE credentials;
DROP TABLE labels;
DROP TABLE identifiers;
DROP TABLE identities;
