package sandbox

import (
	"net/http"
	"sync"
)

// Reply is how a service is to misbehave once. The zero value changes nothing and only takes its place in the
// queue; the fields combine.
type Reply struct {
	// Status, if not 0, is answered in place of the service, which does not see the message: it is not accepted.
	// For mail it is the SMTP code.
	Status int
	// Header and Body go with Status. For mail only Body counts: the text behind the code, with an enhanced
	// code before it if there is to be one ("4.2.2 mailbox full").
	Header http.Header
	Body   string

	// Hold keeps the answer back until the channel is closed, the sender goes away or the server is closed. The
	// message is in the inbox before that, so a test can wait for it and then decide.
	Hold <-chan struct{}
	// Reset breaks the connection in place of the answer. Without Status the service has taken the message by
	// then: the sender cannot know.
	Reset bool
	// CloseAfterHeaders sends status, header and half of the body, and then breaks the connection. For mail it
	// is the same as Reset.
	CloseAfterHeaders bool

	// At is the SMTP command that the reply is for: EHLO, AUTH, MAIL, RCPT or DATA; DATA if empty. It means
	// nothing to the other services.
	At string
}

// breaks reports whether the sender gets no whole answer.
func (r Reply) breaks() bool { return r.Reset || r.CloseAfterHeaders }

// script holds the replies that wait for each service.
type script struct {
	mu    sync.Mutex
	queue map[Service][]Reply
}

func (s *script) add(service Service, replies []Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queue == nil {
		s.queue = map[Service][]Reply{}
	}
	s.queue[service] = append(s.queue[service], replies...)
}

// next takes the first reply of a service if it is for this command; at is "" outside SMTP.
func (s *script) next(service Service, at string) Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queue[service]
	if len(q) == 0 {
		return Reply{}
	}
	if for_ := q[0].At; at != "" && at != for_ && (at != "DATA" || for_ != "") {
		return Reply{}
	}
	s.queue[service] = q[1:]
	return q[0]
}
