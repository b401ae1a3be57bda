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
-- What noise control keeps: further messages about one alert, alerts that are told together, silences, acknowledgements.

ALTER TABLE delivery ADD COLUMN kind    TEXT NOT NULL DEFAULT '';  -- '' is the message; others are told later
ALTER TABLE delivery ADD COLUMN bundle  TEXT NOT NULL DEFAULT '';  -- what it is told with
ALTER TABLE delivery ADD COLUMN notes   TEXT NOT NULL DEFAULT '';  -- why it is where it is, a line each, for people
ALTER TABLE delivery ADD COLUMN about   TEXT NOT NULL DEFAULT '';  -- what the message must know, as the caller writes it
ALTER TABLE delivery ADD COLUMN receipt TEXT NOT NULL DEFAULT '';  -- how the service calls the message that it took
DROP INDEX delivery_alert;
CREATE UNIQUE INDEX delivery_alert  ON delivery (alert, receiver, kind);
CREATE INDEX        delivery_bundle ON delivery (bundle, receiver) WHERE bundle <> '';
CREATE INDEX        delivery_later  ON delivery (alert) WHERE open = 1 AND kind <> '';

CREATE TABLE state (
	key   TEXT    PRIMARY KEY,
	due   INTEGER NOT NULL,          -- when somebody must look at it; 0: never
	value TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX state_due ON state (due) WHERE due > 0;

CREATE TABLE silence (
	id       TEXT    PRIMARY KEY,
	match    TEXT    NOT NULL,
	starts   INTEGER NOT NULL,
	ends     INTEGER NOT NULL,       -- 0: when somebody ends it
	every    TEXT    NOT NULL,       -- the times of the week at which it holds; '' is always
	reason   TEXT    NOT NULL,
	author   TEXT    NOT NULL,
	created  INTEGER NOT NULL,
	silenced INTEGER NOT NULL        -- alerts so far
) STRICT, WITHOUT ROWID;

CREATE TABLE ack (
	identity   TEXT    NOT NULL,
	occurrence INTEGER NOT NULL,
	author     TEXT    NOT NULL,
	via        TEXT    NOT NULL,
	receiver   TEXT    NOT NULL,     -- in whose service; '' is ours
	at         INTEGER NOT NULL,
	told       INTEGER NOT NULL,     -- 1: the receivers were told
	PRIMARY KEY (identity, occurrence)
) STRICT, WITHOUT ROWID;
CREATE INDEX ack_untold ON ack (told) WHERE told = 0;
