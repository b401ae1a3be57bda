package site

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/door"
)

// TestCallByAPresetsName: custom-discord means a receiver of that name, else those with that preset that the routes choose, else what
// ossec.conf gives.
func TestCallByAPresetsName(t *testing.T) {
	t.Parallel()
	var took []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		took = append(took, r.URL.String()+" "+string(body))
		_, _ = io.WriteString(w, `{"id":"1"}`)
	}))
	defer server.Close()
	a := bruteForce(t)
	names := func(text string, call door.Call) (got []string, argv *dispatch.Receiver, err error) {
		t.Helper()
		cfg := loaded(t, text)
		d, err := cfg.Dispatcher(config.Options{})
		if err != nil {
			t.Fatal(err)
		}
		plan, err := planCall(d, cfg, nil, call, a)
		for _, x := range plan.deliveries {
			got = append(got, x.Receiver.Name)
		}
		return got, plan.argv, err
	}
	const hook = `{webhook: {preset: discord, url: "https://discord.example.com/api/webhooks/1/x"}}`
	if got, _, err := names("receivers:\n  a: "+hook+"\n  b: "+hook+"\n  c: {webhook: {url: \"https://example.com\"}}\ndefault: [b, c]\n", door.Call{Name: "discord"}); err != nil || !slices.Equal(got, []string{"b"}) {
		t.Errorf("the receivers with the preset that the routes choose: %q, %v", got, err)
	}
	if got, _, err := names("receivers:\n  discord: {webhook: {url: \"https://example.com\"}}\n  b: "+hook+"\ndefault: [b]\n", door.Call{Name: "discord"}); err != nil || !slices.Equal(got, []string{"discord"}) {
		t.Errorf("the receiver of that name: %q, %v", got, err)
	}
	const other = "receivers:\n  c: {webhook: {url: \"https://example.com\"}}\ndefault: [c]\n"
	got, r, err := names(other, door.Call{Name: "discord", HookURL: server.URL + "/api/webhooks/1/x"})
	if err != nil || len(got) != 1 || r == nil || !strings.HasPrefix(r.Name, "argv-discord-") || r.Channel != "webhook" || r.Preset != "discord" {
		t.Fatalf("what ossec.conf gives: %q, %+v, %v", got, r, err)
	}
	x := dispatch.Delivery{ID: "D", Alert: a, Receiver: r, Occurrence: 1}
	cfg := loaded(t, other)
	d, err := cfg.Dispatcher(config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n, err := d.Notification(x)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Notifier.Notify(t.Context(), n); err != nil || len(took) != 1 || !strings.HasPrefix(took[0], "/api/webhooks/1/x?wait=true ") {
		t.Errorf("%v, %q", err, took)
	}
	for _, call := range []door.Call{{Name: "discord"}, {Name: "telegram", APIKey: "1:x", HookURL: "https://example.com"}, {Name: "discrod", HookURL: "https://example.com"}} {
		got, r, _ := names(other, call)
		if !slices.Equal(got, []string{"c"}) || r != nil {
			t.Errorf("%+v: %q, want the default receivers", call, got)
		}
	}

	// What waits for it is delivered by the next process.
	dir := t.TempDir()
	call := door.Call{Name: "discord", HookURL: server.URL + "/api/webhooks/1/x"}
	text, err := json.Marshal(argvFile{Kind: "discord", URL: call.HookURL})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, r.Name+".json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := ReadArgv(dir, r.Name, nil)
	if err != nil || again.Preset != "discord" || again.Name != r.Name {
		t.Errorf("%+v, %v", again, err)
	}
}
