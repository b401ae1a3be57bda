package historytest

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestAlertsAreAsOftenAndAsLongAsManagersWriteThem(t *testing.T) {
	var a, b bytes.Buffer
	n, size, err := Write(&a, 4<<20, 1)
	if err != nil || size != int64(a.Len()) {
		t.Fatal(size, a.Len(), err)
	}
	if _, _, err := Write(&b, 4<<20, 1); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("the same seed makes other alerts")
	}
	levels := map[string]int{}
	for line := range bytes.Lines(a.Bytes()) {
		var x struct{ Rule struct{ Level int } }
		if err := json.Unmarshal(line, &x); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		switch l := x.Rule.Level; {
		case l == 3:
			levels["3"]++
		case l >= 4 && l <= 6:
			levels["4-6"]++
		case l == 7:
			levels["7"]++
		case l >= 10:
			levels["10+"]++
		}
	}
	for band, want := range map[string]float64{"3": 45, "4-6": 38, "7": 13, "10+": 3.2} {
		if got := 100 * float64(levels[band]) / float64(n); got < want*0.8 || got > want*1.2 {
			t.Errorf("level %s: %.1f %%, want %.1f %%", band, got, want)
		}
	}
	if mean := size / int64(n); mean < 1150 || mean > 1450 {
		t.Errorf("an alert is %d bytes long", mean)
	}
}
