package notifier

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"sync"

	"github.com/ossec-notify/ossec-notify/regular"
)

// Certificates are the files of a receiver's TLS: whom to trust beside the authorities of the system, and who we are. A
// file that was changed is read again, so a new certificate needs no restart, and while one is of no use messages wait.
type Certificates struct {
	prefix                    string // before the names of the settings, in errors
	caFile, certFile, keyFile string

	mu     sync.Mutex
	seen   []fs.FileInfo // of the files, as they were when config was made
	config *tls.Config   // nil when one of them is of no use
}

// NewCertificates reads the files, each of which may be "". The settings that name them are ca_file, cert_file and key_file,
// with the prefix.
func NewCertificates(prefix, caFile, certFile, keyFile string) (*Certificates, error) {
	c := &Certificates{prefix: prefix, caFile: caFile, certFile: certFile, keyFile: keyFile}
	_, err := c.Config()
	return c, err
}

// Config is what the files make, TLS 1.2 at least: the same until one of them changes. It is not to be changed. Where a
// file cannot be read or is of no use, that is a temporary failure.
func (c *Certificates) Config() (*tls.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := c.look() // before they are read: a change in between is seen the next time
	if c.config != nil && unchanged(c.seen, seen) {
		return c.config, nil
	}
	c.config, c.seen = nil, seen
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.caFile != "" {
		pool, err := certPool(c.caFile)
		if err != nil {
			return nil, failedFiles(err, "write the certificate of the server's authority into it", c.prefix+"ca_file")
		}
		config.RootCAs = pool
	}
	if c.certFile != "" {
		pair, err := keyPair(c.certFile, c.keyFile)
		if err != nil {
			return nil, failedFiles(err, "write the certificate and its key into them, in PEM form and not encrypted", c.prefix+"cert_file, "+c.prefix+"key_file")
		}
		config.Certificates = []tls.Certificate{pair}
	}
	c.config = config
	return config, nil
}

// failedFiles is the failure of files that the settings name. remedy is for those that can be read.
func failedFiles(err error, remedy, settings string) *Error {
	e := Errorf(Temporary, "%s: %w", settings, err)
	if unread := (*fs.PathError)(nil); !errors.As(err, &unread) {
		e.Hint = remedy + "; messages wait until then"
	}
	return e
}

// look is what the files are now; nil for one that is not there.
func (c *Certificates) look() []fs.FileInfo {
	var seen []fs.FileInfo
	for _, file := range []string{c.caFile, c.certFile, c.keyFile} {
		if file != "" {
			st, _ := os.Stat(file) // reading it says what is wrong
			seen = append(seen, st)
		}
	}
	return seen
}

func unchanged(before, now []fs.FileInfo) bool {
	for i, a := range before {
		b := now[i]
		if a == nil || b == nil || !os.SameFile(a, b) || a.Size() != b.Size() || !a.ModTime().Equal(b.ModTime()) {
			return false
		}
	}
	return true
}

// certPool is the system's certificates and those of a file in PEM form.
func certPool(file string) (*x509.CertPool, error) {
	pem, err := regular.Read(file, maxPEM)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", file)
	}
	return pool, nil
}

// keyPair is a certificate and its key, from two files in PEM form.
func keyPair(certFile, keyFile string) (tls.Certificate, error) {
	cert, err := regular.Read(certFile, maxPEM)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := regular.Read(keyFile, maxPEM)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%s and %s are not a certificate and its key: %w", certFile, keyFile, err)
	}
	return pair, nil
}

// maxPEM bounds a file of certificates or of a key, in bytes.
const maxPEM = 4 << 20

// certified is a transport that goes by certificates of files. It is made anew when they change.
type certified struct {
	certificates *Certificates
	make         func(*tls.Config) *http.Transport

	mu     sync.Mutex
	config *tls.Config // that transport was made with
	now    *http.Transport
}

// RoundTrip makes a request, unless a file is of no use.
func (c *certified) RoundTrip(req *http.Request) (*http.Response, error) {
	t, err := c.transport()
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	return t.RoundTrip(req)
}

func (c *certified) transport() (*http.Transport, error) {
	config, err := c.certificates.Config()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if config != c.config {
		if c.now != nil {
			c.now.CloseIdleConnections()
		}
		c.config, c.now = config, c.make(config.Clone())
	}
	return c.now, nil
}

// CloseIdleConnections is what http.Client looks for.
func (c *certified) CloseIdleConnections() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now != nil {
		c.now.CloseIdleConnections()
	}
}
