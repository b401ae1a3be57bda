// Package rules owns the question which receivers want an alert: matchers, which test one alert; routes, which
// are tried in order and name receivers; and the table of a whole config, with the receivers that always hear
// and those that hear what no route took. It reads its part of the config from YAML nodes, so that every mistake
// is reported with its place, and it says of each decision why it was made.
//
// It does not know what a receiver is (to it, a receiver is a name), loads no file, and parses no alert.
// "Rule" alone always means OSSEC's own rule that fired; what this package holds are routes.
//
// # Matchers
//
// A [Match] is a conjunction: every key must hold. A field that an alert lacks matches nothing, and so a `not`
// around its matcher holds. Empty is lacking: the alert formats write an absent field as an empty one.
// A leading ! in a text is part of that text's matcher, which needs a field to look at: on an alert that lacks
// the field it does not hold.
//
// # Routes
//
// Routes are tried in order and the first match ends the search, unless it says continue. Below a route that
// matched, its children are tried in the same way; if none matches, the route itself decides. See [Table].
//
// [Table.Decide] and [Table.Choose] are one walk, with and without the reasons. [Table.Tree] is the same with all that lies beside the
// way: the routes that were not asked, and what each matcher says. [Table.Check] asks no alert, but reasons about the matchers: which
// routes can none reach?
//
// # Policies
//
// Beside receivers, a route has settings: when they are told, how often, and who is told next. Each is inherited for
// itself, whole, and ended by none. What they come to is worked out when the routes are read: the [Policy] of a route,
// which each [Choice] carries. This package only says it; who keeps the counts and the times goes by it.
package rules
