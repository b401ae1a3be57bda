package webhook

import "github.com/ossec-notify/ossec-notify/notifier"

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
	for _, s := range w.success {
		if status >= s.from && status <= s.to {
			return true
		}
	}
	return false
}
