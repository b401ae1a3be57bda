package notifier

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func egress(t *testing.T, entries ...string) *Egress {
	t.Helper()
	e := NewEgress()
	for _, text := range entries {
		entry, err := ParseEgressEntry(text)
		if err != nil {
			t.Fatal(err)
		}
		e.allow = append(e.allow, entry)
	}
	return e
}

func TestEgressPermits(t *testing.T) {
	tests := []struct {
		entry, host, address string
		want                 bool
	}{
		{"hooks.slack.com", "hooks.slack.com", "3.68.1.1:443", true},
		{"hooks.slack.com", "HOOKS.Slack.com.", "3.68.1.1:443", true},
		{"Hooks.Slack.COM.", "hooks.slack.com", "3.68.1.1:443", true},
		{"hooks.slack.com", "slack.com", "3.68.1.1:443", false},
		{"hooks.slack.com", "hooks.slack.com.evil.test", "3.68.1.1:443", false},
		{"hooks.slack.com", "3.68.1.1", "3.68.1.1:443", false},
		{"*.example.com", "a.example.com", "3.68.1.1:443", true},
		{"*.example.com", "a.b.example.com", "3.68.1.1:443", true},
		{"*.example.com", "example.com", "3.68.1.1:443", false},
		{"*.example.com", "anexample.com", "3.68.1.1:443", false},
		{"mail.example.com:587", "mail.example.com", "3.68.1.1:587", true},
		{"mail.example.com:587", "mail.example.com", "3.68.1.1:25", false},

		{"192.0.2.7", "192.0.2.7", "192.0.2.7:443", true},
		{"192.0.2.7", "any.example.com", "192.0.2.7:443", true},
		{"192.0.2.7", "192.0.2.8", "192.0.2.8:443", false},
		{"192.0.2.7:25", "192.0.2.7", "192.0.2.7:25", true},
		{"192.0.2.7:25", "192.0.2.7", "192.0.2.7:443", false},
		{"192.0.2.0/24", "any.example.com", "192.0.2.255:1", true},
		{"192.0.2.0/24", "any.example.com", "192.0.3.0:1", false},
		{"192.0.2.0/24", "any.example.com", "[::ffff:192.0.2.7]:1", true},
		{"::ffff:192.0.2.0/120", "any.example.com", "192.0.2.7:1", true},
		{"::ffff:192.0.2.7", "any.example.com", "192.0.2.7:1", true},
		{"2001:db8::/32", "any.example.com", "[2001:db8::7]:443", true},
		{"[2001:db8::7]:443", "2001:db8::7", "[2001:db8::7]:443", true},
		{"[2001:db8::7]:443", "2001:db8::7", "[2001:db8::7]:444", false},
		{"[2001:db8::7]", "2001:db8::7", "[2001:db8::7]:444", true},
		{"fe80::/10", "fe80::1%eth0", "[fe80::1%eth0]:25", true},
		{"0.0.0.0/0", "any.example.com", "[2a00:1450::1]:443", false},

		// A name alone leads to nothing but public addresses.
		{"hooks.example.com", "hooks.example.com", "127.0.0.1:443", false},
		{"hooks.example.com", "hooks.example.com", "[::1]:443", false},
		{"hooks.example.com", "hooks.example.com", "[::ffff:127.0.0.1]:443", false},
		{"hooks.example.com", "hooks.example.com", "0.0.0.0:443", false},
		{"hooks.example.com", "hooks.example.com", "[::]:443", false},
		{"hooks.example.com", "hooks.example.com", "10.1.2.3:443", false},
		{"hooks.example.com", "hooks.example.com", "172.31.0.1:443", false},
		{"hooks.example.com", "hooks.example.com", "192.168.1.1:443", false},
		{"hooks.example.com", "hooks.example.com", "[fd12::1]:443", false},
		{"hooks.example.com", "hooks.example.com", "[fe80::1%eth0]:443", false},
		{"hooks.example.com", "hooks.example.com", "[ff02::1]:443", false},
		{"hooks.example.com", "hooks.example.com", "224.0.0.1:443", false},
		{"hooks.example.com", "hooks.example.com", "255.255.255.255:443", false},
		// The metadata of clouds: most of them, AWS by IPv6, Alibaba, Oracle, Azure.
		{"hooks.example.com", "hooks.example.com", "169.254.169.254:80", false},
		{"hooks.example.com", "hooks.example.com", "[fd00:ec2::254]:80", false},
		{"hooks.example.com", "hooks.example.com", "100.100.100.200:80", false},
		{"hooks.example.com", "hooks.example.com", "192.0.0.192:80", false},
		{"hooks.example.com", "hooks.example.com", "168.63.129.16:80", false},
		// IPv4 inside IPv6: NAT64, also of a network's own, 6to4, Teredo.
		{"hooks.example.com", "hooks.example.com", "[64:ff9b::a9fe:a9fe]:80", false},
		{"hooks.example.com", "hooks.example.com", "[64:ff9b::344:101]:443", true},
		{"hooks.example.com", "hooks.example.com", "[64:ff9b:1::344:101]:443", false},
		{"hooks.example.com", "hooks.example.com", "[2002:a9fe:a9fe::1]:80", false},
		{"hooks.example.com", "hooks.example.com", "[2001::1]:80", false},
		{"hooks.example.com", "hooks.example.com", "[2a00:1450:4001::1]:443", true},
	}
	for _, tt := range tests {
		if got := egress(t, tt.entry).Permits(tt.host, netip.MustParseAddrPort(tt.address)); got != tt.want {
			t.Errorf("%s: %s (%s): got %v, want %v", tt.entry, tt.address, tt.host, got, tt.want)
		}
	}
}

func TestEgressKnowsWithoutDNSWhatItCannotPermit(t *testing.T) {
	tests := []struct {
		entries          []string
		host             string
		port             uint16
		may, throughHTTP bool
	}{
		{[]string{"hooks.slack.com"}, "hooks.slack.com", 443, true, true},
		{[]string{"hooks.slack.com:443"}, "hooks.slack.com", 80, false, false},
		{[]string{"hooks.slack.com"}, "evil.test", 443, false, false},
		{[]string{"hooks.slack.com", "10.0.0.0/8"}, "splunk.example.com", 8088, true, false},
		{[]string{"10.0.0.7:25"}, "splunk.example.com", 8088, false, false},
		{[]string{"10.0.0.0/8"}, "10.1.2.3", 443, true, true},
		{[]string{"10.0.0.0/8"}, "192.0.2.7", 443, false, false},
		{[]string{"127.0.0.1"}, "localhost", 25, true, false},
		{[]string{"10.0.0.0/8"}, "localhost", 25, false, false},
		{nil, "hooks.slack.com", 443, false, false},
		{nil, "127.0.0.1", 443, false, false},
	}
	for _, tt := range tests {
		e := egress(t, tt.entries...)
		if may, through := e.MayPermit(tt.host, tt.port), e.PermitsName(tt.host, tt.port); may != tt.may || through != tt.throughHTTP {
			t.Errorf("%q: %s:%d: got %v, through a proxy %v, want %v, %v", tt.entries, tt.host, tt.port, may, through, tt.may, tt.throughHTTP)
		}
	}
	if none := (*Egress)(nil); !none.MayPermit("evil.test", 1) || !none.PermitsName("evil.test", 1) || !none.Permits("evil.test", netip.MustParseAddrPort("127.0.0.1:1")) {
		t.Error("without a list, something is not permitted")
	}
}

func TestEgressEntriesThatAreNone(t *testing.T) {
	for text, want := range map[string]string{
		"https://hooks.slack.com/services/T0/B0/s3cr3t": "write its host alone, hooks.slack.com",
		"https://s3cr3t@":  "write a host alone",
		"10.0.0.1/8":       "write 10.0.0.0/8",
		"10.0.0.0/33":      "is no network",
		"10.0.0.0/8:25":    "is no network",
		"mail.test:smtp":   "port",
		"mail.test:0":      "port",
		"mail.test:65536":  "port",
		"mail.test:":       "port",
		"fe80::1%eth0":     "leave the zone out",
		"localhost":        "127.0.0.1",
		"LOCALHOST.:25":    "127.0.0.1",
		"*":                "is no entry",
		"*.":               "is no entry",
		"hooks.*.test":     "is no entry",
		"foo*.example.com": "is no entry",
		"*.*.example.com":  "is no entry",
		".example.com":     "is no entry",
		"300.1.1.1":        "is no entry",
		"127.1":            "is no entry",
		"2130706433":       "is no entry",
		"bücher.example":   "is no entry",
		"a b":              "is no entry",
		"[2001:db8::7":     "is no entry",
		"":                 "is no entry",
	} {
		e, err := ParseEgressEntry(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: got %v, want an error with %q", text, err, want)
		}
		if e != (EgressEntry{}) {
			t.Errorf("%q: got %+v with the error", text, e)
		}
	}
	if NewEgress(EgressEntry{}).MayPermit("", 0) {
		t.Error("an entry that was not read permits something")
	}
}

// names is a DNS server on loopback: it answers with the addresses (IPv4) that a name has now.
type names struct {
	address string
	asked   atomic.Int32

	mu sync.Mutex
	of map[string][]string
}

func startNames(t *testing.T) *names {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &names{address: conn.LocalAddr().String(), of: map[string][]string{}}
	var all sync.WaitGroup
	all.Go(func() {
		query := make([]byte, 512)
		for {
			size, from, err := conn.ReadFrom(query)
			if err != nil {
				return
			}
			n.asked.Add(1)
			_, _ = conn.WriteTo(n.answer(query[:size]), from)
		}
	})
	t.Cleanup(func() {
		conn.Close()
		all.Wait()
	})
	return n
}

// leads says where a name leads from now on.
func (n *names) leads(name string, addresses ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.of[name] = addresses
}

// answer is RFC 1035, 4.1: a header of 12 bytes, the question as it came, and the records.
func (n *names) answer(query []byte) []byte {
	const header, typeA = 12, 1
	var labels []string
	at := header
	for query[at] != 0 {
		labels = append(labels, string(query[at+1:at+1+int(query[at])]))
		at += 1 + int(query[at])
	}
	question := query[header : at+5]
	var addresses []string
	if question[len(question)-3] == typeA {
		n.mu.Lock()
		addresses = n.of[strings.Join(labels, ".")]
		n.mu.Unlock()
	}
	out := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, byte(len(addresses)), 0, 0, 0, 0}, question...)
	for _, a := range addresses {
		ip := netip.MustParseAddr(a).As4()
		out = append(append(out, 0xc0, header, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4), ip[:]...)
	}
	return out
}

// resolver asks the server.
func (n *names) resolver() *net.Resolver { return resolver(n.address) }

func resolver(address string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", address)
	}}
}

// listening counts the requests that arrive at an address of this host, and has a port of its own.
func listening(t *testing.T, address string, h http.HandlerFunc) (port string, requests *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	requests = new(atomic.Int32)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if h != nil {
			h(w, r)
		}
	}))
	s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port, requests
}

// guarded makes a client that opens a connection for each request.
func guarded(t *testing.T, e *Egress, cfg Network) *http.Client {
	t.Helper()
	client, err := NewClient(cfg, e, 0)
	if err != nil {
		t.Fatal(err)
	}
	client.Transport.(*http.Transport).DisableKeepAlives = true
	return client
}

// refused checks that a request was not made, and how that is told.
func refused(t *testing.T, got *Error, text, hint string) {
	t.Helper()
	if got == nil || got.Reason != Misconfigured || got.Ambiguous || got.Err.Error() != "post: "+text || !strings.Contains(got.Hint, hint) {
		t.Errorf("got %+v: %v\nwant misconfigured: %s, with a hint of %q", got, got, text, hint)
	}
}

func TestEgressLooksAtTheAddressThatIsDialed(t *testing.T) {
	port, requests := listening(t, "127.0.0.1:0", nil)
	otherPort, elsewhere := listening(t, "127.0.0.2:"+port, nil)
	if otherPort != port {
		t.Fatal("the two servers need one port")
	}
	dns := startNames(t)
	e := egress(t, "127.0.0.1")
	e.resolver = dns.resolver()
	client := guarded(t, e, Network{})
	attempt := func() *Error {
		return Do(client, request(t, t.Context(), "http://hooks.example.com:"+port+"/s3cr3t")).Failure("post")
	}

	dns.leads("hooks.example.com", "127.0.0.1")
	if e := attempt(); e != nil || requests.Load() != 1 {
		t.Fatalf("got %v, %d requests, want none, 1", e, requests.Load())
	}
	dns.leads("hooks.example.com", "127.0.0.2") // the name leads elsewhere now
	refused(t, attempt(), "egress: 127.0.0.2:"+port+" (hooks.example.com) is not in the allow-list", "add it to egress.allow")

	dns.leads("hooks.example.com", "127.0.0.2", "127.0.0.1") // both: the one that is permitted serves
	if e := attempt(); e != nil || requests.Load() != 2 {
		t.Errorf("one of two addresses: got %v, %d requests, want none, 2", e, requests.Load())
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("%d requests left the list", n)
	}
}

func TestServerThatIsDownIsTriedAgainThoughAnotherAddressIsNotPermitted(t *testing.T) {
	port, elsewhere := listening(t, "127.0.0.2:0", nil)
	dns := startNames(t)
	dns.leads("hooks.example.com", "127.0.0.2", "127.0.0.1") // nobody listens at the second
	e := egress(t, "127.0.0.1")
	e.resolver = dns.resolver()
	got := Do(guarded(t, e, Network{}), request(t, t.Context(), "http://hooks.example.com:"+port)).Failure("post")
	if got == nil || got.Reason != Temporary || !strings.Contains(got.Error(), "refused") || elsewhere.Load() != 0 {
		t.Errorf("got %v, %d requests elsewhere, want a temporary error and none", got, elsewhere.Load())
	}
}

func TestNameInTheListDoesNotLeadIntoThisHost(t *testing.T) {
	port, requests := listening(t, "127.0.0.1:0", nil)
	dns := startNames(t)
	dns.leads("hooks.example.com", "127.0.0.1")
	e := egress(t, "hooks.example.com")
	e.resolver = dns.resolver()
	got := Do(guarded(t, e, Network{}), request(t, t.Context(), "http://hooks.example.com:"+port)).Failure("post")
	refused(t, got, "egress: 127.0.0.1:"+port+" (hooks.example.com) is not in the allow-list", "public addresses only")
	if requests.Load() != 0 {
		t.Error("the request arrived")
	}
}

func TestNameThatCannotBePermittedIsNotLookedUp(t *testing.T) {
	dns := startNames(t)
	e := egress(t, "hooks.example.com")
	e.resolver = dns.resolver()
	got := Do(guarded(t, e, Network{}), request(t, t.Context(), "https://tell.evil.test/")).Failure("post")
	refused(t, got, "egress: tell.evil.test:443 is not in the allow-list", "add it to egress.allow")
	if n := dns.asked.Load(); n != 0 {
		t.Errorf("DNS was asked %d times, want never", n)
	}
}

// TestRedirectDoesNotLeaveTheList has a client that follows, which ours do not.
func TestRedirectDoesNotLeaveTheList(t *testing.T) {
	otherPort, elsewhere := listening(t, "127.0.0.2:0", nil)
	port, requests := listening(t, "127.0.0.1:0", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.2:"+otherPort+"/", http.StatusTemporaryRedirect)
	})
	client := guarded(t, egress(t, "127.0.0.1"), Network{})
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return nil }
	_, err := client.Do(request(t, t.Context(), "http://127.0.0.1:"+port))
	left := (*EgressError)(nil)
	if !errors.As(err, &left) || left.Address != "127.0.0.2:"+otherPort || requests.Load() != 1 || elsewhere.Load() != 0 {
		t.Errorf("got %v, %d requests, %d elsewhere, want the list's error, 1, 0", err, requests.Load(), elsewhere.Load())
	}
}

func TestEgressHoldsThroughAProxy(t *testing.T) {
	port, asked := listening(t, "127.0.0.1:0", nil)
	proxy := Network{Proxy: PlainSecret("http://127.0.0.1:" + port)}
	tests := []struct {
		name          string
		allow         []string
		url           string
		refused, hint string // empty where the proxy is to be asked
	}{
		{"both in the list", []string{"127.0.0.1", "hooks.example.com"}, "http://hooks.example.com/", "", ""},
		{"an address", []string{"127.0.0.1", "192.0.2.7"}, "http://192.0.2.7/", "", ""},
		{"the target is not", []string{"127.0.0.1", "hooks.example.com"}, "http://evil.test/", "egress: evil.test:80 is not in the allow-list", "where a proxy looks it up"},
		{"the target is not, TLS", []string{"127.0.0.1", "hooks.example.com"}, "https://evil.test/", "egress: evil.test:443 is not in the allow-list", "where a proxy looks it up"},
		{"a network says nothing of a name", []string{"0.0.0.0/0"}, "http://hooks.example.com/", "egress: hooks.example.com:80 is not in the allow-list", "where a proxy looks it up"},
		{"the target's port is not", []string{"127.0.0.1", "hooks.example.com:443"}, "http://hooks.example.com/", "egress: hooks.example.com:80 is not in the allow-list", "where a proxy looks it up"},
		{"metadata by address", []string{"127.0.0.1", "hooks.example.com"}, "http://169.254.169.254/", "egress: 169.254.169.254:80 is not in the allow-list", "add it to egress.allow"},
		{"the proxy is not", []string{"hooks.example.com"}, "http://hooks.example.com/", "proxyconnect tcp: egress: 127.0.0.1:" + port + " is not in the allow-list", "add it to egress.allow"},
		{"the proxy is not, TLS", []string{"hooks.example.com"}, "https://hooks.example.com/", "proxyconnect tcp: egress: 127.0.0.1:" + port + " is not in the allow-list", "add it to egress.allow"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := asked.Load()
			got := Do(guarded(t, egress(t, tt.allow...), proxy), request(t, t.Context(), tt.url)).Failure("post")
			if tt.refused == "" {
				if got != nil || asked.Load() != before+1 {
					t.Errorf("got %v, want the proxy asked", got)
				}
				return
			}
			refused(t, got, tt.refused, tt.hint)
			if asked.Load() != before {
				t.Error("the proxy was asked")
			}
		})
	}
}

func TestProbeIsBoundByTheList(t *testing.T) {
	port, requests := listening(t, "127.0.0.1:0", nil)
	got := Classify(Reach(t.Context(), guarded(t, egress(t, "hooks.example.com"), Network{}), "http://127.0.0.1:"+port))
	if want := "cannot reach 127.0.0.1:" + port + ": egress: 127.0.0.1:" + port + " is not in the allow-list"; got.Reason != Misconfigured || got.Err.Error() != want || requests.Load() != 0 {
		t.Errorf("got %v: %v, want misconfigured: %s", got.Reason, got, want)
	}
}

func TestRefusalStaysOneWithoutASecretThatStandsInIt(t *testing.T) {
	a := Do(guarded(t, egress(t, "hooks.example.com"), Network{}), request(t, t.Context(), "https://k3y-of-a-customer.evil.test/"))
	a.Redact("k3y-of-a-customer")
	refused(t, a.Failure("post"), "egress: [redacted].evil.test:443 is not in the allow-list", "add it to egress.allow")
}

// TestProxiesOfTheEnvironmentAreNotAsked has a process of its own, because net/http reads the environment once. The host
// has a name, because net/http asks no proxy for addresses of this host.
func TestProxiesOfTheEnvironmentAreNotAsked(t *testing.T) {
	const target, server = "NOTIFIER_TEST_URL", "NOTIFIER_TEST_DNS"
	if os.Getenv(target) != "" {
		e := egress(t, "127.0.0.1")
		e.resolver = resolver(os.Getenv(server))
		if e := Do(guarded(t, e, Network{}), request(t, t.Context(), os.Getenv(target))).Failure("post"); e != nil {
			t.Fatal(e)
		}
		return
	}
	proxyPort, asked := listening(t, "127.0.0.1:0", nil)
	port, requests := listening(t, "127.0.0.1:0", nil)
	dns := startNames(t)
	dns.leads("hooks.example.com", "127.0.0.1")
	u := url.URL{Scheme: "http", Host: "hooks.example.com:" + port, Path: "/"}
	cmd := exec.Command(os.Args[0], "-test.run=^TestProxiesOfTheEnvironmentAreNotAsked$")
	cmd.Env = append(os.Environ(), target+"="+u.String(), server+"="+dns.address)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		cmd.Env = append(cmd.Env, name+"=http://127.0.0.1:"+proxyPort)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if requests.Load() != 1 || asked.Load() != 0 {
		t.Errorf("%d requests at the server, %d at the proxy, want 1, 0", requests.Load(), asked.Load())
	}
}
