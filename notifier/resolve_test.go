package notifier

import (
	"testing"

	"go.yaml.in/yaml/v4"
)

func TestSecretResolvesItsFileOnly(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "/run/credentials")
	for _, tc := range []struct{ yaml, want string }{
		{`{file: soc.url}`, "file /etc/soc.url"},
		{`{file: keys/soc.url}`, "file /etc/keys/soc.url"},
		{`{file: /run/soc.url}`, "file /run/soc.url"},
		{`{env: soc.url}`, "env soc.url"},
		{`{credential: soc.url}`, "credential soc.url"},
		{`soc.url`, Redacted},
	} {
		var s Secret
		if err := yaml.Unmarshal([]byte(tc.yaml), &s); err != nil {
			t.Fatal(err)
		}
		if got := s.Resolve("/etc").String(); got != tc.want {
			t.Errorf("%s resolves to %q, want %q", tc.yaml, got, tc.want)
		}
	}
}
