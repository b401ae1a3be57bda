package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
)

const (
	defaultSignature       = "X-Ossec-Notify-Signature"
	defaultTimestampHeader = "X-Ossec-Notify-Timestamp"
)

// HMAC signs every request, so that the receiver can tell that it comes from us, unchanged and lately. Two
// headers are sent: the time of the attempt in Unix seconds, and "sha256=" with the hexadecimal HMAC-SHA256 of
// that time, a dot, and the body exactly as it travels (compressed, with gzip). To verify, in Python:
//
//	stamp = request.headers["X-Ossec-Notify-Timestamp"]
//	want = hmac.new(secret, stamp.encode() + b"." + request.get_data(), "sha256").hexdigest()
//	ok = hmac.compare_digest("sha256=" + want, request.headers["X-Ossec-Notify-Signature"])
//	fresh = abs(time.time() - int(stamp)) < 300
//	if not (ok and fresh): abort(401)
type HMAC struct {
	Secret notifier.Secret `yaml:"secret"`
	// Header and TimestampHeader take the place of the names above.
	Header          string `yaml:"header"`
	TimestampHeader string `yaml:"timestamp_header"`
}

func (h *HMAC) validate(bad func(key, format string, args ...any)) {
	if h.Secret.IsZero() {
		bad("hmac.secret", "is missing: the key that the receiver knows too")
	}
	if h.Header != "" && !isToken(h.Header) {
		bad("hmac.header", "is no name of a header: letters, digits and - only")
	}
	if h.TimestampHeader != "" && !isToken(h.TimestampHeader) {
		bad("hmac.timestamp_header", "is no name of a header: letters, digits and - only")
	}
	if h.Header != "" && http.CanonicalHeaderKey(h.Header) == http.CanonicalHeaderKey(h.TimestampHeader) {
		bad("hmac.timestamp_header", "is the same as hmac.header")
	}
}

// signature is the value of the signature's header.
func signature(secret, timestamp, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "." + body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func timestamp(now time.Time) string { return strconv.FormatInt(now.Unix(), 10) }
