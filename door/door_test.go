package door_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/door"
	"github.com/ossec-notify/ossec-notify/spool"
)

func TestParse(t *testing.T) {
	const file = "/tmp/custom-slack-1795439488-1.alert"
	for _, tc := range []struct {
		name string
		path string
		args []string
		want door.Call
	}{
		{
			"OSSEC", "/var/ossec/integrations/custom-slack",
			[]string{"/var/ossec/integrations/custom-slack", file, "", "http://127.0.0.1:9/hook?a=1&amp;b=2"},
			door.Call{Name: "slack", File: file, HookURL: "http://127.0.0.1:9/hook?a=1&b=2", Home: "/var/ossec"},
		},
		{
			"OSSEC, nothing given", "/var/ossec/integrations/custom-notify",
			[]string{"/var/ossec/integrations/custom-notify", file, "", ""},
			door.Call{Name: "notify", File: file, Home: "/var/ossec"},
		},
		{
			"Wazuh 3.8", "/var/ossec/integrations/custom-slack",
			[]string{"/var/ossec/integrations/custom-slack", file, "KEY", "https://h/", " > /dev/null 2>&1"},
			door.Call{Name: "slack", File: file, APIKey: "KEY", HookURL: "https://h/", Home: "/var/ossec"},
		},
		{
			"Wazuh 4.2 in debug mode", "integrations/custom-pagerduty",
			[]string{"integrations", file, "KEY", "", "debug"},
			door.Call{Name: "pagerduty", File: file, APIKey: "KEY", Debug: true, Home: "/opt/wazuh"},
		},
		{
			"Wazuh 4.7", "integrations/custom-slack",
			[]string{"integrations", file, "", "https://h/", "", "/tmp/custom-slack-1--2.options", "> /dev/null 2>&1"},
			door.Call{Name: "slack", File: file, HookURL: "https://h/", Options: "/tmp/custom-slack-1--2.options", Home: "/opt/wazuh"},
		},
		{
			"Wazuh 4.14", "integrations/custom-slack",
			[]string{"integrations", file, "KEY", "https://h/", "", "", "10", "3", "> /dev/null 2>&1"},
			door.Call{Name: "slack", File: file, APIKey: "KEY", HookURL: "https://h/", Home: "/opt/wazuh"},
		},
		{
			"Wazuh 4.14, a blank in the key moves all that follows", "integrations/custom-splunk",
			[]string{"integrations", file, "KEY", "with", "space", "https://h/", "", "/tmp/x.options", "7 2 > /dev/null 2>&1"},
			door.Call{Name: "splunk", File: file, APIKey: "KEY with space", HookURL: "https://h/", Options: "/tmp/x.options", Home: "/opt/wazuh"},
		},
		{
			"Wazuh without an alert file", "integrations/custom-slack",
			[]string{"integrations", "", "", "https://h/", "", "", "10", "3", "> /dev/null 2>&1"},
			door.Call{Name: "slack", HookURL: "https://h/", Home: "/opt/wazuh"},
		},
		{
			"mail", "/var/ossec/integrations/custom-email",
			[]string{"x", file, "secret", "smtp://u@mail.example.com:587/?from=a@example.com&amp;to=b@example.com"},
			door.Call{Name: "email", File: file, APIKey: "secret", HookURL: "smtp://u@mail.example.com:587/?from=a@example.com&to=b@example.com", Home: "/var/ossec"},
		},
		{
			"the stock name", "/var/ossec/integrations/slack",
			[]string{"integrations", file, "", "https://h/"},
			door.Call{Name: "slack", File: file, HookURL: "https://h/", Home: "/var/ossec"},
		},
		{
			"no path of the kernel's", "",
			[]string{"/var/ossec/integrations/custom-oncall", file, "", ""},
			door.Call{Name: "oncall", File: file, Home: "/var/ossec"},
		},
		{
			"as an active response of OSSEC's", "/var/ossec/active-response/bin/custom-notify",
			[]string{"x", "add", "-", "192.0.2.7", "1795440503.34", "5712", "(web-01)", "10.0.0.5->/var/log/auth.log"},
			door.Call{Name: "notify", Response: true, Home: "/var/ossec"},
		},
		{
			"as an active response of Wazuh's", "active-response/bin/custom-notify", []string{"x"},
			door.Call{Name: "notify", Response: true, Home: "/opt/wazuh"},
		},
		{
			"as an active response, with a flag", "active-response/bin/custom-notify", []string{"x", "-h"},
			door.Call{Name: "notify", Response: true, Home: "/opt/wazuh", Usage: true},
		},
		{
			"only the file", "/var/ossec/integrations/custom-oncall",
			[]string{"x", file},
			door.Call{Name: "oncall", File: file, Home: "/var/ossec"},
		},
		{
			"an address without its scheme", "/var/ossec/integrations/custom-slack",
			[]string{"x", file, "KEY", "hooks.slack.com/services/T0/B0/x", "debug"},
			door.Call{Name: "slack", File: file, APIKey: "KEY", NoURL: true, Debug: true, Home: "/var/ossec"},
		},
		{"no argument", "/var/ossec/integrations/custom-slack", []string{"x"}, door.Call{Name: "slack", Home: "/var/ossec", Usage: true}},
		{"a flag", "/var/ossec/integrations/custom-slack", []string{"x", "--help"}, door.Call{Name: "slack", Home: "/var/ossec", Usage: true}},
		{"elsewhere", "/usr/local/bin/custom-slack", []string{"x", file}, door.Call{Name: "slack", File: file}},
		{"in the root", "/integrations/custom-slack", []string{"x", file}, door.Call{Name: "slack", File: file, Home: "/"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, ok := door.Parse(tc.path, tc.args, "/opt/wazuh")
			if !ok {
				t.Fatal("not taken for a call")
			}
			if diff := cmp.Diff(got, tc.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

func TestParseLeavesTheCommandLineAlone(t *testing.T) {
	for _, path := range []string{"/usr/local/bin/ossec-notify", "ossec-notify", "", "/usr/bin/slack", "custom-", "/var/ossec/integrations/ossec-notify"} {
		if c, ok := door.Parse(path, []string{path, "send"}, "/"); ok {
			t.Errorf("%q was taken for a call: %+v", path, c)
		}
	}
	if c, ok := door.Parse("", []string{"integrations", "/tmp/x.alert"}, "/"); ok {
		t.Errorf("argv[0] alone was taken for a name: %+v", c)
	}
}

func TestFromRecordIsTheCall(t *testing.T) {
	for path, args := range map[string][]string{
		"/var/ossec/integrations/custom-slack":            {"x", "/tmp/a.alert", "KEY", "https://h/?a&amp;b", "debug", "/tmp/a.options"},
		"/var/ossec/active-response/bin/custom-notify":    {"x", "add", "-", "192.0.2.7", "1.2", "5712", "/var/log/auth.log"},
		"/opt/wazuh/active-response/bin/custom-pagerduty": {"x"},
	} {
		want, ok := door.Parse(path, args, "/")
		if !ok {
			t.Fatalf("%s was not taken for a call", path)
		}
		got := door.FromRecord(&spool.Record{Name: want.Name, Response: want.Response, Home: want.Home, Args: args[1:]})
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("(-got +want):\n%s", diff)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("/var/ossec/integrations/custom-slack", "/tmp/a.alert\x00\x00https://h/\x00> /dev/null 2>&1")
	f.Add("integrations/custom-splunk", "/tmp/a.alert\x00KEY\x00with\x00space\x00https://h/")
	f.Fuzz(func(t *testing.T, path, joined string) {
		args := append([]string{"integrations"}, strings.Split(joined, "\x00")...)
		c, ok := door.Parse(path, args, "/")
		if !ok {
			return
		}
		if c.Name == "" {
			t.Error("a call without a name")
		}
		if c.Home != "" && !strings.HasPrefix(c.Home, "/") {
			t.Errorf("home %q is not absolute", c.Home)
		}
		if !c.Usage && !c.Response && c.File != args[1] {
			t.Errorf("file %q, want %q", c.File, args[1])
		}
		if c.HookURL != "" && !strings.Contains(c.HookURL, "://") {
			t.Errorf("%q is no URL", c.HookURL)
		}
	})
}
