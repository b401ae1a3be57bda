package outbox

import "path/filepath"

// Path is where the outbox of a state directory lies.
func Path(state string) string { return filepath.Join(state, "outbox.db") }
