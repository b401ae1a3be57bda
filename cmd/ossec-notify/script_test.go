package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ossec-notify/ossec-notify/enrich/enrichtest"
	"github.com/ossec-notify/ossec-notify/sandbox"
	"github.com/ossec-notify/ossec-notify/spool"
)

var update = flag.Bool("update", false, "rewrite what the scripts and golden files expect")

// TestMain installs the test binary under the names that integratord runs it by.
func TestMain(m *testing.M) {
	// Wazuh passes "integrations" as argv[0] of every integration.
	commands := map[string]func(){"ossec-notify": main, "integrations": main, crashName: crash}
	for _, name := range []string{
		"custom-slack", "custom-pagerduty", "custom-webhook", "custom-splunk", "custom-email", "custom-file", "custom-syslog", "custom-notify",
		"custom-elasticsearch", "custom-loki",
		"custom-oncall", "custom-nobody", "slack", "pagerduty",
	} {
		commands[name] = main
	}
	// Tests of real processes wait more than they work: as many as this at a time, unless the command line says.
	if err := flag.Set("test.parallel", strconv.Itoa(max(runtime.GOMAXPROCS(0), 6))); err != nil {
		panic(err)
	}
	testscript.Main(m, commands)
}

// TestScripts runs testdata/script. Each script has stand-ins of its own; their addresses are in the
// environment. Words of our own:
//
//	arrived SERVICE [N]      the N-th (default: first) accepted message of a service; its body is the command's
//	                         output, its query and the headers that matter are on stderr
//	refused SERVICE [N]      the same for a message that was refused
//	! arrived SERVICE [N]    fewer than N arrived
//	comes SERVICE N          wait until N were accepted; then as arrived SERVICE N
//	silent SERVICE           nothing has arrived there
//	answer SERVICE STATUS [BODY] [Header: value]…
//	                         the service's next answer
//	exits CODE PROGRAM ARG…  run a program that must end with that exit status
//	execas ARGV0 PATH ARG…   run a program with another argv[0], as Wazuh does
//	mmdb FILE JSON           make a database in MaxMind's format of what a JSON file says (see enrichtest.Database)
//	json FILE KEY VALUE      the value at a dotted path of a JSON file ("stdout" is the last output)
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Setup:               setupScript,
		Condition:           condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"arrived": func(ts *testscript.TestScript, neg bool, args []string) { cmdArrived(ts, neg, args, true) },
			"comes":   cmdComes,
			"refused": func(ts *testscript.TestScript, neg bool, args []string) { cmdArrived(ts, neg, args, false) },
			"silent":  cmdSilent,
			"answer":  cmdAnswer,
			"execas":  cmdExecAs,
			"json":    cmdJSON,
			"exits":   cmdExits,
			"mmdb":    cmdMMDB,
		},
	})
}

// condition knows [root]: nothing is unreadable to root.
func condition(name string) (bool, error) {
	if name == "root" {
		return os.Geteuid() == 0, nil
	}
	return false, fmt.Errorf("there is no condition [%s]", name)
}

// quickExit keeps the race detector from sleeping for a second at the end of every program that a script runs.
const quickExit = "atexit_sleep_ms=0"

type serverKey struct{}

func setupScript(e *testscript.Env) error {
	s, err := sandbox.Start(sandbox.Options{})
	if err != nil {
		return err
	}
	e.Defer(func() { _ = s.Close() })
	e.Values[serverKey{}] = s
	// The near end of a connection is an address that nobody listens at, and that nobody is given meanwhile.
	held, err := net.Dial("tcp", s.HTTPAddr())
	if err != nil {
		return err
	}
	e.Defer(func() { _ = held.Close() })
	corpus, err := filepath.Abs(corpusDir)
	if err != nil {
		return err
	}
	rest := httptest.NewServer(new(restAPI))
	e.Defer(rest.Close)
	e.Defer(func() { endDeliverers(filepath.Join(e.WorkDir, "home")) })
	for name, value := range map[string]string{
		"PAGERDUTY_API": rest.URL, "PAGERDUTY_TOKEN": fakeRESTToken,
		"SLACK_URL": s.SlackWebhookURL(), "SLACK_API": s.SlackAPIURL(), "PAGERDUTY_URL": s.PagerDutyURL(),
		"SPLUNK_URL": s.SplunkURL(), "WEBHOOK_URL": s.WebhookURL(), "SMTP_URL": s.SMTPURL(),
		"SLACK_TOKEN": sandbox.FakeSlackToken, "ROUTING_KEY": sandbox.FakeRoutingKey,
		"HEC_TOKEN": sandbox.FakeHECToken, "WEBHOOK_TOKEN": sandbox.FakeWebhookToken,
		"ELASTIC_URL": s.ElasticURL(), "ELASTIC_KEY": sandbox.FakeElasticKey, "LOKI_URL": s.LokiURL(), "LOKI_TOKEN": sandbox.FakeLokiToken,
		"OSSEC_NOTIFY_HOME": filepath.Join(e.WorkDir, "home"), "TZ": "UTC", "GORACE": quickExit,
		"HTTP_ADDR": s.HTTPAddr(), "SMTP_ADDR": s.SMTPAddr(), "CLOSED_ADDR": held.LocalAddr().String(),
		"BIN": binDir(), "CORPUS": corpus,
		"ESC": "\x1b", "RLO": "\u202e", "NL": "\n", // which a script cannot hold
	} {
		e.Setenv(name, value)
	}
	if err := os.MkdirAll(filepath.Join(e.WorkDir, "home", "logs"), 0o755); err != nil {
		return err
	}
	return expandConfigs(e)
}

// endDeliverers ends the deliverers that a script has started, which may have something to wait for.
func endDeliverers(home string) {
	for _, state := range spool.Places(home) {
		if h, err := spool.ReadHolder(state); err == nil && h.Kind == "background" && h.PID > 1 && slices.Contains(commandLine(h.PID), home) {
			_ = syscall.Kill(h.PID, syscall.SIGTERM)
		}
	}
}

// cmdComes waits for what a deliverer sends in its own time.
func cmdComes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: comes SERVICE N")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	over := time.After(time.Minute)
	for {
		got := 0
		for _, m := range server(ts).Messages() {
			if string(m.Service) == args[0] && m.Accepted {
				got++
			}
		}
		if got >= n {
			cmdArrived(ts, false, args, true)
			return
		}
		select {
		case <-look.C:
		case <-over:
			ts.Fatalf("%d messages at %s, want %d; the inbox:\n%s", got, args[0], n, arrivedAt(server(ts)))
		}
	}
}

// binDir is where TestMain put the program under all its names.
func binDir() string {
	path, err := exec.LookPath("ossec-notify")
	if err != nil {
		panic(err)
	}
	return filepath.Dir(path)
}

var placeholder = regexp.MustCompile(`\$\{([A-Z_]+)\}`)

// expandConfigs puts the stand-ins' addresses into the YAML files of a script, and makes them what configs are:
// readable for their owner alone.
func expandConfigs(e *testscript.Env) error {
	return filepath.WalkDir(e.WorkDir, func(path string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		b = placeholder.ReplaceAllFunc(b, func(m []byte) []byte { return []byte(e.Getenv(string(m[2 : len(m)-1]))) })
		return errors.Join(os.WriteFile(path, b, 0o600), os.Chmod(path, 0o600))
	})
}

func server(ts *testscript.TestScript) *sandbox.Server {
	return ts.Value(serverKey{}).(*sandbox.Server)
}

func cmdArrived(ts *testscript.TestScript, neg bool, args []string, accepted bool) {
	if len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: arrived SERVICE [N]")
	}
	n := 1
	if len(args) == 2 {
		var err error
		n, err = strconv.Atoi(args[1])
		ts.Check(err)
	}
	var got []sandbox.Message
	for _, m := range server(ts).Messages() {
		if string(m.Service) == args[0] && m.Accepted == accepted {
			got = append(got, m)
		}
	}
	if neg {
		if len(got) >= n {
			ts.Fatalf("%d messages at %s; the inbox:\n%s", len(got), args[0], arrivedAt(server(ts)))
		}
		return
	}
	if len(got) < n {
		ts.Fatalf("%d messages at %s, want %d; the inbox:\n%s", len(got), args[0], n, arrivedAt(server(ts)))
	}
	m := got[n-1]
	body := string(m.Body)
	if m.Service == sandbox.SlackAPI {
		body = formAsJSON(body)
	}
	_, err := fmt.Fprintln(ts.Stdout(), body)
	ts.Check(err)
	if m.Query != "" {
		_, err := fmt.Fprintf(ts.Stderr(), "?%s\n", m.Query)
		ts.Check(err)
	}
	for _, name := range []string{"Authorization", "Content-Type", "Idempotency-Key", "X-Ossec-Notify-Schema"} {
		if v := m.Header.Get(name); v != "" {
			_, err := fmt.Fprintf(ts.Stderr(), "%s: %s\n", name, v)
			ts.Check(err)
		}
	}
}

func formAsJSON(body string) string {
	req, err := http.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	if err != nil {
		return body
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if err := req.ParseForm(); err != nil {
		return body
	}
	out := map[string]any{}
	for k, v := range req.PostForm {
		var decoded any
		if json.Unmarshal([]byte(v[0]), &decoded) == nil {
			out[k] = decoded
		} else {
			out[k] = v[0]
		}
	}
	b, err := json.Marshal(out)
	if err != nil {
		return body
	}
	return string(b)
}

func arrivedAt(s *sandbox.Server) string {
	var b strings.Builder
	for _, m := range s.Messages() {
		fmt.Fprintf(&b, "  %s %s %d %s %q\n", m.Service, m.Path, m.Status, m.Answer, m.Problems)
	}
	return b.String()
}

func cmdSilent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: silent SERVICE")
	}
	for _, m := range server(ts).Messages() {
		if string(m.Service) == args[0] {
			ts.Fatalf("something arrived at %s:\n%s", args[0], arrivedAt(server(ts)))
		}
	}
}

func cmdAnswer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: answer SERVICE STATUS [BODY] [Header: value]...")
	}
	status, err := strconv.Atoi(args[1])
	ts.Check(err)
	r := sandbox.Reply{Status: status, Header: http.Header{}}
	for i, a := range args[2:] {
		if i == 0 {
			r.Body = a
			continue
		}
		name, value, _ := strings.Cut(a, ": ")
		r.Header.Set(name, value)
	}
	server(ts).Script(sandbox.Service(args[0]), r)
}

func cmdExecAs(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: execas ARGV0 PATH ARG...")
	}
	path := args[1]
	if !filepath.IsAbs(path) {
		path = ts.MkAbs(path)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path)
	cmd.Args = append([]string{args[0]}, args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = []string{"OSSEC_NOTIFY_HOME=" + ts.Getenv("OSSEC_NOTIFY_HOME"), "TZ=UTC", "GORACE=" + quickExit}
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	if (err != nil) != neg {
		ts.Fatalf("%s: %v", path, err)
	}
}

func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	code := 0
	if exit != nil {
		code = exit.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit status %d, want %s; stderr:\n%s", code, args[0], ts.ReadFile("stderr"))
	}
}

// cmdMMDB makes a database.
func cmdMMDB(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mmdb FILE JSON")
	}
	var d enrichtest.Database
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &d))
	ts.Check(d.Write(ts.MkAbs(args[0])))
}

func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: json FILE KEY VALUE")
	}
	var v any
	if err := json.Unmarshal([]byte(ts.ReadFile(args[0])), &v); err != nil {
		ts.Fatalf("%s: %v", args[0], err)
	}
	v = lookup(v, strings.Split(args[1], ".")...)
	got, ok := v.(string)
	if !ok {
		b, err := json.Marshal(v)
		ts.Check(err)
		got = string(b)
	}
	if (got == args[2]) == neg {
		ts.Fatalf("%s is %s", args[1], got)
	}
}

// lookup follows keys and indexes into a JSON value; nil is what is not there.
func lookup(v any, path ...string) any {
	for _, k := range path {
		switch x := v.(type) {
		case map[string]any:
			v = x[k]
		case []any:
			i, err := strconv.Atoi(k)
			if err != nil || i < 0 || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}
