package follow

import "slices"

// startAtEnd makes the end of the file the place to begin at: behind the last whole alert, so that one of which
// the first half is written is told when it is whole. If there is no file, all that will be in it is new.
func (f *Follower) startAtEnd() error {
	seg, ok, err := f.archive.at()
	if err != nil {
		return err
	}
	if ok {
		src, err := f.open(seg)
		if err != nil {
			return err
		}
		size := src.length()
		tail := make([]byte, min(size, int64(f.opt.MaxAlert)))
		if _, err := src.file.ReadAt(tail, size-int64(len(tail))); err != nil {
			src.close()
			return err
		}
		at := size - int64(len(tail)) + int64(lastAlert(tail, f.frames.log))
		before := make([]byte, min(at, checked))
		if _, err := src.file.ReadAt(before, at-int64(len(before))); err != nil {
			src.close()
			return err
		}
		f.begin(src, at, before)
		f.cursor = f.place()
	}
	f.fresh, f.announce = false, true
	return nil
}

// begin reads a file from a place on, before which the text before stands.
func (f *Follower) begin(src *source, at int64, before []byte) {
	f.leave()
	f.src = src
	f.frames.reset(at, before)
}

// leave lets go of the open file, not of what was read of it.
func (f *Follower) leave() {
	if f.src != nil {
		f.src.close()
		f.src = nil
	}
}

// open opens a file of the archive, the one at the path under its dated name if it has one.
func (f *Follower) open(seg segment) (*source, error) {
	if seg.kind == current {
		if named, ok := f.archive.newest(seg.inode); ok {
			seg = named
		}
	}
	return open(seg)
}

// resume finds the file of the cursor, or else where to begin instead. It reports false if there is no file.
func (f *Follower) resume(b *Batch) (bool, error) {
	src, before, err := f.find(f.cursor)
	if err != nil {
		return false, err
	}
	if src != nil {
		f.begin(src, f.cursor.Offset, before)
		return true, nil
	}
	seg, err := f.instead(f.cursor)
	if seg == nil || err != nil {
		return false, err
	}
	if src, err = f.open(*seg); err != nil {
		return false, err
	}
	f.flush(b) // of the file that was cut off while it was open, what was read of it is all that there is
	switch c := f.cursor; {
	case c.Inode == 0: // nothing was read yet
	case c.Inode == src.inode || c.Day != "" && c.Day == src.day():
		f.opt.Log.Warn("alerts file was cut off or written anew, it is read from its beginning", "file", src.path)
	default:
		f.opt.Log.Warn("alerts file is gone, what was not yet read of it is lost", "file", f.archive.path, "day", c.Day, "next", src.path)
		b.Skipped = append(b.Skipped, Skip{File: f.archive.path, Offset: c.Offset, Why: "the file is gone, and with it what stood from here on"})
	}
	f.begin(src, 0, nil)
	return true, nil
}

// find opens the file that c is a place in, whatever its name is now, and answers with it what stands before the
// place. It answers nil if there is no such file.
func (f *Follower) find(c Cursor) (*source, []byte, error) {
	candidates, err := f.candidates(c)
	if err != nil {
		return nil, nil, err
	}
	for _, seg := range candidates {
		src, err := open(seg)
		if err != nil {
			return nil, nil, err
		}
		before, ok, err := src.seek(c)
		if ok {
			return src, before, nil
		}
		src.close()
		if err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, nil
}

// candidates lists the files that a cursor may be a place in, the likelier first: the one of its date, the one of
// its inode, and all that it could be by contents.
func (f *Follower) candidates(c Cursor) ([]segment, error) {
	if c.Inode == 0 {
		return nil, nil
	}
	var byDay, byInode, others []segment
	if c.Day != "" {
		since, err := f.archive.since(c.Day)
		if err != nil {
			return nil, err
		}
		if len(since) > 0 && since[0].order == c.Day {
			byDay = since[:1]
		}
	}
	// Before the renamed ones: the file can go from here to there, but not back.
	seg, ok, err := f.archive.at()
	if err != nil {
		return nil, err
	}
	all, err := f.archive.renamed()
	if err != nil {
		return nil, err
	}
	if ok && c.Day != "" {
		seg.kind, seg.order = dated, c.Day // so it is if the inode is right, whether the name is still there or not
	}
	if ok {
		all = append(all, seg)
	}
	for _, seg := range slices.Backward(all) {
		verifiable := c.Offset > 0 // where nothing was read there is nothing to check
		switch {
		case seg.inode == c.Inode && (verifiable || c.Day == ""): // else the date knows better
			byInode = append(byInode, seg)
		case seg.path != f.archive.path && verifiable:
			others = append(others, seg)
		}
	}
	return slices.Concat(byDay, byInode, others), nil
}

// instead is where to begin when the file of a cursor is gone or is another now; nil if there is nothing.
func (f *Follower) instead(c Cursor) (*segment, error) {
	if c.Day != "" {
		since, err := f.archive.since(c.Day)
		if err != nil {
			return nil, err
		}
		if len(since) > 0 {
			return &since[0], nil
		}
	}
	seg, ok, err := f.archive.at()
	if !ok || err != nil {
		return nil, err
	}
	return &seg, nil
}

// later lists the files that were begun after the open one, the oldest first, and at last the one at the path.
func (f *Follower) later() ([]segment, error) {
	// Before the others: what was begun earlier than this one is then sure to be found among them.
	last, ok, err := f.archive.at()
	if err != nil || ok && last.inode == f.src.inode {
		return nil, err
	}
	var segs []segment
	if f.src.kind == dated {
		if segs, err = f.archive.since(f.src.order); err != nil {
			return nil, err
		}
		segs = slices.DeleteFunc(segs, func(s segment) bool { return s.order == f.src.order })
	} else {
		all, err := f.archive.renamed()
		if err != nil {
			return nil, err
		}
		i, err := f.among(all)
		if err != nil {
			return nil, err
		}
		if i >= 0 {
			segs = slices.DeleteFunc(all[i+1:], func(s segment) bool { return s.kind != all[i].kind })
		}
	}
	if ok && !slices.ContainsFunc(segs, func(s segment) bool { return s.inode == last.inode }) {
		segs = append(segs, last)
	}
	return segs, nil
}

// among finds the open file among the renamed ones: by its inode, or by its contents when it was compressed. It
// answers -1 if it is not there.
func (f *Follower) among(all []segment) (int, error) {
	i := slices.IndexFunc(all, func(s segment) bool { return s.inode == f.src.renamed })
	if i >= 0 || f.src.gone {
		return i, nil
	}
	read := Cursor{Offset: f.frames.end(), Check: check(f.frames.last())}
	for i, seg := range all {
		if !seg.gzip || read.Offset == 0 {
			continue
		}
		src, err := open(seg)
		if err != nil {
			return -1, err
		}
		_, ok, err := src.seek(read)
		src.close()
		if err != nil {
			return -1, err
		}
		if ok {
			f.src.renamed = seg.inode
			return i, nil
		}
	}
	f.src.gone = true
	return -1, nil
}
