package family

import (
	"strings"
	"testing"
)

func TestSentenceLosesItsMiddleWhereItIsTooLong(t *testing.T) {
	tests := []struct {
		name, text string
		limit      int
		want       string
	}{
		{"fits", "/etc/passwd", 20, "/etc/passwd"},
		{"path", "/srv/customers/a/b/c/index.php", 20, "/srv/.../index.php"},
		{"path with long name", "/srv/" + strings.Repeat("n", 40), 20, "/srv/nnnnnnn...nnnnn"},
		{"path of Windows", `C:\Users\carol\AppData\Local\x.exe`, 24, `C:\Users\carol\...\x.exe`},
		{"text", "abcdefghijklmnopqrstuvwxyz", 13, "abcdefg...xyz"},
		{"characters, not bytes", strings.Repeat("é", 30), 12, "éééééé...ééé"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := middle(tt.text, tt.limit)
			if got.String() != tt.want || got.Len() > tt.limit {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
