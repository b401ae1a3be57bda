package notifier

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"syscall"
)

// NetworkHint says what to do about a connection that did not come about; "" where that is not known.
func NetworkHint(err error) string {
	switch dns := (*net.DNSError)(nil); {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens there: does it run, and is the port right?"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "this host knows no such name: mend it, or see the host's DNS"
	case errors.As(err, &dns):
		return "this host's DNS gives no answer"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no way leads there from this host: see its routes and firewalls"
	}
	return ""
}

// httpHint is NetworkHint for what is not answered over HTTP.
func httpHint(err error) string {
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		noTLS   tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &unknown):
		return "give the certificate of the server's authority in network.ca_file"
	case errors.As(err, &name):
		return "write the name that the certificate is for in the setting url"
	case errors.As(err, &invalid):
		return "the server's certificate does not hold, and must be mended there"
	case errors.As(err, &noTLS), errors.Is(err, http.ErrSchemeMismatch):
		return "this port does not speak TLS: write http in place of https in the setting url, or the port for TLS"
	}
	return NetworkHint(err)
}
