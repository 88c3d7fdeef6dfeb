package powercut

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// ErrNoFUSE means that this machine has no file systems in user space.
var ErrNoFUSE = errors.New("powercut: there is no /dev/fuse")

// unmountLimit is how long Unmount waits for the last file to be closed.
const unmountLimit = time.Minute

// A Mount is a disk where programs can use it.
type Mount struct {
	server *fuse.Server
}

// Mount shows the disk at an empty directory. A program must not map files of a disk into its memory that it
// serves itself: it could wait for itself. So what is tested runs in another process.
func (d *Disk) Mount(dir string) (*Mount, error) {
	if _, err := os.Stat("/dev/fuse"); errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoFUSE
	}
	server, err := fuse.NewServer(&files{fuse.NewDefaultRawFileSystem(), d}, dir, &fuse.MountOptions{
		FsName:        "powercut",
		Name:          "powercut",
		AllowOther:    os.Geteuid() == 0, // database servers refuse to be root
		Options:       []string{"default_permissions"},
		MaxWrite:      1 << 20,
		DisableXAttrs: true,
		// One way to list a directory is enough.
		DisableReadDirPlus: true,
	})
	if err != nil {
		return nil, fmt.Errorf("powercut: mount: %w", err)
	}
	go server.Serve()
	if err := server.WaitMount(); err != nil {
		return nil, fmt.Errorf("powercut: mount: %w", err)
	}
	return &Mount{server}, nil
}

// Unmount ends the mount. All programs that use it must have ended; the last of their files may still be
// closing.
func (m *Mount) Unmount() error {
	var err error
	for end := time.Now().Add(unmountLimit); time.Now().Before(end); {
		if err = m.server.Unmount(); err == nil { // it pauses between its own tries
			return nil
		}
	}
	return fmt.Errorf("powercut: unmount: %w", err)
}
