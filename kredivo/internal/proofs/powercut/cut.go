package powercut

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// LedgerName is a file in a disk's root that no cut touches. In it programs write down, line by line, what
// they have told the world: that cannot be taken back, so a cut returns its live content.
const LedgerName = "ledger"

// sector is what a drive writes whole or not at all, in bytes.
const sector = 512

// An Image is what a power cut left.
type Image struct {
	// Ledger is what the world had been told at the instant of the cut, in lines.
	Ledger []byte

	root *remains
}

// remains are what is left of one file or directory.
type remains struct {
	mode     uint32
	uid, gid uint32
	content  []byte
	entries  map[string]*remains // of a directory
}

// A cut that waits for its instant.
type cut struct {
	after int
	image chan *Image
}

// Cut waits for so many further changes (writes, flushes, new names) and cuts the power right after the last
// of them. What runs on the disk does not notice and goes on: the image is a copy. One cut at a time.
func (d *Disk) Cut(ctx context.Context, after int) (*Image, error) {
	c := &cut{after: after, image: make(chan *Image, 1)}
	d.mu.Lock()
	d.next = c
	if after == 0 {
		d.cutNow()
	}
	d.mu.Unlock()
	select {
	case image := <-c.image:
		return image, nil
	case <-ctx.Done():
		d.mu.Lock()
		defer d.mu.Unlock()
		d.next = nil
		return nil, fmt.Errorf("powercut: %d more changes did not come: %w", c.after, ctx.Err())
	}
}

// changed counts one change, with the lock held.
func (d *Disk) changed() {
	if d.next == nil {
		return
	}
	if d.next.after--; d.next.after == 0 {
		d.cutNow()
	}
}

func (d *Disk) cutNow() {
	root := d.nodes[rootID]
	image := &Image{}
	if ledger := root.names[LedgerName]; ledger != nil {
		// The last line may not be complete: the kernel writes page by page.
		image.Ledger = slices.Clone(ledger.live[:bytes.LastIndexByte(ledger.live, '\n')+1])
	}
	names := d.remainingNames()
	delete(names[root], LedgerName)
	image.root = d.remainsOf(root, names, map[*node]*remains{})
	d.next.image <- image
	d.next = nil
}

// remainingNames are the durable names and a few of the changes since, in their order: file systems keep
// a journal of names.
func (d *Disk) remainingNames() map[*node]map[string]*node {
	names := map[*node]map[string]*node{}
	for _, n := range d.nodes[rootID:] {
		if n.isDir() {
			names[n] = maps.Clone(n.durableNames)
		}
	}
	for _, all := range d.renamed[:d.random.IntN(len(d.renamed)+1)] {
		for _, c := range all {
			apply(names[c.dir], c.name, c.to)
		}
	}
	return names
}

func (d *Disk) remainsOf(n *node, names map[*node]map[string]*node, known map[*node]*remains) *remains {
	if r, ok := known[n]; ok {
		return r
	}
	r := &remains{mode: n.mode, uid: n.uid, gid: n.gid}
	known[n] = r
	if !n.isDir() {
		r.content = d.remainingContent(n)
		return r
	}
	r.entries = map[string]*remains{}
	for _, name := range slices.Sorted(maps.Keys(names[n])) { // sorted, so that the seed decides
		r.entries[name] = d.remainsOf(names[n][name], names, known)
	}
	return r
}

// remainingContent is the durable content and any part of what was written since, from nothing to all.
func (d *Disk) remainingContent(n *node) []byte {
	content := slices.Clone(n.durable)
	luck := [...]float64{0, 0.1, 0.5, 0.9, 1}[d.random.IntN(5)]
	for _, c := range n.pending {
		for _, part := range c.parts(d.whole) {
			if d.random.Float64() < luck {
				content = part.apply(content)
			}
		}
	}
	return content
}

// parts splits a change into what happens whole or not at all.
func (c change) parts(whole int) []change {
	if c.size >= 0 {
		return []change{c}
	}
	var parts []change
	for from := 0; from < len(c.data); {
		to := min(from+whole-(c.offset+from)%whole, len(c.data))
		parts = append(parts, change{data: c.data[from:to], offset: c.offset + from, size: -1})
		from = to
	}
	return parts
}

// Write puts the image into an existing directory of an ordinary file system.
func (i *Image) Write(dir string) error {
	return i.root.write(dir)
}

func (r *remains) write(path string) error {
	if r.entries == nil {
		if err := os.WriteFile(path, r.content, 0o600); err != nil {
			return err
		}
		return r.own(path)
	}
	for name, e := range r.entries {
		child := filepath.Join(path, name)
		if e.entries != nil {
			if err := os.Mkdir(child, 0o700); err != nil {
				return err
			}
		}
		if err := e.write(child); err != nil {
			return err
		}
	}
	return r.own(path)
}

// own gives a file the owner and mode that it had.
func (r *remains) own(path string) error {
	if os.Geteuid() == 0 {
		if err := os.Lchown(path, int(r.uid), int(r.gid)); err != nil {
			return err
		}
	}
	return os.Chmod(path, os.FileMode(r.mode&0o777))
}
