package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// taker is every service at once: it takes each message, and keeps none.
type taker struct{ n int }

func (t *taker) RoundTrip(req *http.Request) (*http.Response, error) {
	t.n++
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
		_ = req.Body.Close()
	}
	status, body := http.StatusOK, "ok"
	switch req.URL.Host {
	case "events.pagerduty.com":
		status, body = http.StatusAccepted, `{"status":"success","dedup_key":"x"}`
	case "splunk.example.com:8088":
		body = `{"text":"Success","code":0}`
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
}

// BenchmarkMessage is one alert on its whole way but for the outbox and the network: decoded, matched, rendered
// and encoded for one receiver.
func BenchmarkMessage(b *testing.B) {
	for _, channel := range []string{
		"slack: {webhook_url: https://hooks.slack.com/services/T0/B0/x}",
		"pagerduty: {routing_key: 0123456789abcdef0123456789abcdef}",
		"splunk: {url: https://splunk.example.com:8088, token: 00000000-0000-0000-0000-000000000000}",
		"webhook: {url: https://hook.example.com/}",
	} {
		name, _, _ := strings.Cut(channel, ":")
		b.Run(name, func(b *testing.B) {
			end := &taker{}
			d, err := mustLoad(b, "receivers: {r: {"+channel+"}}\nroutes: [{match: {level: 5}, to: [r]}]\n").Dispatcher(config.Options{Client: &http.Client{Transport: end}, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			raw := corpusAlert(b, "wazuh/5712-ssh-brute-force.json", time.UTC).Raw
			b.ReportAllocs()
			for b.Loop() {
				a := alert.Parse(raw, alert.Options{Location: time.UTC})
				for _, x := range d.Plan(a) {
					n, err := d.Notification(x)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := x.Receiver.Notifier.Notify(b.Context(), n); err != nil {
						b.Fatal(err)
					}
				}
			}
			if end.n == 0 {
				b.Fatal("nothing was sent")
			}
		})
	}
	// What the request alone costs, to be taken off.
	b.Run("request", func(b *testing.B) {
		d, err := mustLoad(b, "receivers: {r: {slack: {webhook_url: https://hooks.slack.com/services/T0/B0/x}}}\ndefault: [r]\n").Dispatcher(config.Options{Client: &http.Client{Transport: &taker{}}, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		n := notifier.Notification{Action: notifier.Trigger, Parts: map[string]display.Text{"text": display.Words("x")}}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := d.Receivers["r"].Notifier.Notify(b.Context(), n); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// sink is a webhook's server that answers at once, and counts.
type sink struct {
	*http.Server
	url    string
	n      atomic.Int64
	opened atomic.Int64
	want   int64
	all    chan struct{}
}

func newSink(tb testing.TB, want int) *sink {
	tb.Helper()
	s := &sink{want: int64(want), all: make(chan struct{})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s.url = "http://" + l.Addr().String() + "/"
	s.Server = &http.Server{
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if s.n.Add(1) == s.want {
				close(s.all)
			}
		}),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				s.opened.Add(1)
			}
		},
	}
	go func() { _ = s.Serve(l) }()
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

// manyAlerts are lines of alerts.json as Wazuh writes them for a refused login, each of 1.3 KB.
func manyAlerts(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `{"timestamp":"2026-11-23T13:20:17.412+0000","rule":{"level":5,"description":"sshd: Attempt to login using a non-existent user","id":"5710","mitre":{"id":["T1110.001","T1021.004","T1078"],"tactic":["Credential Access","Lateral Movement","Defense Evasion","Persistence","Privilege Escalation","Initial Access"],"technique":["Password Guessing","SSH","Valid Accounts"]},"firedtimes":%d,"mail":false,"groups":["syslog","sshd","authentication_failed","invalid_login"],"gdpr":["IV_35.7.d","IV_32.2"],"gpg13":["7.1"],"hipaa":["164.312.b"],"nist_800_53":["AU.14","AC.7","AU.6"],"pci_dss":["10.2.4","10.2.5","10.6.1"],"tsc":["CC6.1","CC6.8","CC7.2","CC7.3"]},"agent":{"id":"001","name":"web-01","ip":"192.0.2.11","labels":{"site":"berlin","owner":"web team"}},"manager":{"name":"mgr"},"cluster":{"name":"wazuh","node":"worker-01"},"id":"1795440017.%d","full_log":"Nov 23 13:20:17 web-01 sshd[4721]: Failed password for invalid user admin from 203.0.113.9 port 40022 ssh2","predecoder":{"program_name":"sshd","timestamp":"Nov 23 13:20:17","hostname":"web-01"},"decoder":{"parent":"sshd","name":"sshd"},"data":{"srcip":"203.0.113.9","srcport":"40022","srcuser":"admin"},"location":"/var/log/auth.log"}`+"\n", i, i)
	}
	return b.Bytes()
}

// peakMiB is the most memory that a process had.
func peakMiB(b *testing.B, pid int) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	var kib float64
	if _, err := fmt.Sscan(peak, &kib); err != nil {
		b.Fatalf("%v in\n%s", err, status)
	}
	return kib / 1024
}

// BenchmarkServe is the daemon as it runs: an operation is an alert that it reads from alerts.json, stores, renders
// and posts to a webhook that answers at once. The metrics are of the daemon's process alone; "direct" is the same
// number of posts by a client that does nothing else, for the ratio.
func BenchmarkServe(b *testing.B) {
	b.Run("daemon", func(b *testing.B) {
		s := newSink(b, b.N)
		in := newInstallation(b, fmt.Sprintf(`receivers: {hook: {webhook: {url: "%s"}}}
default: [hook]
follow: [logs/alerts/alerts.json]
time_zone: UTC
`, s.url))
		if err := os.MkdirAll(filepath.Join(in.home, "logs", "alerts"), 0o755); err != nil {
			b.Fatal(err)
		}
		feed, err := os.OpenFile(filepath.Join(in.home, "logs", "alerts", "alerts.json"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			b.Fatal(err)
		}
		defer feed.Close()
		daemon := in.serveBy(built(b, "."))
		in.until("at the end of the file", func() bool { return strings.Contains(in.log(), "msg=following") })
		alerts := manyAlerts(b.N)
		b.ResetTimer()
		if _, err := feed.Write(alerts); err != nil {
			b.Fatal(err)
		}
		select {
		case <-s.all:
		case <-time.After(5 * time.Minute):
			b.Fatalf("%d of %d arrived; the log:\n%s", s.n.Load(), b.N, in.log())
		}
		b.StopTimer()
		// Not ru_maxrss: a child inherits what its parent had before exec.
		b.ReportMetric(peakMiB(b, daemon.Process.Pid), "MiB")
		in.stop(daemon)
		cpu := daemon.ProcessState.UserTime() + daemon.ProcessState.SystemTime()
		b.ReportMetric(cpu.Seconds()/float64(b.N)*10_000, "cpu-s/10k")
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "alerts/s")
		b.ReportMetric(float64(s.opened.Load()), "connections")
		if got := s.n.Load(); got != int64(b.N) {
			b.Errorf("%d posts for %d alerts", got, b.N)
		}
	})
	b.Run("direct", func(b *testing.B) {
		s := newSink(b, b.N)
		body := bytes.Repeat([]byte("x"), 2000)
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
		var workers sync.WaitGroup
		var left atomic.Int64
		left.Store(int64(b.N))
		b.ResetTimer()
		for range 8 {
			workers.Go(func() {
				for left.Add(-1) >= 0 {
					resp, err := client.Post(s.url, "application/json", bytes.NewReader(body))
					if err != nil {
						b.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
			})
		}
		workers.Wait()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "alerts/s")
	})
}
