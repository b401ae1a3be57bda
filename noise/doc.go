// Package noise owns which messages are made of the alerts that receivers are to be told of, and when: repeats are counted,
// alerts are grouped, what is above a rate comes as a digest, what a silence or a window keeps back is told when that is over,
// and an incident goes on until somebody takes it or it is resolved. It knows no channel, no template and no config file, and
// it sends nothing: it decides in the transactions of the outbox, in which all its state is kept.
//
// # What a caller may rely on
//
//   - No alert is lost. For each receiver that the routes chose there is a delivery of it, whatever is decided, and its notes
//     say why. It is pending (told by itself), held (in a bundle, or for a step of an escalation), or suppressed: a repeat of
//     one that was told, silenced, told with others, or answered by somebody before its step came.
//   - What is not told by itself is counted, and the count is told: a repeat by the next message, by an edit of the first, or
//     when it has been quiet; what was silenced, inhibited, or held for a window, a digest or a rate by one message when that
//     is over. The counts of that message are those of the deliveries that name it.
//   - Everything that is known between two decisions is in the outbox, written in the transaction of the decision. A process
//     that is killed at any moment leaves nothing half decided, and the next goes on as if it had been there.
//   - The same alert, coming a second time by another way, is counted once and gets the verdict that it had. A receiver that
//     was told nothing of what it repeats, or of what it resolves, is told.
//   - Of no throttle more messages are taken than it lets out: alerts, and messages about bundles. What follows a message (a
//     count, a step, an answer) and the two notices of a storm are not taken out of it.
//   - Receivers under `always` are told of everything, at once. So is one that ossec.conf describes. One that is called by its
//     name is touched by silences and by its own limits alone.
//
// # The order of decisions
//
// For each route that chose receivers, the first of these that applies decides:
//
//  1. resolve: an alert that closes an incident is told by closing its messages, and calls nobody.
//  2. silence, asked for by a person.
//  3. inhibit: another alert is fresh.
//  4. the windows of the route: in other times it is held, or others are told. Where none will open it is told after a day.
//  5. dedup: a repeat within the window is counted. One that is more severe than what was told is told. Where the first one
//     waits, its repeats wait with it.
//  6. digest, then group: it waits for others.
//  7. throttle of the route.
//
// Then for each receiver its own throttle, and the storm brake.
//
// # Bundles
//
// A bundle is the deliveries that will be told together. When its time has come a message about all of them is entered, an
// alert of our own making whose body is a [digest.Summary], and what was held ends as suppressed, with the name of that
// message. Where one alert alone was held, it is told itself. Of what was silenced or inhibited nobody is paged where others
// are told the same. What is above a throttle by then goes into the bundle of that.
// The escalation of a group begins with its message. Where another bundle lets one alert out by itself, that of its route
// begins then, unless a digest was asked for; no other message about many begins one.
//
// # Storms
//
// A receiver that takes so many messages a second and has so many waiting that they would take longer than it permits is
// braked: what waits and what comes with a low severity, and if that is not enough a medium one, goes into a bundle that is
// told every five minutes. It is enough where the rest takes a tenth of the time that begins a storm. Messages to PagerDuty,
// those of a high severity and messages about bundles are never held by it. It ends when nothing waits any more and less
// comes than the receiver can take. One notice says that it begins, and which severities are held; another where these
// become more, and one that it is over.
package noise
