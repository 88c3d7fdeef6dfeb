package powercut

import (
	"maps"
	"slices"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// attrTime is how long the kernel may keep what it knows. Nobody but the kernel changes a disk, so it
// hardly matters.
const attrTime = time.Second

// files serves a disk to the kernel. Ids of nodes are the kernel's ids, and none is ever given up: a disk
// lives for seconds. What is not here (extended attributes, locks that other machines see) the kernel does
// without.
type files struct {
	fuse.RawFileSystem
	disk *Disk
}

// lock locks the disk and returns the unlock.
func (f *files) lock() func() {
	f.disk.mu.Lock()
	return f.disk.mu.Unlock
}

func (f *files) node(id uint64) *node { return f.disk.nodes[id] }

func (n *node) attr() fuse.Attr {
	size := uint64(len(n.live))
	return fuse.Attr{
		Ino: n.id, Size: size, Blocks: (size + sector - 1) / sector, Blksize: 4096, Mode: n.mode, Nlink: n.links,
		Owner: fuse.Owner{Uid: n.uid, Gid: n.gid},
	}
}

func entry(n *node, out *fuse.EntryOut) {
	out.NodeId, out.Attr = n.id, n.attr()
	out.SetAttrTimeout(attrTime)
	out.SetEntryTimeout(attrTime)
}

func (f *files) Lookup(_ <-chan struct{}, h *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	defer f.lock()()
	n := f.node(h.NodeId).names[name]
	if n == nil {
		return fuse.ENOENT
	}
	entry(n, out)
	return fuse.OK
}

func (f *files) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	defer f.lock()()
	out.Attr = f.node(in.NodeId).attr()
	out.SetTimeout(attrTime)
	return fuse.OK
}

func (f *files) SetAttr(_ <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	defer f.lock()()
	n := f.node(in.NodeId)
	if mode, ok := in.GetMode(); ok {
		n.mode = n.mode&syscall.S_IFMT | mode
	}
	if uid, ok := in.GetUID(); ok {
		n.uid = uid
	}
	if gid, ok := in.GetGID(); ok {
		n.gid = gid
	}
	if size, ok := in.GetSize(); ok && int(size) != len(n.live) {
		f.disk.write(n, change{size: int(size)})
	}
	out.Attr = n.attr()
	out.SetTimeout(attrTime)
	return fuse.OK
}

// make makes a node and its name.
func (f *files) make(h *fuse.InHeader, name string, mode uint32, out *fuse.EntryOut) fuse.Status {
	dir := f.node(h.NodeId)
	if dir.names[name] != nil {
		return fuse.Status(syscall.EEXIST)
	}
	n := f.disk.add(mode, h.Uid, h.Gid)
	f.disk.rename(naming{{dir, name, n}})
	entry(n, out)
	return fuse.OK
}

func (f *files) Create(_ <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	defer f.lock()()
	return f.make(&in.InHeader, name, syscall.S_IFREG|in.Mode&0o7777, &out.EntryOut)
}

func (f *files) Mkdir(_ <-chan struct{}, in *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status {
	defer f.lock()()
	return f.make(&in.InHeader, name, syscall.S_IFDIR|in.Mode&0o7777, out)
}

func (f *files) Link(_ <-chan struct{}, in *fuse.LinkIn, name string, out *fuse.EntryOut) fuse.Status {
	defer f.lock()()
	dir, n := f.node(in.NodeId), f.node(in.Oldnodeid)
	if dir.names[name] != nil {
		return fuse.Status(syscall.EEXIST)
	}
	f.disk.rename(naming{{dir, name, n}})
	entry(n, out)
	return fuse.OK
}

func (f *files) Unlink(_ <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	defer f.lock()()
	dir := f.node(h.NodeId)
	if dir.names[name] == nil {
		return fuse.ENOENT
	}
	f.disk.rename(naming{{dir, name, nil}})
	return fuse.OK
}

func (f *files) Rmdir(_ <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	defer f.lock()()
	dir := f.node(h.NodeId)
	n := dir.names[name]
	switch {
	case n == nil:
		return fuse.ENOENT
	case len(n.names) > 0:
		return fuse.Status(syscall.ENOTEMPTY)
	}
	f.disk.rename(naming{{dir, name, nil}})
	return fuse.OK
}

// Rename also replaces; the flags of renameat2(2) are refused, and programs do without.
func (f *files) Rename(_ <-chan struct{}, in *fuse.RenameIn, oldName, newName string) fuse.Status {
	defer f.lock()()
	from, to := f.node(in.NodeId), f.node(in.Newdir)
	n, old := from.names[oldName], to.names[newName]
	switch {
	case in.Flags != 0:
		return fuse.EINVAL
	case n == nil:
		return fuse.ENOENT
	case n == old:
		return fuse.OK
	case old != nil && len(old.names) > 0:
		return fuse.Status(syscall.ENOTEMPTY)
	}
	f.disk.rename(naming{{to, newName, n}, {from, oldName, nil}})
	return fuse.OK
}

// Open lets the kernel keep what it has read, and so also map the file into memory.
func (f *files) Open(_ <-chan struct{}, _ *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	out.OpenFlags = fuse.FOPEN_KEEP_CACHE
	return fuse.OK
}

func (f *files) Read(_ <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	defer f.lock()()
	live := f.node(in.NodeId).live
	n := copy(buf, live[min(int(in.Offset), len(live)):])
	return fuse.ReadResultData(buf[:n]), fuse.OK
}

func (f *files) Write(_ <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	defer f.lock()()
	f.disk.write(f.node(in.NodeId), change{data: slices.Clone(data), offset: int(in.Offset), size: -1})
	return uint32(len(data)), fuse.OK
}

func (f *files) Fsync(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	defer f.lock()()
	f.disk.flush(f.node(in.NodeId))
	return fuse.OK
}

func (f *files) FsyncDir(cancel <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	return f.Fsync(cancel, in)
}

func (f *files) OpenDir(<-chan struct{}, *fuse.OpenIn, *fuse.OpenOut) fuse.Status { return fuse.OK }

// ReadDir lists a directory. Offsets are ids of nodes, so that a name that goes away meanwhile hides no other.
func (f *files) ReadDir(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	defer f.lock()()
	names := f.node(in.NodeId).names
	byID := slices.SortedFunc(maps.Keys(names), func(a, b string) int { return int(names[a].id) - int(names[b].id) })
	for _, name := range byID {
		n := names[name]
		if n.id > in.Offset && !out.AddDirEntry(fuse.DirEntry{Name: name, Ino: n.id, Mode: n.mode, Off: n.id}) {
			break
		}
	}
	return fuse.OK
}

func (f *files) StatFs(_ <-chan struct{}, _ *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	const blocks = 1 << 24 // of 4 KiB: nobody fears that it is full
	out.Bsize, out.Frsize, out.NameLen = 4096, 4096, 255
	out.Blocks, out.Bfree, out.Bavail, out.Files, out.Ffree = blocks, blocks, blocks, blocks, blocks
	return fuse.OK
}
