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
