package site

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/follow"
	"github.com/ossec-notify/ossec-notify/spool"
)

// nameServer is one that answers questions for the names of addresses which have a name in names, and no others. It gives its address, and
// what it is asked.
func nameServer(t *testing.T, names map[string]string) (address string, asked <-chan string) {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	questions := make(chan string, 100)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			question, end := b[12:n], 12
			var labels []string
			for len(question) > 0 && question[0] > 0 && int(question[0]) < len(question) {
				labels = append(labels, string(question[1:1+question[0]]))
				end, question = end+1+int(question[0]), question[1+question[0]:]
			}
			end += 1 + 4
			asked := strings.Join(labels, ".")
			select {
			case questions <- asked:
			default:
			}
			name, known := names[asked]
			if !known {
				continue
			}
			var data []byte
			for label := range strings.SplitSeq(name, ".") {
				data = append(append(data, byte(len(label))), label...)
			}
			data = append(data, 0)
			out := append([]byte{b[0], b[1], 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0}, b[12:end]...)
			out = append(out, 0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 60) // of the name of the question: PTR, IN, for a minute
			out = binary.BigEndian.AppendUint16(out, uint16(len(data)))
			if _, err := c.WriteTo(append(out, data...), from); err != nil {
				t.Error(err)
			}
		}
	}()
	t.Cleanup(func() {
		c.Close()
		<-ended
	})
	return c.LocalAddr().String(), questions
}

// blockAlert is what OSSEC writes when a response blocked an address.
func blockAlert(id, rule, action, address string) string {
	return fmt.Sprintf(`{"rule":{"level":3,"comment":"Host Blocked by firewall-drop.sh Active Response","sidid":%s,"firedtimes":1,"group":"ossec,active_response,","groups":["ossec","active_response"]},`+
		`"id":"1795440504.%s","TimeStamp":1795440504000,"decoder":"ar_log","action":"firewall-drop.sh","srcip":"%s","status":"%s","data":"5712","location":"/var/ossec/logs/active-responses.log",`+
		`"full_log":"Mon Nov 23 13:28:24 UTC 2026 /var/ossec/active-response/bin/firewall-drop.sh %s - %s 1795439488.12345 5712","hostname":"gate","agent_name":"gate"}`,
		rule, id, address, action, action, address)
}

// namingSite is an installation with a config, and the source of what its spool holds.
func namingSite(t *testing.T, config string) (*Site, *spoolSource, func(id, address string) string) {
	t.Helper()
	home := t.TempDir()
	etc, state := filepath.Join(home, "etc"), filepath.Join(home, "state")
	if err := os.MkdirAll(etc, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(etc, "ossec-notify.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s := openSite(t, home, state, nil, discard)
	if s.fault != nil {
		t.Fatal(s.fault)
	}
	source := s.Spool(t.Context()).(*spoolSource)
	source.pruned = time.Now() // there is no outbox to ask what receivers are used
	return s, source, func(id, address string) string {
		t.Helper()
		name, err := spool.Write(state, &spool.Record{Name: "notify", File: "a.alert", Alert: []byte(blockAlert(id, "601", "add", address)), Arrival: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
}

// takes are the alerts that a source gives now: their ids and what field holds of them.
func takes(t *testing.T, from *spoolSource, field string) (all []string) {
	t.Helper()
	arrivals, _, done, err := from.Take(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range arrivals {
		all = append(all, fmt.Sprint(strings.TrimPrefix(a.Alert.ID, "1795440504."), a.Alert.Lookup(field)))
	}
	if done != nil {
		if err := done(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

const namingConfig = `receivers:
  soc: {slack: {webhook_url: "https://hooks.slack.com/services/T0/B0/x"}}
default: [soc]
enrich:
  reverse_dns: {server: "SERVER", timeout: 2s}
`

// A name server that does not answer delays the alerts of that address alone, and no longer than it may. The lock is free meanwhile: a
// config loads, and whoever asks for it gets it.
func TestANameServerThatHangsDelaysItsOwnAlertAlone(t *testing.T) {
	t.Parallel()
	server, asked := nameServer(t, map[string]string{"142.69.2.81.in-addr.arpa": "gate.example.net"})
	s, source, write := namingSite(t, strings.Replace(namingConfig, "SERVER", server, 1))
	write("1", "89.160.20.112") // of which nothing is heard
	write("2", "203.0.113.9")   // which has no name
	write("3", "89.160.20.112") // goes behind the first, not before
	if got := fmt.Sprint(takes(t, source, "srcip_name")); got != "[2[]]" {
		t.Fatalf("at once come %s, want the one whose name nobody asks for", got)
	}
	if got := <-asked; got != "112.20.160.89.in-addr.arpa" {
		t.Errorf("asked for %s", got)
	}
	write("4", "81.2.69.142")
	before := s.loadCount()
	s.Reload()
	if s.loadCount() != before+1 || s.Config() == nil || s.Sound() != nil {
		t.Error("the config does not load meanwhile")
	}
	got := map[string]bool{}
	late := time.After(30 * time.Second)
	for len(got) < 3 {
		select {
		case <-source.Ready():
		case <-late:
			t.Fatalf("came: %v", got)
		}
		for _, x := range takes(t, source, "srcip_name") {
			got[x] = true
		}
	}
	for _, want := range []string{"1[]", "3[]", "4[gate.example.net]"} {
		if !got[want] {
			t.Errorf("came %v, want %s", got, want)
		}
	}
	if len(source.names) != 0 {
		t.Errorf("%d records are waited for", len(source.names))
	}
}

// A call that no spool takes waits likewise.
func TestACallWithoutASpoolWaitsForANameOnce(t *testing.T) {
	t.Parallel()
	server, _ := nameServer(t, nil)
	s, _, _ := namingSite(t, strings.Replace(namingConfig, "SERVER", server, 1))
	record := &spool.Record{Name: "notify", Alert: []byte(blockAlert("1", "601", "add", "89.160.20.112")), Arrival: time.Now()}
	_, err := s.arrival("", record, true)
	var pending *pendingError
	if !errors.As(err, &pending) {
		t.Fatalf("got %v", err)
	}
	var out dispatch.Arrival
	pending.then(func() { out, err = s.arrival("", record, false) })
	if err != nil || len(out.Deliveries) != 1 || out.Alert.Lookup("srcip_name") != nil {
		t.Errorf("got %+v, %v", out, err)
	}
	if n := s.Config().Enrich.Notes(); len(n) != 1 || !strings.Contains(n[0].String(), "reverse_dns: no answer within 2s") {
		t.Errorf("notes %v", n)
	}
}

// While alerts come in, configs load. Each alert goes by one of them as a whole: what one adds is never seen by the routes of another.
func TestAnAlertIsEnrichedAndRoutedByTheSameConfig(t *testing.T) {
	t.Parallel()
	config := func(name string) string {
		return strings.ReplaceAll(`receivers:
  NAME: {slack: {webhook_url: "https://hooks.slack.com/services/T0/B0/x"}}
  nobody: {slack: {webhook_url: "https://hooks.slack.com/services/T0/B0/y"}}
enrich:
  tables:
    asset: {file: NAME.csv, by: agent}
routes:
  - {name: theirs, match: {field.asset.owner: "^NAME$"}, to: [NAME]}
default: [nobody]
`, "NAME", name)
	}
	s, source, write := namingSite(t, config("first"))
	etc := filepath.Join(s.home, "etc")
	for _, name := range []string{"first", "second"} {
		if err := os.WriteFile(filepath.Join(etc, name+".csv"), []byte("agent,owner\ngate,"+name+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const alerts = 200
	for i := range alerts {
		write(fmt.Sprint(i), "203.0.113.9")
	}
	done := make(chan struct{})
	var loading sync.WaitGroup
	loading.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			err := os.WriteFile(s.path+".new", []byte(config([]string{"second", "first"}[i%2])), 0o600)
			if err := errors.Join(err, os.Rename(s.path+".new", s.path)); err != nil {
				t.Error(err)
				return
			}
			s.Reload()
		}
	})
	to := map[string]int{}
	for left := alerts; left > 0; {
		arrivals, _, remove, err := source.Take(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range arrivals {
			for _, d := range a.Deliveries {
				if owner := a.Alert.Lookup("asset.owner"); len(owner) != 1 || owner[0] != d.Receiver.Name {
					t.Errorf("the alert of %v goes to %s", owner, d.Receiver.Name)
				}
				to[d.Receiver.Name]++
			}
		}
		if remove != nil {
			if err := remove(); err != nil {
				t.Fatal(err)
			}
		}
		left -= len(arrivals)
	}
	close(done)
	loading.Wait()
	if to["first"]+to["second"] != alerts {
		t.Errorf("alerts went to %v", to)
	}
}

// So does a batch of a file that serve follows; other files go on.
func TestAFileWhoseNamesAreAskedForHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	server, _ := nameServer(t, nil)
	s, _, _ := namingSite(t, strings.Replace(namingConfig, "SERVER", server, 1))
	f := &Followers{site: s, ready: make(chan struct{}, 1), cfg: s.Config()}
	for path, address := range map[string]string{"hangs": "89.160.20.112", "goes on": "203.0.113.9"} {
		a := alert.Parse([]byte(blockAlert(path, "601", "add", address)), alert.Options{})
		f.all = append(f.all, &follower{path: path, held: []follow.Batch{{Alerts: []*alert.Alert{a}}}})
	}
	take := func() (id string) {
		arrivals, _, _, err := f.Take(t.Context(), 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range arrivals {
			id += strings.TrimPrefix(a.Alert.ID, "1795440504.")
		}
		return id
	}
	if got := []string{take(), take()}; got[0] != "goes on" || got[1] != "" {
		t.Fatalf("at once come %q", got)
	}
	select {
	case <-f.Ready():
	case <-time.After(30 * time.Second):
		t.Fatal("nothing comes any more")
	}
	if got := take(); got != "hangs" {
		t.Errorf("then comes %q", got)
	}
}
