package page

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// event says "look again" to those who look.
type event struct {
	name string
	data any
}

// stream is one connection of GET /events.
type stream struct {
	events chan event
	closed bool // no more are sent; under the server's lock
}

// streamBacklog is how many events may wait for one connection. Who is slower than that is hung up on: it connects again,
// and asks for what is now.
const streamBacklog = 32

// send puts an event into the stream, or ends it. The server's lock is held.
func (x *stream) send(e event) {
	if x.closed {
		return
	}
	select {
	case x.events <- e:
	default:
		x.closed = true
		close(x.events)
	}
}

// end sends the last event.
func (x *stream) end(e event) {
	x.send(e)
	if !x.closed {
		x.closed = true
		close(x.events)
	}
}

func (s *Server) tell(e event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for x := range s.streams {
		x.send(e)
	}
}

// Changed tells those who look of a save.
func (s *Server) Changed(c Change) { s.tell(event{"change", c}) }

// Impact tells them how many alerts' messages the save of a revision changes, as far as was looked.
func (s *Server) Impact(revision int, i Impact) {
	s.tell(event{"impact", struct {
		Revision int `json:"rev"`
		Impact
	}{revision, i}})
}

// Arrived tells them that something came into the inbox.
func (s *Server) Arrived(item string) { s.tell(event{"arrived", counted{item, s.opt.Inbox.Unread()}}) }

// read tells them that something in the inbox was looked at, in any of their pages.
func (s *Server) read(item string, unread int) { s.tell(event{"read", counted{item, unread}}) }

// counted is an item of the inbox, and how many are unread after what became of it.
type counted struct {
	Item   string `json:"item"`
	Unread int    `json:"unread"`
}

// events is a stream of them. It begins with hello, so that nothing need be told again to who was away.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	x := &stream{events: make(chan event, streamBacklog)}
	s.mu.Lock()
	full := s.closing || len(s.streams) >= maxStreams
	if !full {
		s.streams[x] = struct{}{}
	}
	s.mu.Unlock()
	if full {
		refuse(w, http.StatusServiceUnavailable, "too many pages look at once", "close some of them")
		return
	}
	defer func() {
		s.mu.Lock()
		delete(s.streams, x)
		s.mu.Unlock()
	}()
	state, err := s.state(r.Context())
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error(), "")
		return
	}
	c := http.NewResponseController(w)
	write := func(text string) bool {
		if c.SetWriteDeadline(time.Now().Add(beat)) != nil {
			return false
		}
		if _, err := fmt.Fprint(w, text); err != nil {
			return false
		}
		return c.Flush() == nil
	}
	_ = c.SetReadDeadline(time.Time{}) // it would end the stream
	w.Header().Set("Content-Type", "text/event-stream")
	hello := event{"hello", struct {
		Instance string `json:"instance"`
		Revision int    `json:"rev"`
		Unread   int    `json:"unread"`
	}{state.Instance, state.Revision, state.Unread}}
	if !write("retry: 1000\n" + hello.text()) {
		return
	}
	alive := time.NewTicker(beat)
	defer alive.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-alive.C:
			if !write(":\n\n") {
				return
			}
		case e, ok := <-x.events:
			if !ok || !write(e.text()) {
				return
			}
		}
	}
}

// text is the event as it is sent. JSON holds no line end.
func (e event) text() string {
	b, err := json.Marshal(e.data)
	if err != nil { // of numbers and strings alone
		b = []byte("{}")
	}
	return "event: " + e.name + "\ndata: " + string(b) + "\n\n"
}
