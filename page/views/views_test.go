package views

import (
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/draw"
	"github.com/ossec-notify/ossec-notify/preview"
)

func TestCardOfLinesDrawsWhereTheyGo(t *testing.T) {
	views := Request("splunk", preview.Request{Method: "POST", URL: "https://splunk.example.com:8088/services/collector/raw?index=sec", Body: `{"time":"2026-11-23T13:28:22.412Z","a":1}`})
	shown := views[0].Draw
	if len(shown) != 1 || shown[0].Text != "2026-11-23 13:28:22.412 UTC" || !strings.Contains(draw.TextOf(shown[0]), "sec") {
		t.Errorf("drawn as %+v", shown)
	}
}
