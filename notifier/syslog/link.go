package syslog

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
)

const (
	// maxSend bounds an attempt whose context has no deadline of its own.
	maxSend = 30 * time.Second
	// settle is how long a server may take to refuse us once TLS 1.3 is set up: there, the client is done before the server has
	// looked at its certificate, and what it sends meanwhile is lost.
	settle = 250 * time.Millisecond
	// pollFirst and pollMost are between two looks at whether the server's host has all bytes.
	pollFirst = 100 * time.Microsecond
	pollMost  = 50 * time.Millisecond
	// maxChatter is how much is read of a server that talks, which none should.
	maxChatter = 4 << 10
)

var (
	errClosed      = errors.New("the server has closed the connection")
	errUnconfirmed = errors.New("the server's host has not confirmed that it has all of the message")
)

// link is the connection of a receiver. One message after the other takes it; it is made when one needs it, and closed when none has
// for some time.
type link struct {
	server server
	dial   notifier.Dial
	certs  *notifier.Certificates // of TLS
	idle   time.Duration

	turn chan struct{} // holds one: who put it there has what follows

	conn     net.Conn // nil where there is none
	reset    bool     // the connection before was reset, which nobody has been told yet
	socket   syscall.RawConn
	config   *tls.Config // that conn was made with
	leave    *time.Timer // closes conn
	leaveFor int         // counts the uses of leave: one that is late closes nothing
}

// lostBefore is what a person should know of a connection that was reset: who closes one that has something unread resets it.
const lostBefore = "the server had reset the connection: what was sent just before may be lost"

// send sends a frame, or several in one go, on the connection that there is or a new one. begun is how much of them was sent where it
// failed.
func (l *link) send(ctx context.Context, frame []byte) (begun int, warning string, err error) {
	err = l.held(ctx, func(ctx context.Context) error {
		for used := l.conn != nil; ; used = false {
			if err := l.ready(ctx); err != nil {
				return err
			}
			n, err := l.write(ctx, frame)
			if err == nil {
				if l.reset {
					warning, l.reset = lostBefore, false
				}
				return nil
			}
			l.close()
			if used && n == 0 && ctx.Err() == nil { // it broke before, which shows only now
				continue
			}
			if l.server.stream() { // UDP and sockets take all of it, or nothing
				begun = n
			}
			return l.failure(ctx, "send to", err)
		}
	})
	return begun, warning, err
}

// probe makes sure of a connection.
func (l *link) probe(ctx context.Context) error { return l.held(ctx, l.ready) }

// held calls f when it is the caller's turn.
func (l *link) held(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, maxSend, fmt.Errorf("it took longer than %v", maxSend))
	defer cancel()
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return l.failure(ctx, "wait to send to", context.Cause(ctx))
	}
	defer func() { <-l.turn }()
	if err := ctx.Err(); err != nil {
		return l.failure(ctx, "send to", context.Cause(ctx))
	}
	if l.leave != nil {
		l.leave.Stop()
	}
	l.leaveFor++
	defer l.leaveLater()
	return f(ctx)
}

// leaveLater closes the connection when nobody has used it for some time.
func (l *link) leaveLater() {
	if l.conn == nil {
		return
	}
	of := l.leaveFor
	l.leave = time.AfterFunc(l.idle, func() {
		l.turn <- struct{}{} // who has it is done within maxSend
		defer func() { <-l.turn }()
		if of == l.leaveFor {
			l.close()
		}
	})
}

// close ends the connection in good order: with TLS, the server is told that nothing was cut off.
func (l *link) close() {
	if l.conn == nil {
		return
	}
	_ = l.conn.SetDeadline(time.Now().Add(time.Second))
	_ = l.conn.Close()
	l.conn, l.socket = nil, nil
}

// ready makes sure that there is a connection that stands.
func (l *link) ready(ctx context.Context) error {
	var config *tls.Config
	if l.certs != nil {
		var err error
		if config, err = l.certs.Config(); err != nil {
			return l.failure(ctx, "send to", err)
		}
	}
	if l.conn != nil && config == l.config && l.stands(0) == nil {
		return nil
	}
	l.close()
	if err := l.connect(ctx, config); err != nil {
		silent := l.conn != nil && config != nil && ctx.Err() != nil
		l.close()
		e := l.failure(ctx, "connect to", err)
		if silent {
			e.Hint = "a server that waits in silence may speak no TLS on this port"
		}
		return e
	}
	return nil
}

func (l *link) connect(ctx context.Context, config *tls.Config) error {
	var conn net.Conn
	var err error
	switch l.server.scheme {
	case schemeUnix: // leads nowhere but to this host
		conn, err = new(net.Dialer).DialContext(ctx, "unixgram", l.server.path)
	case schemeUDP:
		conn, err = l.dial(ctx, "udp", net.JoinHostPort(l.server.host, l.server.port))
	default:
		conn, err = l.dial(ctx, "tcp", net.JoinHostPort(l.server.host, l.server.port))
	}
	if err != nil {
		return err
	}
	l.conn, l.config = conn, config
	if s, ok := conn.(syscall.Conn); ok {
		if l.socket, err = s.SyscallConn(); err != nil {
			return err
		}
	}
	if config == nil {
		return nil
	}
	own := config.Clone()
	own.ServerName = l.server.host
	secured := tls.Client(conn, own)
	if err := secured.HandshakeContext(ctx); err != nil {
		return err
	}
	l.conn = secured
	if secured.ConnectionState().Version >= tls.VersionTLS13 {
		return l.stands(settle)
	}
	return nil
}

// write sends a frame, and waits until the server's host has it where that can be known. It returns how much was sent.
func (l *link) write(ctx context.Context, frame []byte) (int, error) {
	conn := l.conn
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return 0, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	n, err := conn.Write(frame)
	if !stop() && err == nil { // its deadline is being set, or will be
		l.close()
		if l.server.stream() {
			return n, context.Cause(ctx)
		}
		return n, nil
	}
	if err != nil {
		return n, err
	}
	if !l.server.stream() {
		return n, l.refusedAtOnce()
	}
	for pause := pollFirst; ; pause = min(2*pause, pollMost) {
		left, known := unconfirmed(l.socket)
		if err := l.stands(0); err != nil {
			return n, err
		}
		if left == 0 || !known {
			return n, nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return n, fmt.Errorf("%w: %w", errUnconfirmed, context.Cause(ctx))
		}
	}
}

// refusedAtOnce is the answer of a host on which nobody listens, where it comes at once: that of this very host.
func (l *link) refusedAtOnce() error {
	if _, err := peek(l.socket); errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return nil
}

// stands reports whether the connection is still there as far as is known, waiting so long for the server to say that it is not.
// What the server says otherwise is read and forgotten.
func (l *link) stands(wait time.Duration) error {
	for read := 0; ; {
		if wait == 0 {
			n, err := peek(l.socket)
			switch {
			case errors.Is(err, syscall.EAGAIN), errors.Is(err, errors.ErrUnsupported):
				return nil
			case err != nil:
				l.reset = l.reset || errors.Is(err, syscall.ECONNRESET)
				return err
			case n == 0 && l.server.stream():
				return errClosed
			case !l.server.stream():
				return nil
			}
		}
		// There is something to read, or there may be.
		if err := l.conn.SetReadDeadline(time.Now().Add(max(wait, 10*time.Millisecond))); err != nil {
			return err
		}
		n, err := l.conn.Read(make([]byte, 512))
		if err := l.conn.SetReadDeadline(time.Time{}); err != nil {
			return err
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case errors.Is(err, io.EOF):
			return errClosed
		case err != nil:
			return err
		}
		wait = 0
		if read += n; read > maxChatter {
			return fmt.Errorf("the server talks: it said more than %d bytes, which no server of syslog does", maxChatter)
		}
	}
}

// peek looks at what there is to read, without taking it: 0 bytes mean that the server has closed. EAGAIN is that there is nothing.
func peek(socket syscall.RawConn) (n int, err error) {
	if socket == nil {
		return 0, errors.ErrUnsupported
	}
	var one [1]byte
	failed := socket.Read(func(fd uintptr) bool {
		n, _, err = syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		return true
	})
	return n, errors.Join(failed, err)
}

// failure is an error of the network, with what a person can do about it.
func (l *link) failure(ctx context.Context, what string, err error) *notifier.Error {
	if ctx.Err() != nil && !errors.Is(err, context.Cause(ctx)) {
		err = context.Cause(ctx)
	}
	e := notifier.Errorf(notifier.Temporary, "%s %s: %w", what, l.server.words(), err)
	var (
		of          *notifier.Error
		refused     *notifier.EgressError
		certificate *tls.CertificateVerificationError
		name        x509.HostnameError
		invalid     x509.CertificateInvalidError
		noTLS       tls.RecordHeaderError
		alert       tls.AlertError
		said        *net.OpError
	)
	switch {
	case errors.As(err, &of): // a file of certificates
		e.Reason, e.Hint = of.Reason, of.Hint
		e.Err = fmt.Errorf("%s %s: %w", what, l.server.words(), of.Err)
	case errors.As(err, &refused):
		e.Reason, e.Hint = notifier.Misconfigured, refused.Hint()
	// A certificate that is not trusted is mended by somebody: until then the message waits.
	case errors.As(err, &name):
		e.Hint = "write the name that the certificate is for in the setting address"
	case errors.As(err, &invalid):
		e.Hint = "the server's certificate does not hold, and must be mended there"
	case errors.As(err, &certificate):
		e.Hint = "give the certificate of the server's authority in ca_file"
	case errors.As(err, &noTLS):
		e.Reason, e.Hint = notifier.Misconfigured, "this port does not begin with TLS: write tcp:// in the address, or the port for TLS"
	case errors.As(err, &alert), errors.As(err, &said) && said.Op == "remote error":
		e.Hint = "the server refuses our certificate, or wants one: set cert_file and key_file"
	case errors.Is(err, syscall.EMSGSIZE):
		e.Reason, e.Hint = notifier.Permanent, "the message is longer than a datagram may be: lower max_bytes"
	case l.server.scheme == schemeUnix && errors.Is(err, syscall.EPROTOTYPE):
		e.Reason, e.Hint = notifier.Misconfigured, "what listens there takes connections, not datagrams"
	case l.server.scheme == schemeUnix:
		e.Hint = "is the local syslog running?"
	default:
		e.Hint = notifier.NetworkHint(err)
	}
	return e
}
