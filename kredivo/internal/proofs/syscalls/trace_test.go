package syscalls

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// A call is one system call in the output of "strace -f -yy". Start and end are the lines where it began and
// returned, which differ when other threads did something meanwhile.
type call struct {
	name, args, result string
	start, end         int
}

var (
	whole      = regexp.MustCompile(`^(\d+) +(\w+)\((.*)\) += (.*)$`)
	unfinished = regexp.MustCompile(`^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$`)
	resumed    = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>.*\) += (.*)$`)
)

// readTrace reads the calls that returned, in the order in which they did.
func readTrace(t *testing.T, path string) []call {
	t.Helper()
	trace, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer trace.Close()
	var calls []call
	running := map[string]call{} // by thread
	lines := bufio.NewScanner(trace)
	lines.Buffer(nil, 1<<20)
	for n := 0; lines.Scan(); n++ {
		if m := whole.FindStringSubmatch(lines.Text()); m != nil {
			calls = append(calls, call{m[2], m[3], m[4], n, n})
		} else if m := unfinished.FindStringSubmatch(lines.Text()); m != nil {
			running[m[1]] = call{name: m[2], args: m[3], start: n}
		} else if m := resumed.FindStringSubmatch(lines.Text()); m != nil {
			c := running[m[1]]
			c.result, c.end = m[3], n
			calls = append(calls, c)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return calls
}

// The calls that matter.

func (c call) writesLog() bool {
	return (c.name == "write" || c.name == "pwrite64") && strings.Contains(c.args, "-wal>, ")
}

func (c call) flushesLog() bool {
	return (c.name == "fsync" || c.name == "fdatasync") && strings.HasSuffix(c.args, "-wal>") && c.result == "0"
}

func (c call) acknowledges() bool {
	return strings.Contains(c.args, "<TCP") && strings.Contains(c.args, `"HTTP/1.1 2`)
}

// unflushed counts the acknowledgements, and describes those that were not preceded by a commit and its flush
// since the one before. The messages must have come one after another.
func unflushed(calls []call) (acknowledged int, problems []string) {
	wrote, flushed := -1, false // the line where the last write of the log ended; whether a flush began after it
	for _, c := range calls {
		switch {
		case c.writesLog():
			wrote, flushed = c.end, false
		case c.flushesLog():
			flushed = c.start > wrote
		case c.acknowledges():
			acknowledged++
			if wrote < 0 || !flushed {
				problems = append(problems, fmt.Sprintf("line %d: log written in line %d, flushed: %v", c.start+1, wrote+1, flushed))
			}
			wrote, flushed = -1, false
		}
	}
	return acknowledged, problems
}
