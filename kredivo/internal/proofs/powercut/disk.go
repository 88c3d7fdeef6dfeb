// Package powercut is a file system in memory that knows what a power cut leaves behind.
//
// Killing a process proves nothing about fsync: what was written stays in the operating system's cache
// and reaches the disk all the same. So a [Disk] keeps two images: the live one, which programs see, and
// the durable one, which has what they flushed. A cut keeps the durable image and, of what was written
// since, whatever it likes: some 512-byte sectors of some writes, as a drive that reorders does.
package powercut

import (
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
)

// A Disk is what a file system stores. Everything on it, files and names alike, is under one lock, so a
// cut happens at one instant for all of it.
type Disk struct {
	mu       sync.Mutex
	random   *rand.Rand
	nodes    []*node  // by id; the first is nobody's
	renamed  []naming // since a directory was last flushed, oldest first
	lying    bool
	together bool // what flushes one flushes all
	whole    int  // what a cut does not tear, in bytes
	next     *cut // the one that is waited for
}

// A node is a file or a directory.
type node struct {
	id       uint64
	mode     uint32 // with the type
	uid, gid uint32
	links    uint32

	// Of a file.
	live    []byte
	durable []byte
	pending []change // since it was last flushed, oldest first

	// Of a directory.
	names        map[string]*node
	durableNames map[string]*node
}

// A change of a file's content.
type change struct {
	data   []byte
	offset int // of data
	size   int // that the file is cut or stretched to; -1 when data is written
}

// A naming changes names, all at once.
type naming []name

// A name in a directory leads to a node, or to none when the node is nil.
type name struct {
	dir  *node
	name string
	to   *node
}

const rootID = 1

// NewDisk returns an empty disk. Its cuts follow from seed and from what happens on it.
func NewDisk(seed uint64) *Disk {
	d := &Disk{random: rand.New(rand.NewPCG(seed, 0)), nodes: []*node{nil}, whole: sector}
	d.add(syscall.S_IFDIR|0o755, uint32(syscall.Geteuid()), uint32(syscall.Getegid())).links = 2
	return d
}

// Lie makes the disk acknowledge flushes from now on without doing them.
func (d *Disk) Lie() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lying = true
}

// Sync makes everything durable that is there, as operating systems do by themselves within a minute.
func (d *Disk) Sync() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.flushAll()
	d.changed()
}

// FlushTogether makes whatever flushes one file or directory flush all, as it is for programs that write
// past the operating system's cache (O_DIRECT): what they flush is the drive's.
func (d *Disk) FlushTogether() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.together = true
}

// WriteWhole makes cuts not tear aligned pieces of so many bytes. It is a sector otherwise.
func (d *Disk) WriteWhole(size int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.whole = size
}

// add makes a node without a name.
func (d *Disk) add(mode, uid, gid uint32) *node {
	n := &node{id: uint64(len(d.nodes)), mode: mode, uid: uid, gid: gid}
	if n.isDir() {
		n.names, n.durableNames = map[string]*node{}, map[string]*node{}
	}
	d.nodes = append(d.nodes, n)
	return n
}

func (n *node) isDir() bool { return n.mode&syscall.S_IFMT == syscall.S_IFDIR }

// rename changes names in the live image, and keeps in mind that the durable one has still the old ones.
func (d *Disk) rename(all naming) {
	for _, c := range all {
		if old := c.dir.names[c.name]; old != nil {
			old.links--
		}
		apply(c.dir.names, c.name, c.to)
		if c.to != nil {
			c.to.links++
		}
	}
	d.renamed = append(d.renamed, all)
	d.changed()
}

func apply(names map[string]*node, name string, to *node) {
	if to == nil {
		delete(names, name)
		return
	}
	names[name] = to
}

// write changes a file's content in the live image.
func (d *Disk) write(n *node, c change) {
	n.live = c.apply(n.live)
	n.pending = append(n.pending, c)
	d.changed()
}

// apply returns content after the change. It may use the memory of content.
func (c change) apply(content []byte) []byte {
	if c.size >= 0 {
		return resize(content, c.size)
	}
	content = resize(content, max(len(content), c.offset+len(c.data)))
	copy(content[c.offset:], c.data)
	return content
}

func resize(content []byte, size int) []byte {
	if size <= len(content) {
		return content[:size]
	}
	return append(content, make([]byte, size-len(content))...)
}

// flush makes a file's content, or a directory's names, durable. Names are like a journal: flushing one
// directory flushes every change of names before it, too. Flushing a file does not flush its name.
func (d *Disk) flush(n *node) {
	defer d.changed()
	switch {
	case d.lying:
	case d.together:
		d.flushAll()
	case n.isDir():
		last := len(d.renamed) - 1
		for last >= 0 && !d.renamed[last].touches(n) {
			last--
		}
		d.flushNames(last + 1)
	default:
		n.flush()
	}
}

func (d *Disk) flushAll() {
	d.flushNames(len(d.renamed))
	for _, n := range d.nodes[rootID:] {
		n.flush()
	}
}

// flushNames makes the oldest changes of names durable.
func (d *Disk) flushNames(changes int) {
	for _, all := range d.renamed[:changes] {
		for _, c := range all {
			apply(c.dir.durableNames, c.name, c.to)
		}
	}
	d.renamed = d.renamed[changes:]
}

func (all naming) touches(dir *node) bool {
	return slices.ContainsFunc(all, func(c name) bool { return c.dir == dir })
}

// flush makes a file's content durable.
func (n *node) flush() {
	for _, c := range n.pending {
		n.durable = c.apply(n.durable)
	}
	n.pending = nil
}
