package templates

import (
	"encoding/json"
	"testing"
)

// No key of the document is an empty text: what is not known is absent.
func TestDocumentOfAFileWithoutAPath(t *testing.T) {
	d := data(t, "webhook", `{"rule":{"id":"554","groups":["syscheck"]},"syscheck":{"path":"","event":"added","changed_attributes":[""]}}`)
	var got struct{ File map[string]any }
	if err := json.Unmarshal([]byte(parts(t, Default(), d)["document.json"]), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.File) != 1 || got.File["event"] != "added" {
		t.Errorf("file is %v", got.File)
	}
}
