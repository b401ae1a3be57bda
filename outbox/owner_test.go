package outbox_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/ossec-notify/ossec-notify/outbox"
)

// An owner that was given up for dead and is not takes nothing more and moves nothing, once another has taken over.
func TestAnOwnerThatWasTakenOverFromChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "outbox.db")
	first, _ := open(t, path, owner())
	accept(t, first, alert("1", start, "soc"), alert("2", start, "soc"))
	inHand := next(t, first, "soc", start, 1)
	equal(t, len(inHand), 1)

	second, report := open(t, path, owner())
	equal(t, report.Recovered, 1)
	for what, err := range map[string]error{
		"finish": first.Finish(t.Context(), start, []outbox.Result{{Seq: inHand[0].Seq, State: outbox.Delivered}}),
		"accept": func() error {
			_, err := first.Accept(t.Context(), []outbox.Arrival{alert("3", start, "soc")}, nil)
			return err
		}(),
		"next": func() error { _, err := first.Next(t.Context(), "soc", start, 10); return err }(),
		"meta": first.SetMeta(t.Context(), "config", "old"),
	} {
		if !errors.Is(err, outbox.ErrTakenOver) {
			t.Errorf("%s by the first owner: %v, want ErrTakenOver", what, err)
		}
	}
	equal(t, len(next(t, second, "soc", start, 10)), 2)
	equal(t, len(find(t, second, outbox.Filter{})), 2)

	// Who is no owner may do what it may.
	other, _ := open(t, path, outbox.Options{})
	if _, err := other.Retry(t.Context(), outbox.Filter{Receiver: "soc"}, start); err != nil {
		t.Error(err)
	}
}
