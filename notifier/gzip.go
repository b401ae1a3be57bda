package notifier

import (
	"bytes"
	"compress/gzip"
)

// Gzip compresses the body of a request that is sent with Content-Encoding: gzip.
func Gzip(body []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(body) // a bytes.Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}
