package splunk

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// BenchmarkBatches sends events of a usual size to a server on this machine, in turn one in a request and as many as come
// together, with as many attempts at once as each has by default, and reports events a second of both and their ratio.
func BenchmarkBatches(b *testing.B) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"text":"Success","code":0}`)
	}))
	defer s.Close()
	const round = 2000
	send := func(cfg Config, workers int) time.Duration {
		cfg.URLs, cfg.Token = []string{s.URL}, notifier.PlainSecret(token)
		client, err := notifier.NewClient(notifier.Network{}, nil, workers)
		if err != nil {
			b.Fatal(err)
		}
		defer client.CloseIdleConnections()
		n, err := New(cfg, client)
		if err != nil {
			b.Fatal(err)
		}
		next := make(chan int, round)
		for i := range round {
			next <- i
		}
		close(next)
		var done sync.WaitGroup
		begun := time.Now()
		for range workers {
			done.Go(func() {
				for i := range next {
					e := bruteForce()
					e.Delivery = strconv.Itoa(i)
					e.Parts["event.json"] = display.Words(typical)
					if _, err := n.Notify(b.Context(), e); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		done.Wait()
		return time.Since(begun)
	}
	single := Config{Batch: notifier.Batching{Size: 1}}
	var alone, together time.Duration
	rounds := 0
	for b.Loop() {
		alone += send(single, 8)
		together += send(Config{}, Config{}.Parallel())
		rounds++
	}
	perSecond := func(d time.Duration) float64 { return float64(rounds*round) / d.Seconds() }
	b.ReportMetric(perSecond(alone), "single/s")
	b.ReportMetric(perSecond(together), "batched/s")
	b.ReportMetric(perSecond(together)/perSecond(alone), "ratio")
}

// typical is an event as the default template makes it.
const typical = `{"app":"sshd","vendor_product":"OSSEC HIDS","type":"alert","id":"1795440502.8","family":"auth_failure","severity":"medium","severity_id":10,` +
	`"signature":"SSHD brute force trying to get access to the system.","signature_id":"5712","description":"SSH brute force from 203.0.113.9 on web-01","action":"failure",` +
	`"src":"203.0.113.9","src_ip":"203.0.113.9","dest":"web-01","dest_ip":"10.0.0.5","user":"admin","count":8,` +
	`"log":"Nov 23 13:20:17 web-01 sshd[2007]: Failed password for invalid user admin from 203.0.113.9 port 4007 ssh2"}`
