// Package outbox owns that nothing is lost: from the moment an alert was taken out of the spool until each of
// its deliveries has come to an end. It is one SQLite file, written by the process that holds the state
// directory's lock (the owner) and read by any other. To this package an alert is an identity, a header and
// bytes; it knows no alert format, no channel, no route, no template, and it sends nothing.
//
// # What is kept
//
// An alert is kept once per (identity, occurrence). A delivery is one alert for one receiver, and there is at
// most one of a kind per (alert, receiver): the same alert may come by three ways and is told once to each
// receiver; what is told of it later has kinds of its own. A bundle is deliveries that are told together. An
// attempt is one try at a delivery. Beside them: how each receiver fares (backoff), counters, a few texts under a
// key ([DB.Meta]), texts that have a time ([DB.Due]), silences, and who has taken which alert.
//
// # What a caller may rely on
//
//   - [DB.Accept] is one transaction for the whole batch. When it returns nil, the alerts and all their
//     deliveries are on the disk (synchronous=FULL), and the caller may remove them from the spool. When it
//     returns an error, or the process dies before, none of them is: the caller keeps them and tries again.
//     Accepting what was accepted before changes nothing, so dying between Accept and the removal from the
//     spool is harmless too. An arrival that asks for a new occurrence would repeat itself there; so it must
//     name its spool record, and a record makes one occurrence, however often it is accepted.
//   - [DB.Next] hands a delivery out once. It is delivering until [DB.Finish] says what came of it. A process
//     that dies in between leaves it delivering; the next owner finds it at [Open] and makes it pending and
//     ambiguous: it may have arrived, so it is sent again and can say so. That is the only way in which this
//     package makes a delivery go out twice; there is none in which it goes out never.
//   - [DB.Finish] is one transaction as well: outcomes, attempts, backoff, and the deliveries to the fallbacks
//     of receivers that gave up. There is no instant at which a delivery is dead and its fallback unknown.
//     [DB.Turn] is both at once, for who goes through a queue: it waits for the disk once and not twice.
//   - A write that has begun is not given up when its context ends: what happened is recorded. The context
//     ends the waiting for one's turn, and every read.
//   - Only the methods [DB.Retry], [DB.Drop], [DB.AddSilence], [DB.EndSilence] and [DB.Acknowledge] change anything
//     from another process, and none touches a delivery that the owner is delivering.
//   - Notes of a delivery tell its way: what holds, moves, ends or releases it beside an attempt adds a line.
//   - An alert or delivery that is waiting is never removed, neither by age nor by size.
//
// # Order
//
// A receiver's queue is ordered by severity, highest first, then by the time at which the delivery was queued,
// then as accepted. A delivery that is tried again keeps its place. One that was held, or dead and retried by a
// person, queues as if it had come at that moment: it does not push what is new aside, and its age (see
// [DB.Expire]) counts from there. A delivery may have a time before which it is not due; a receiver may have one
// too ([Receiver.NextAt], backoff), and then nothing of its queue is due.
//
// # What it costs
//
// Every step finds its rows by an index whose new entries lie beside each other, so its cost does not grow with
// what waits: the next delivery of a receiver, recognising an alert that was seen, finding a delivery by its
// name. Counts are kept, not taken. The exception are identities that are hashes: they scatter, and over a million
// alerts accepting one costs twice as much as over a thousand. Many at once are cheaper, in and out: every
// transaction waits for the disk.
//
// # Other processes
//
// The file is in WAL mode: readers see the last commit and never wait for the writer, nor it for them. A writer
// waits for another one for [Options.Busy], then gets [ErrBusy]. WAL needs a local file system. [DB.Watch] tells
// that somebody else committed.
//
// # Schema
//
// PRAGMA user_version numbers it; schema/ holds a file for each step. Only the owner migrates, in one
// transaction. A file that is newer than the program is left alone ([ErrNewer]), one that is older is not read
// by others ([ErrOlder]) until an owner has migrated it.
//
// # Damage
//
// An owner that finds the file malformed renames it, with its -wal, to outbox.db.corrupt-TIME, starts a new one
// and copies over what it can still read of what waited or was dead ([Report]). Nothing else of it is taken
// over: an alert of which only delivered deliveries were known would be told again if it came again. Whether the
// file is sound is looked at after an unclean end (a -wal or -shm was left behind) and when the caller asks; damage that
// shows later makes methods fail with [ErrCorrupt], and the owner closes and opens again with [Options.Suspect].
// All the while the spool accepts.
package outbox
