-- Times are microseconds since 1970, UTC; 0 is none.

CREATE TABLE alert (
	id         INTEGER PRIMARY KEY,  -- in the order of acceptance
	identity   TEXT    NOT NULL,
	occurrence INTEGER NOT NULL,     -- from 1
	record     TEXT    NOT NULL,     -- the spool record that made it, where the caller named one
	arrived    INTEGER NOT NULL,
	time       INTEGER NOT NULL,
	severity   INTEGER NOT NULL,
	rule       TEXT    NOT NULL,
	title      TEXT    NOT NULL,
	bare       INTEGER NOT NULL,     -- 1: nobody gets it
	header     BLOB    NOT NULL,
	raw        BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX alert_identity ON alert (identity, occurrence);
CREATE UNIQUE INDEX alert_record   ON alert (record) WHERE record <> '';
CREATE INDEX        alert_bare     ON alert (arrived) WHERE bare = 1;

CREATE TABLE delivery (
	seq       INTEGER PRIMARY KEY,
	tag       INTEGER NOT NULL,      -- finds it by its id: see tag.go
	id        TEXT    NOT NULL,
	alert     INTEGER NOT NULL,
	receiver  TEXT    NOT NULL,
	channel   TEXT    NOT NULL,
	route     TEXT    NOT NULL,
	severity  INTEGER NOT NULL,
	state     TEXT    NOT NULL,
	open      INTEGER NOT NULL,      -- 1: pending, delivering or held. The indexes ask for this and not for the
	                                 -- state, so that going from pending to delivering touches none of them
	reason    TEXT    NOT NULL,
	queued    INTEGER NOT NULL,
	due       INTEGER NOT NULL,      -- 0: now, which keeps what waits for its time out of delivery_ready
	changed   INTEGER NOT NULL,
	attempts  INTEGER NOT NULL,
	ambiguous INTEGER NOT NULL
) STRICT;
CREATE INDEX        delivery_tag   ON delivery (tag);
CREATE UNIQUE INDEX delivery_alert ON delivery (alert, receiver);
CREATE INDEX        delivery_ready ON delivery (receiver, severity DESC, queued) WHERE open = 1 AND due = 0;
CREATE INDEX        delivery_timer ON delivery (receiver, due) WHERE open = 1 AND due > 0;
CREATE INDEX        delivery_ended ON delivery (receiver, state, changed) WHERE open = 0;

CREATE TABLE attempt (
	id        INTEGER PRIMARY KEY,
	delivery  INTEGER NOT NULL,
	started   INTEGER NOT NULL,
	duration  INTEGER NOT NULL,      -- microseconds
	status    INTEGER NOT NULL,
	answer    TEXT    NOT NULL,
	error     TEXT    NOT NULL,
	ambiguous INTEGER NOT NULL,
	request   TEXT    NOT NULL
) STRICT;
CREATE INDEX attempt_delivery ON attempt (delivery);

-- How many deliveries of a receiver are in a state.
CREATE TABLE tally (
	receiver TEXT    NOT NULL,
	state    TEXT    NOT NULL,
	n        INTEGER NOT NULL,
	PRIMARY KEY (receiver, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE receiver (
	name     TEXT    PRIMARY KEY,
	failures INTEGER NOT NULL,
	next_at  INTEGER NOT NULL,
	since    INTEGER NOT NULL,
	error    TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
	key   TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
