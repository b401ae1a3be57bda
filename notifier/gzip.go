package notifier

import (
	"bytes"
	"compress/gzip"
	"sync"
)

// gzipWriters are kept: a new one allocates some 800 kB of tables, many times the message.
var gzipWriters = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// Gzip compresses the body of a request that is sent with Content-Encoding: gzip.
func Gzip(body []byte) []byte {
	w := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(w)
	var b bytes.Buffer
	w.Reset(&b)
	_, _ = w.Write(body) // a bytes.Buffer takes everything
	_ = w.Close()
	w.Reset(nil) // do not keep the body
	return b.Bytes()
}
