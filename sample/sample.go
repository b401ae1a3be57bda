// Package sample owns the built-in alerts: what demo and send --sample use, and the corpus beside them, which the page
// shows. They are composed, of documentation addresses and names, in the formats that OSSEC and Wazuh write.
package sample

import (
	"bytes"
	"embed"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
)

//go:embed alerts
var files embed.FS

// Names are the names of the samples: the id of the rule, in order of the story that demo tells.
func Names() []string {
	entries, err := files.ReadDir("alerts")
	if err != nil {
		panic(err) // embedded
	}
	var names []string
	for _, e := range entries {
		names = append(names, name(e.Name()))
	}
	return names
}

// name is the rule id of a file "03-5712-brute-force.json".
func name(file string) string { return strings.Split(file, "-")[1] }

// Title is what the sample is about, from its file name.
func Title(of string) string {
	file, _ := find(of)
	parts := strings.Split(strings.TrimSuffix(file, path.Ext(file)), "-")
	return strings.Join(parts[min(2, len(parts)):], " ")
}

// Raw is a sample as a manager would write it, and the name of its file.
func Raw(of string) (raw []byte, file string, err error) {
	file, ok := find(of)
	if !ok {
		return nil, "", fmt.Errorf("there is no sample %q; there are %s", of, strings.Join(Names(), ", "))
	}
	raw, err = files.ReadFile("alerts/" + file)
	return raw, file, err
}

func find(of string) (file string, ok bool) {
	entries, err := files.ReadDir("alerts")
	if err != nil {
		return "", false
	}
	for _, e := range entries {
		if name(e.Name()) == of {
			return e.Name(), true
		}
	}
	return "", false
}

// Alert is a sample as an alert that was made now.
func Alert(of string) (*alert.Alert, error) {
	raw, file, err := Raw(of)
	if err != nil {
		return nil, err
	}
	a := alert.Parse(raw, alert.Options{FileName: file, Location: time.UTC})
	a.Time = time.Now().Truncate(time.Millisecond)
	return a, nil
}

//go:embed corpus.json
var corpus []byte

// Corpus are further alerts, of many families: what there is to look at before one has alerts of one's own.
func Corpus() []*alert.Alert {
	var out []*alert.Alert
	for a, err := range alert.Read(bytes.NewReader(corpus), alert.Options{FileName: "corpus.json", Location: time.UTC}) {
		if err != nil {
			panic(err) // embedded
		}
		out = append(out, a)
	}
	return out
}
