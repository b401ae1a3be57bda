package webhook

import (
	"slices"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

// readAnswer turns the answer into a receipt or an error. Where the setting success is given, it alone says what
// is delivered.
func (w *Notifier) readAnswer(what string, a *notifier.Answer) (notifier.Receipt, error) {
	failed := a.Failure(what)
	if a.Err != nil {
		return notifier.Receipt{}, failed
	}
	if w.delivered(a.Status) {
		return notifier.Receipt{Status: a.Status}, nil
	}
	if failed == nil {
		failed = notifier.Errorf(notifier.Misconfigured, "%s: status %d", what, a.Status)
		failed.Status, failed.Hint = a.Status, "the setting success does not list this status"
	}
	return notifier.Receipt{}, failed
}

func (w *Notifier) delivered(status int) bool {
	if len(w.success) == 0 {
		return status >= 200 && status < 300
	}
	return slices.ContainsFunc(w.success, func(s presets.Statuses) bool { return s.Hold(status) })
}
