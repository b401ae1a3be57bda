package door

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	const file = "/tmp/custom-slack-1795439488-1.alert"
	for _, tc := range []struct {
		name string
		path string
		args []string
		want Call
	}{
		{
			"OSSEC", "/var/ossec/integrations/custom-slack",
			[]string{"/var/ossec/integrations/custom-slack", file, "", "http://127.0.0.1:9/hook?a=1&amp;b=2"},
			Call{Name: "slack", File: file, HookURL: "http://127.0.0.1:9/hook?a=1&b=2", Home: "/var/ossec"},
		},
		{
			"OSSEC, nothing given", "/var/ossec/integrations/custom-notify",
			[]string{"/var/ossec/integrations/custom-notify", file, "", ""},
			Call{Name: "notify", File: file, Home: "/var/ossec"},
		},
		{
			"Wazuh 3.8", "/var/ossec/integrations/custom-slack",
			[]string{"/var/ossec/integrations/custom-slack", file, "KEY", "https://h/", " > /dev/null 2>&1"},
			Call{Name: "slack", File: file, APIKey: "KEY", HookURL: "https://h/", Home: "/var/ossec"},
		},
		{
			"Wazuh 4.2 in debug mode", "integrations/custom-pagerduty",
			[]string{"integrations", file, "KEY", "", "debug"},
			Call{Name: "pagerduty", File: file, APIKey: "KEY", Debug: true, Home: "/opt/wazuh"},
		},
		{
			"Wazuh 4.7", "integrations/custom-slack",
			[]string{"integrations", file, "", "https://h/", "", "/tmp/custom-slack-1--2.options", "> /dev/null 2>&1"},
			Call{Name: "slack", File: file, HookURL: "https://h/", Options: "/tmp/custom-slack-1--2.options", Home: "/opt/wazuh"},
		},
		{
			"Wazuh 4.14", "integrations/custom-slack",
			[]string{"integrations", file, "KEY", "https://h/", "", "", "10", "3", "> /dev/null 2>&1"},
			Call{Name: "slack", File: file, APIKey: "KEY", HookURL: "https://h/", Home: "/opt/wazuh"},
		},
		{
			"Wazuh 4.14, a blank in the key moves all that follows", "integrations/custom-splunk",
			[]string{"integrations", file, "KEY", "with", "space", "https://h/", "", "/tmp/x.options", "7 2 > /dev/null 2>&1"},
			Call{Name: "splunk", File: file, APIKey: "KEY with space", HookURL: "https://h/", Options: "/tmp/x.options", Home: "/opt/wazuh"},
		},
		{
			"Wazuh without an alert file", "integrations/custom-slack",
			[]string{"integrations", "", "", "https://h/", "", "", "10", "3", "> /dev/null 2>&1"},
			Call{Name: "slack", HookURL: "https://h/", Home: "/opt/wazuh"},
		},
		{
			"mail", "/var/ossec/integrations/custom-email",
			[]string{"x", file, "secret", "smtp://u@mail.example.com:587/?from=a@example.com&amp;to=b@example.com"},
			Call{Name: "email", File: file, APIKey: "secret", HookURL: "smtp://u@mail.example.com:587/?from=a@example.com&to=b@example.com", Home: "/var/ossec"},
		},
		{
			"the stock name", "/var/ossec/integrations/slack",
			[]string{"integrations", file, "", "https://h/"},
			Call{Name: "slack", File: file, HookURL: "https://h/", Home: "/var/ossec"},
		},
		{
			"no path of the kernel's", "",
			[]string{"/var/ossec/integrations/custom-oncall", file, "", ""},
			Call{Name: "oncall", File: file, Home: "/var/ossec"},
		},
		{
			"as an active response", "/var/ossec/active-response/bin/custom-notify",
			[]string{"x", "add", "-"},
			Call{Name: "notify", File: "add", APIKey: "-", Home: "/var/ossec"},
		},
		{
			"only the file", "/var/ossec/integrations/custom-oncall",
			[]string{"x", file},
			Call{Name: "oncall", File: file, Home: "/var/ossec"},
		},
		{"no argument", "/var/ossec/integrations/custom-slack", []string{"x"}, Call{Name: "slack", Home: "/var/ossec", Usage: true}},
		{"a flag", "/var/ossec/integrations/custom-slack", []string{"x", "--help"}, Call{Name: "slack", Home: "/var/ossec", Usage: true}},
		{"elsewhere", "/usr/local/bin/custom-slack", []string{"x", file}, Call{Name: "slack", File: file}},
		{"in the root", "/integrations/custom-slack", []string{"x", file}, Call{Name: "slack", File: file, Home: "/"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, ok := Parse(tc.path, tc.args, "/opt/wazuh")
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
		if c, ok := Parse(path, []string{path, "send"}, "/"); ok {
			t.Errorf("%q was taken for a call: %+v", path, c)
		}
	}
	if c, ok := Parse("", []string{"integrations", "/tmp/x.alert"}, "/"); ok {
		t.Errorf("argv[0] alone was taken for a name: %+v", c)
	}
}

// TestMain lets the test binary print its own ExecPath when it is run by a name that says so.
func TestMain(m *testing.M) {
	if os.Getenv("DOOR_TEST_EXECPATH") != "" {
		os.Stdout.WriteString(ExecPath())
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestExecPathIsTheNameOfTheLink(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	link := filepath.Join(dir, "integrations", "custom-slack")
	if err := os.Mkdir(filepath.Dir(link), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(exe, link); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ path, want string }{
		{link, link},
		{"integrations/custom-slack", "integrations/custom-slack"},
		{"./integrations/custom-slack", "./integrations/custom-slack"},
	} {
		cmd := exec.Command(link)
		cmd.Path = tc.path
		cmd.Args = []string{"integrations", "/tmp/x"}
		cmd.Dir = dir
		cmd.Env = []string{"DOOR_TEST_EXECPATH=1"}
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := string(out); got != tc.want {
			t.Errorf("executed by %q: ExecPath is %q, want %q", tc.path, got, tc.want)
		}
	}
}

// TestImports keeps the door light: it runs before anything else, once for each alert.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Skipf("the go command is not here: %v", err)
	}
	if got, want := strings.TrimSpace(string(out)), "github.com/ossec-notify/ossec-notify/door"; got != want {
		t.Errorf("the door imports more than the standard library:\n%s", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("/var/ossec/integrations/custom-slack", "/tmp/a.alert\x00\x00https://h/\x00> /dev/null 2>&1")
	f.Add("integrations/custom-splunk", "/tmp/a.alert\x00KEY\x00with\x00space\x00https://h/")
	f.Fuzz(func(t *testing.T, path, joined string) {
		args := append([]string{"integrations"}, strings.Split(joined, "\x00")...)
		c, ok := Parse(path, args, "/")
		if !ok {
			return
		}
		if c.Name == "" {
			t.Error("a call without a name")
		}
		if c.Home != "" && !strings.HasPrefix(c.Home, "/") {
			t.Errorf("home %q is not absolute", c.Home)
		}
		if !c.Usage && c.File != args[1] {
			t.Errorf("file %q, want %q", c.File, args[1])
		}
		if c.HookURL != "" && !isURL(c.HookURL) {
			t.Errorf("%q is no URL", c.HookURL)
		}
	})
}
