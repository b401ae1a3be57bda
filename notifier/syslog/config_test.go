package syslog

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
)

func TestValidateReportsEveryMistake(t *testing.T) {
	at := func(address string) Config { return Config{Address: address} }
	for name, tt := range map[string]struct {
		cfg  Config
		want []string
	}{
		"tcp": {at("tcp://siem.example.com"), nil}, "tls": {at("tls://[2001:db8::7]:6514"), nil}, "udp": {at("udp://192.0.2.7/"), nil}, "unix": {at("unix:///dev/log"), nil},
		"all":           {Config{Address: "tls://s", Format: "leef", Facility: "AUTH", AppName: "a", Hostname: "{{ .Host }}", Enterprise: 32473, MaxBytes: 64000, Framing: "newline", Header: "rfc5424", CertFile: "c", KeyFile: "k"}, nil},
		"nothing":       {Config{}, []string{"address"}},
		"scheme":        {at("https://siem.example.com"), []string{"address"}},
		"no scheme":     {at("siem.example.com:514"), []string{"address"}},
		"no host":       {at("tcp://:514"), []string{"address"}},
		"port":          {at("tcp://s:99999"), []string{"address"}},
		"path":          {at("tcp://s/path"), []string{"address"}},
		"query":         {at("tcp://s?format=cef"), []string{"address"}},
		"user":          {at("tls://u:s3cr3t@s"), []string{"address"}},
		"socket's host": {at("unix://dev/log"), []string{"address"}},
		"words":         {Config{Address: "tcp://s", Format: "gelf", Header: "rfc1", Framing: "none", Facility: "local9"}, []string{"format", "header", "framing", "facility"}},
		"facility":      {Config{Address: "tcp://s", Facility: "24"}, []string{"facility"}},
		"datagrams":     {Config{Address: "udp://s", Framing: "octet", MaxBytes: 70000, CAFile: "ca"}, []string{"framing", "max_bytes", "ca_file"}},
		"short":         {Config{Address: "tcp://s", MaxBytes: 100}, []string{"max_bytes"}},
		"old header":    {Config{Address: "tcp://s", Header: "rfc3164", Enterprise: 1}, []string{"enterprise"}},
		"enterprise":    {Config{Address: "tcp://s", Enterprise: -1}, []string{"enterprise"}},
		"key":           {Config{Address: "tls://s", CertFile: "c"}, []string{"key_file"}},
		"certificate":   {Config{Address: "tls://s", KeyFile: "k"}, []string{"cert_file"}},
		"idle":          {Config{Address: "tcp://s", Idle: -1}, []string{"idle"}},
	} {
		err := tt.cfg.Validate()
		if diff := cmp.Diff(tt.want, notifiertest.Keys(err)); diff != "" {
			t.Errorf("%s: keys differ (-want +got):\n%s\n%v", name, diff, err)
		}
		if err != nil && strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v shows a password", name, err)
		}
		if _, err := New(tt.cfg, (*notifier.Egress)(nil).Dial); tt.want != nil && err == nil {
			t.Errorf("%s: New takes it", name)
		}
	}
}

func TestSettingsOfTheArguments(t *testing.T) {
	got, err := ConfigFromURL("tls://siem.example.com?format=cef&facility=local4&app_name=ossec&enterprise=32473&max_bytes=4KB&framing=newline&header=rfc5424&hostname=m")
	want := Config{Address: "tls://siem.example.com", Format: "cef", Facility: "local4", AppName: "ossec", Hostname: "m", Enterprise: 32473, MaxBytes: 4000, Framing: "newline", Header: "rfc5424"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, url := range []string{"tcp://s?secret=1", "tcp://s?max_bytes=x", "tcp://s?%zz", "https://s", ""} {
		if _, err := ConfigFromURL(url); err == nil {
			t.Errorf("%q is taken", url)
		}
	}
	if to := want.Destinations(t.Context()); to["address"] != "tls://siem.example.com:6514" {
		t.Errorf("it leads to %v", to)
	}
}
