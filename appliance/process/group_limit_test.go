package process

import (
	"os"
	"path/filepath"
	"testing"
)

// groupFiles are control groups of both kinds, with their bounds.
var groupFiles = map[string]string{
	"memory.max":                        "max\n",
	"a/memory.max":                      "67108864\n",
	"a/b/memory.max":                    "max\n",
	"a/c/memory.max":                    "33554432\n",
	"wide/memory.max":                   "max\n",
	"memory/memory.limit_in_bytes":      "9223372036854771712\n",
	"memory/d/memory.limit_in_bytes":    "1073741824\n",
	"memory/d/e/memory.limit_in_bytes":  "9223372036854771712\n",
	"memory/free/memory.limit_in_bytes": "9223372036854771712\n",
	"bad/memory.max":                    "many\n",
	"slow/memory.max":                   "max\n",
	"slow/memory.high":                  "50331648\n",
	"slow/max/memory.max":               "33554432\n",
	"slow/max/memory.high":              "max\n",
	"slow/both/memory.max":              "33554432\n",
	"slow/both/memory.high":             "25165824\n",
	"slow/wide/memory.max":              "67108864\n",
	"slow/wide/memory.high":             "67108864\n",
	"emptied/memory.max":                "67108864\n",
	"emptied/memory.high":               "0\n",
}

// The narrowest of the groups around a process bounds it, of either kind, and a group
// without a bound counts for nothing.
func TestGroupLimit(t *testing.T) {
	root := t.TempDir()
	for path, text := range groupFiles {
		file := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name, groups string
		want         int64
	}{
		{"own", "0::/a\n", 64 << 20},
		{"the one around it", "0::/a/b\n", 64 << 20},
		{"its own is narrower", "0::/a/c\n", 32 << 20},
		{"none", "0::/wide\n", 0},
		{"not there", "0::/gone/too\n", 0},
		{"the path is of outside", "0::/../../elsewhere/a\n", 0},
		{"what makes no sense", "0::/bad\n", 0},
		{"what slows it", "0::/slow\n", 48 << 20},
		{"killed before it is slowed", "0::/slow/max\n", 32 << 20},
		{"slowed before it is killed", "0::/slow/both\n", 24 << 20},
		{"slowed by the one around it", "0::/slow/wide\n", 48 << 20},
		{"being emptied", "0::/emptied\n", 64 << 20},
		{"older kind", "5:cpu,cpuacct:/d\n4:memory:/d\n", 1 << 30},
		{"older kind, nested", "4:memory:/d/e\n", 1 << 30},
		{"older kind, none", "4:memory:/free\n", 0},
		{"older kind, several controllers", "4:hugetlb,memory:/d\n", 1 << 30},
		{"another controller", "4:memoryless:/d\n", 0},
		{"both kinds", "4:memory:/d\n0::/a\n", 64 << 20},
		{"no file", "", 0},
		{"no sense", "x\n:\n", 0},
	} {
		if got, err := groupLimit(root, []byte(tt.groups)); got != tt.want || err != nil {
			t.Errorf("%s: groupLimit = %d, %v; want %d", tt.name, got, err, tt.want)
		}
	}
}

// A limit that can't be read is not taken for none: the others count, and an error says
// so.
func TestGroupLimitUnread(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "a/memory.max"), 0o700); err != nil { // no read works there
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "memory.max"), []byte("67108864\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := groupLimit(root, []byte("0::/a\n")); got != 64<<20 || err == nil {
		t.Errorf("groupLimit = %d, %v; want %d and an error", got, err, 64<<20)
	}
}

// What a process takes by itself leaves room below the bound of its group for what the
// group counts besides.
func TestWithinGroup(t *testing.T) {
	for _, tt := range []struct{ limit, want int64 }{
		{16 << 20, 8 << 20}, {64 << 20, 32 << 20}, {80 << 20, 48 << 20}, {256 << 20, 256<<20*8/10 + 1}, {1 << 30, 1<<30*8/10 + 1},
	} {
		if got := WithinGroup(tt.limit); got < tt.want-1 || got > tt.want {
			t.Errorf("WithinGroup(%d) = %d; want %d", tt.limit, got, tt.want)
		}
	}
}
