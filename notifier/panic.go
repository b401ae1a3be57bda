package notifier

import (
	"fmt"
	"path"
	"runtime"
	"strings"
)

// Recovered is what a panic says: a mistake in ossec-notify that one message brings to light must not end the
// deliverer, which would meet it again as soon as it is started. It holds no value but those of the runtime's errors:
// others may be anything, a request with its key among them.
func Recovered(r any) error {
	what := fmt.Sprintf("a panic with a %T", r)
	if err, ok := r.(runtime.Error); ok {
		what = err.Error()
	}
	return fmt.Errorf("a mistake in ossec-notify, please report it: %s, in %s", what, culprit())
}

// culprit is the innermost function of our own that did not return.
func culprit() string {
	var callers [64]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(0, callers[:])])
	panicked := false
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			panicked = true
		case panicked && !strings.HasPrefix(f.Function, "runtime."):
			return fmt.Sprintf("%s (%s:%d)", path.Base(f.Function), path.Base(f.File), f.Line)
		}
	}
	return "a function unknown"
}
