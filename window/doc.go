// Package window owns times of the week and of the year: how they are written, at which times a [Window] is open,
// and when that changes next; and how a moment is written. It knows neither alerts nor routes, and asks no clock: the
// time is always given.
//
// # Spans
//
// A window is open while one of its spans is. A span has days of the week, dates, and a time of the day from which
// and to which it lasts; each may be missing, and what is missing does not restrict. With days and dates, both must
// hold. They are asked of the day on which the span begins: one from 22:00 to 06:00 on fridays is open until
// saturday, 06:00. Without times a span is the whole day.
//
// # When clocks change
//
// Times are those that clocks show in the zone of the span. On a day D, a span
//
//   - begins when clocks show its from, or a later time, for the first time;
//   - ends when clocks pass its to for the last time, that is, when they will not show an earlier time any more.
//
// On nearly all days that is what everybody expects. The others follow from it:
//
//   - Clocks jump forward from 02:00 to 03:00, and 02:30 does not exist: what begins or ends at 02:30 does so with
//     the first instant behind the gap. From 02:15 to 02:45 is nothing on that day.
//   - Clocks go back from 03:00 to 02:00, and 02:30 comes twice: what begins at 02:30 begins with its first, what
//     ends at 02:30 ends with its last. At 02:00 clocks pass from earlier to later times once, before they go back,
//     and that is when a span to 02:00 ends.
//   - A span past midnight over the change lasts an hour less or more, from its from to its to.
//   - A whole day is all that has its date: also one that begins at 01:00, has 00:00 twice, or does not exist.
//
// So two spans of which one ends where the other begins never leave a gap between them, on no day.
package window
