package outbox

// State is where a delivery stands in its life.
type State string

// The states. A delivery is entered as pending, held or suppressed. The first three are open: somebody has
// still to do something. The last three are ends, from which only a person's word ([DB.Retry]) leads back.
const (
	// Pending waits for its turn. [DB.Next] moves it to delivering once it is due and the first of its
	// receiver's queue; [DB.Expire] makes it dead when it has waited for too long; [DB.Drop] suppresses it. A
	// crash does not touch it.
	Pending State = "pending"

	// Delivering was handed out by [DB.Next]: the owner is at it, and nobody else may change it. [DB.Finish]
	// moves it on. After a crash nobody knows whether the message arrived: the next owner makes it pending
	// again at [Open], marked ambiguous, in its old place of the queue.
	Delivering State = "delivering"

	// Held waits for a time that has nothing to do with failure: the end of a window, a digest. When that has
	// come, [DB.Next] makes it pending, and only then does its age begin to count. [DB.Retry] releases it
	// before its time, [DB.Drop] suppresses it. A crash does not touch it.
	Held State = "held"

	// Delivered was accepted by the receiver's service. It stays, so that the same alert is not told again and
	// people can see what became of it, until [DB.Prune] removes it.
	Delivered State = "delivered"

	// Suppressed was not sent, on purpose: a silence, a throttle, a person ([DB.Drop]); the reason says which.
	// It stays like a delivered one.
	Suppressed State = "suppressed"

	// Dead was given up: refused for good, or out of time; the reason says which. It is a dead letter: kept
	// longer than the others so that a person can find it, mend the cause and retry it.
	Dead State = "dead"
)

// States are all of them, in the order in which [DB.Find] lists deliveries.
func States() []State { return []State{Delivering, Pending, Held, Dead, Suppressed, Delivered} }

// Open reports whether somebody has still to do something: the delivery is pending, delivering or held.
func (s State) Open() bool { return s == Pending || s == Delivering || s == Held }

func (s State) known() bool {
	switch s {
	case Pending, Delivering, Held, Delivered, Suppressed, Dead:
		return true
	}
	return false
}
