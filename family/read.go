package family

import (
	"cmp"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

// kind is one family: how it is recognised and how it is read. Kinds are tried in the order of [kinds]; the
// first that fits reads the alert, and "other" fits always.
type kind struct {
	family string
	class  string
	is     func(a *alert.Alert) bool
	// read fills r (facts, next step, object, details) and the pieces of the sentence. What it leaves out is
	// made by finish.
	read func(a *alert.Alert, r *Reading, s *sentence)
}

// kinds are the families, in the order in which they are tried: what says most about an alert comes first, so
// that a failed logon on Windows is a failed logon before it is an event of Windows.
var kinds = []kind{
	unreadableKind(),
	enrichmentKind(),
	responseKind(),
	agentKind(),
	fimKind(),
	rootcheckKind(),
	scaKind(),
	vulnerabilityKind(),
	cloudKind(),
	dockerKind(),
	idsKind(),
	authSuccessKind(),
	authFailureKind(),
	privilegeKind(),
	webKind(),
	windowsKind(),
	otherKind(),
}

// Read reads an alert: it finds its family and says what a person needs to know. It never fails; the less an
// alert holds, the less is said.
func Read(a *alert.Alert) *Reading {
	r := &Reading{}
	count(a, r)
	for _, k := range kinds {
		if !k.is(a) {
			continue
		}
		s := &sentence{}
		r.Family, r.Class = k.family, k.class
		k.read(a, r, s)
		finish(a, r, s)
		break
	}
	return r
}

// Names are the names of all families.
func Names() []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.family)
	}
	return names
}

// maxFacts is how many facts a message shows; a reader who is given more has to search.
const maxFacts = 6

// finish makes what is made in the same way for all families.
func finish(a *alert.Alert, r *Reading, s *sentence) {
	agent := readHost(a, r)
	facts := append(r.write(s, a), agent...)
	own := r.Facts
	r.Facts = nil
	for _, f := range append(facts, own...) {
		r.fact(f.Label, f.Value)
	}
	r.addTries(a)
	r.Facts = r.Facts[:min(len(r.Facts), maxFacts)]
	r.addPlaces(a)

	r.Program = firstOf(a.Program, r.Program, a.Decoder)
	r.Object = cmp.Or(r.Object, "-")
	r.readEvidence(a)
	r.readNote(a)
}

// readHost decides which name the host has in messages. A name that does not look like one is shown as a fact
// only, and the host goes by the number that the manager gave to its agent.
func readHost(a *alert.Alert, r *Reading) []Fact {
	switch {
	case cleanHost(a.Host):
		r.Host = a.Host
		return nil
	case absent(a.Host):
		return nil
	case cleanHost(a.Agent.ID):
		r.Host = "agent " + a.Agent.ID
	case a.Agent.Name != "":
		r.Host = "an agent"
	default:
		r.Host = "a host"
		return []Fact{{"Host", display.Quote(a.Host)}}
	}
	return []Fact{{"Agent", display.Quote(a.Host)}}
}
