package appliance_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// floors says how high each package stands. A package imports only packages
// below its own floor: never upward, never sideways. A path that ends in "/"
// stands for all packages under it.
var floors = []struct {
	path  string
	floor int
}{
	{"journal/certtest", 0},
	{"journal/durable", 0},
	{"journal/fault", 0},
	{"journal/freeport", 0},
	{"journal/greeting", 0},
	{"journal/logtest", 0},
	{"replay/crowdtest", 0},
	{"journal/turn", 0},
	{"journal/progress", 0},
	{"journal/rare", 0},
	{"journal/timing", 0},
	{"journal/jet/faultfs", 0},
	{"appliance/process", 0},
	{"appliance/store", 1},
	{"respd/resp", 0},
	{"respd/rdb", 1},
	{"respd/glob", 0},
	{"respd/number", 0},
	{"respd/stats", 1},
	{"respd/redistest", 1},
	{"respd/lua/cmath", 0},
	{"respd/lua/luatest", 0},
	{"respd/lua", 1},
	{"respd/lua/lualib", 2},
	{"journal", 1},
	{"journal/journaltest", 2},
	{"journal/blocks", 2},
	{"journal/broker", 3},
	{"journal/jet", 4},
	{"journal/jet/jettest", 5},
	{"journal/mem", 2},
	{"replay/catalog", 2},
	{"replay/cluster", 2},
	{"replay/events", 2},
	{"replay/standing", 2},
	{"replay/value", 2},
	{"replay/watch", 2},
	{"replay/snapshot", 3},
	{"replay", 4},
	{"replay/part", 5},
	{"replay/recovery", 5},
	{"replay/backup", 6},
	{"replay/writer", 5},
	{"replay/wire", 5},
	{"replay/remote", 6},
	{"replay/move", 6},
	{"replay/peer", 6},
	{"replay/replaytest", 6},
	{"respd/hub", 3},
	{"respd/command", 5},
	{"respd/command/", 6},
	{"appliance/options", 7},
	{"admin", 6},
	{"admin/admintest", 7},
	{"appliance/replication", 8},
	{"appliance/report", 7},
	{"appliance/web", 7},
	{"respd/client", 7},
	{"respd", 8}, // it makes the table out of the families
	{"respd/compat", 9},
	{"appliance", 9},
	{"admin/cli", 10}, // it looks into the directories of stopped nodes, too
	{"", 11},          // main
	{"packaging/build", 11}, {"packaging/", 11},
}

// homes says where a module from elsewhere may be imported. With test, it is
// for test files only, in any package.
var homes = []struct {
	module string
	homes  []string
	test   bool
}{
	{module: "github.com/tidwall/buntdb", homes: []string{"replay/catalog", "appliance/store"}},
	{module: "github.com/tidwall/btree", homes: []string{"replay"}},
	{module: "github.com/cespare/xxhash/v2", homes: []string{"replay/value", "replay/snapshot", "replay/backup"}},
	{module: "github.com/nats-io/nats-server/v2", homes: []string{"journal/broker"}},
	{module: "github.com/minio/highwayhash", homes: []string{"journal/blocks"}},
	{module: "github.com/hanwen/go-fuse/v2", homes: []string{"journal/jet/faultfs"}},
	{module: "github.com/nats-io/nats.go", homes: []string{"journal/broker", "journal/jet", "replay", "replay/wire", "replay/remote", "replay/move", "replay/peer", "admin", "appliance", "appliance/replication"}},
	{module: "github.com/urfave/cli/v2", homes: []string{"", "admin/cli"}},
	{module: "filippo.io/age", homes: []string{"admin/cli"}},
	{module: "github.com/coreos/go-systemd/v22", homes: []string{"appliance/process"}},
	{module: "gopkg.in/yaml.v3", homes: []string{"appliance/options", "packaging/monitoring", "packaging/examples"}},
	{module: "github.com/goreleaser/nfpm/v2", homes: []string{"packaging/build"}},
	{module: "golang.org/x/sys", homes: []string{"journal/blocks", "respd", "appliance", "appliance/process", "admin/cli"}},
	{module: "github.com/redis/go-redis/v9", homes: []string{"packaging/examples/debianload", "packaging/bench/moves"}, test: true},
	{module: "github.com/redis/rueidis", test: true},
	{module: "github.com/gomodule/redigo", test: true},
	{module: "github.com/anishathalye/porcupine", test: true},
}

// pkg is what go list says of a package.
type pkg struct {
	ImportPath, Doc           string
	GoFiles, Imports          []string
	TestImports, XTestImports []string
}

// The layout is what keeps the parts apart, so a program looks after it and not
// a reviewer: it lists all packages and holds their imports against the tables
// above.
func TestFloors(t *testing.T) {
	for _, p := range listPackages(t) {
		floor, ok := floorOf(short(p.ImportPath))
		if !ok {
			t.Errorf("package %s has no floor; want a line in floors", p.ImportPath)
			continue
		}
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("package %s has no doc comment", p.ImportPath)
		}
		for _, imp := range p.Imports {
			if err := allowed(p, floor, imp, false); err != nil {
				t.Error(err)
			}
		}
		for _, imp := range append(p.TestImports, p.XTestImports...) {
			if err := allowed(p, floor, imp, true); err != nil {
				t.Error(err)
			}
		}
	}
}

// A rule that can't fail is no rule.
func TestFloorsNotice(t *testing.T) {
	for _, c := range []struct{ from, imp, want string }{
		{"ledge/journal/blocks", "ledge/replay/value", "sideways"},
		{"ledge/journal/blocks", "ledge/replay", "upward"},
		{"ledge/journal", "ledge/replay", "upward"},
		{"ledge/respd/command/strs", "ledge/respd/command/keys", "sideways"},
		{"ledge/respd", "ledge/journal/jet", "knows neither"},
		{"ledge/respd", "github.com/tidwall/buntdb", "only"},
		{"ledge/replay", "github.com/nats-io/nats-server/v2/server", "only"},
		{"ledge/replay", "github.com/redis/go-redis/v9", "only"},
		{"ledge/replay", "example.com/anything", "no line"},
	} {
		floor, _ := floorOf(short(c.from))
		err := allowed(pkg{ImportPath: c.from}, floor, c.imp, false)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s imports %s: got %v; want an error with %q", c.from, c.imp, err, c.want)
		}
	}
}

func listPackages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		list = append(list, p)
	}
}

// short returns a path within this module, "" for its root.
func short(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, "ledge"), "/")
}

func ours(path string) bool { return path == "ledge" || strings.HasPrefix(path, "ledge/") }

// floorOf finds a package's floor: by its own line, else by the longest that
// stands for all under it.
func floorOf(path string) (floor int, ok bool) {
	longest := -1
	for _, f := range floors {
		if f.path == path {
			return f.floor, true
		}
		if strings.HasSuffix(f.path, "/") && strings.HasPrefix(path, f.path) && len(f.path) > longest {
			floor, ok, longest = f.floor, true, len(f.path)
		}
	}
	return floor, ok
}

// allowed reports why a package may not import another. Tests may reach
// sideways and upward within this module: they put parts together.
func allowed(p pkg, floor int, imp string, test bool) error {
	if ours(imp) {
		return allowedOurs(p, floor, imp, test)
	}
	if first, _, _ := strings.Cut(imp, "/"); !strings.Contains(first, ".") {
		return nil // the standard library
	}
	for _, h := range homes {
		if imp != h.module && !strings.HasPrefix(imp, h.module+"/") {
			continue
		}
		if test && h.test {
			return nil
		}
		for _, home := range h.homes {
			if short(p.ImportPath) == home {
				return nil
			}
		}
		return fmt.Errorf("%s imports %s, which only %q may (in tests: %v)",
			p.ImportPath, imp, h.homes, h.test)
	}
	return fmt.Errorf("%s imports %s, which has no line in homes", p.ImportPath, imp)
}

func allowedOurs(p pkg, floor int, imp string, test bool) error {
	if test {
		return nil
	}
	from, to := short(p.ImportPath), short(imp)
	if strings.HasPrefix(from, "respd") && (slices.Contains([]string{"journal/blocks", "journal/broker", "journal/jet"}, to) || to == "admin") {
		return fmt.Errorf("%s imports %s: respd knows neither the broker nor admin", p.ImportPath, imp)
	}
	switch f, _ := floorOf(to); {
	case f == floor:
		return fmt.Errorf("%s imports %s: sideways on floor %d", p.ImportPath, imp, floor)
	case f > floor:
		return fmt.Errorf("%s imports %s: upward from floor %d to %d", p.ImportPath, imp, floor, f)
	}
	return nil
}
