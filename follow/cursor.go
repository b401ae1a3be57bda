package follow

import "hash/fnv"

// Cursor is a place in what is followed. The caller stores it (as JSON, say) and gives it back to [New].
type Cursor struct {
	// Inode is the file, by the number the file system gave it.
	Inode uint64 `json:"inode"`
	// Offset is where in the file to go on, in bytes of the uncompressed file.
	Offset int64 `json:"offset"`
	// Day is the date in the dated name of the file, if it has one: "2026-03-14", or "2026-03-14-001" where the
	// manager began a further file within the day. It finds the file after it was compressed.
	Day string `json:"day,omitempty"`
	// Check is a hash of what stands before Offset.
	Check uint64 `json:"check"`
}

// checked is how many bytes before a place are remembered. It is more than most alerts have, so that these bytes
// hold an id or a time, which no other file has at this place.
const checked = 4 << 10

// check is the hash of the bytes before a place. It protects from mistakes, not from forgers.
func check(before []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(before)
	return h.Sum64()
}

// place is the cursor behind the last piece.
func (f *Follower) place() Cursor {
	return Cursor{Inode: f.src.inode, Offset: f.frames.at, Day: f.src.day(), Check: check(f.frames.before())}
}

// mark makes that the cursor. Where nothing of a file is behind it the cursor stays at the end of the file before:
// there it can be checked.
func (f *Follower) mark() {
	if f.src != nil && f.frames.at > 0 {
		f.cursor = f.place()
	}
}
