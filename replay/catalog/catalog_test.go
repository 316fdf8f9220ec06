package catalog_test

// These tests use scratch tables and not those of a state, so they hold for
// whatever table comes next: rows, indexes and digests follow each change, roll
// back with it, and look the same in an overlay as they will once it is applied.

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"ledge/journal"
	"ledge/replay/catalog"
)

func digest(key, val string) journal.Digest {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d:%s%s", len(key), key, val)
	return journal.Digest(h.Sum64())
}

// scratch returns two tables with the same kind of rows, name and role. The name
// of the one begins with that of the other, as do keys in both.
func scratch() (users, user *catalog.Table) {
	byRole := map[string]func(a, b string) bool{"role": func(a, b string) bool { return a < b }}
	users = &catalog.Table{Name: "users", Digest: digest, Indexes: byRole,
		Share: func(d journal.Digest) journal.Digest { return 3 * d }}
	user = &catalog.Table{Name: "user", Digest: digest,
		Share: func(d journal.Digest) journal.Digest { return 5 * d }}
	return users, user
}

func open(t *testing.T, tables ...*catalog.Table) *catalog.Catalog {
	t.Helper()
	c, err := catalog.New(tables...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Check(); err != nil {
			t.Errorf("Check = %v; want nil", err)
		}
		if err := c.Close(); err != nil {
			t.Errorf("Close = %v; want nil", err)
		}
	})
	return c
}

// change runs fn in a Tx and commits it.
func change(t *testing.T, c *catalog.Catalog, fn func(w catalog.Writer)) {
	t.Helper()
	tx, err := c.Begin()
	if err != nil {
		t.Fatal(err)
	}
	fn(tx)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// show returns the rows of a table as r reads them: "key=value …".
func show(r catalog.Reader, t *catalog.Table, index string) string {
	var rows []string
	for key, val := range catalog.RowsOf(r, t).By(index) {
		rows = append(rows, key+"="+val)
	}
	return strings.Join(rows, " ")
}

// Tables don't see each other's rows, whatever they are called, and the same rows
// count differently in each.
func TestTables(t *testing.T) {
	users, user := scratch()
	c := open(t, users, user)
	empty := c.Digest()
	change(t, c, func(w catalog.Writer) {
		must(t, w.Set(user, "s:ann", "x"))
		must(t, w.Set(user, "ann", "admin"))
		must(t, w.Set(user, ";", "odd"))
	})
	if got := show(c, users, ""); got != "" {
		t.Errorf("users = %q; want none", got)
	}
	if got, want := show(c, user, ""), ";=odd ann=admin s:ann=x"; got != want {
		t.Errorf("user = %q; want %q", got, want)
	}
	here := c.Digest()
	change(t, c, func(w catalog.Writer) {
		must(t, w.Clear(user))
		must(t, w.Set(users, "s:ann", "x"))
		must(t, w.Set(users, "ann", "admin"))
		must(t, w.Set(users, ";", "odd"))
	})
	if there := c.Digest(); there == here || there == empty || c.Len() != 3 {
		t.Errorf("digest = %s with %d rows in users and %s in user; want them to differ", there, c.Len(), here)
	}
	change(t, c, func(w catalog.Writer) { must(t, w.Clear(users)) })
	if got := c.Digest(); got != empty || c.Len() != 0 {
		t.Errorf("digest = %s with %d rows; want %s as in the beginning", got, c.Len(), empty)
	}
}

// What a Tx has done is read through it, and is gone after Rollback: rows, order by
// index, digest, version.
func TestRollback(t *testing.T) {
	users, user := scratch()
	c := open(t, users, user)
	change(t, c, func(w catalog.Writer) {
		must(t, w.Set(users, "ann", "reader"))
		must(t, w.Set(users, "bob", "admin"))
	})
	for name, fn := range map[string]func(w catalog.Writer) error{
		"set":    func(w catalog.Writer) error { return w.Set(users, "cleo", "writer") },
		"change": func(w catalog.Writer) error { return w.Set(users, "ann", "admin") },
		"delete": func(w catalog.Writer) error { return w.Delete(users, "bob") },
		"clear":  func(w catalog.Writer) error { return w.Clear(users) },
	} {
		before := []any{show(c, users, ""), show(c, users, "role"), c.Digest(), c.Len(), c.Version(users)}
		tx, err := c.Begin()
		must(t, err)
		must(t, fn(tx))
		if got := show(tx, users, ""); got == before[0] || tx.Version(users) == before[4] {
			t.Errorf("%s: the Tx shows %q of the same version; want it to show what it did", name, got)
		}
		tx.Rollback()
		after := []any{show(c, users, ""), show(c, users, "role"), c.Digest(), c.Len(), c.Version(users)}
		if !slices.Equal(before, after) {
			t.Errorf("%s: %v after Rollback; want %v", name, after, before)
		}
	}
}

// A version stands for rows: it changes with them, is that of the one table, and
// comes back when a change is taken back.
func TestVersion(t *testing.T) {
	users, user := scratch()
	c := open(t, users, user)
	at, other := c.Version(users), c.Version(user)
	if at == (catalog.Version{}) {
		t.Error("the version of an empty table is that of none")
	}
	change(t, c, func(w catalog.Writer) { must(t, w.Delete(users, "missing")) })
	if c.Version(users) != at {
		t.Error("removing what is not there makes another version; want the same")
	}
	change(t, c, func(w catalog.Writer) { must(t, w.Set(users, "ann", "admin")) })
	if c.Version(users) == at || c.Version(user) != other {
		t.Error("want another version for the table that has changed, and no other")
	}
	var o catalog.Overlay
	o.Begin(c)
	at = o.Version(users)
	mark := o.Mark()
	must(t, o.Set(users, "bob", "reader"))
	first := o.Version(users)
	must(t, o.Clear(users))
	if first == at || o.Version(users) == first || at != c.Version(users) {
		t.Error("want another version for each change in an overlay")
	}
	o.Revert(mark)
	if o.Version(users) != at {
		t.Error("want the version of the catalog once all is taken back")
	}
}

// An overlay shows what a catalog will once the same is done to it, at each step,
// and what it showed before when steps are taken back.
func TestOverlay(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	users, user := scratch()
	c := open(t, users, user)
	change(t, c, func(w catalog.Writer) { anything(t, rnd, w, users, user, 20) })
	for round := range 50 {
		var o catalog.Overlay
		o.Begin(c)
		still := show(c, users, "") + show(c, user, "")
		anything(t, rnd, &o, users, user, rnd.IntN(10))
		mark, was := o.Mark(), shown(&o, users, user)
		anything(t, rnd, &o, users, user, rnd.IntN(10))
		o.Revert(mark)
		if got := shown(&o, users, user); got != was {
			t.Fatalf("seed %d, round %d: after Revert %q; want %q", seed, round, got, was)
		}
		model := make(map[string]string)
		o.Each(users, "", func(key, val string) bool { model[key] = val; return true })
		for _, key := range slices.Sorted(maps.Keys(model)) {
			if val, ok := o.Get(users, key); !ok || val != model[key] {
				t.Fatalf("seed %d, round %d: Get(%q) = %q, %v; want %q", seed, round, key, val, ok, model[key])
			}
		}
		if _, ok := o.Get(users, "missing"); ok {
			t.Fatalf("seed %d, round %d: a row is there that was never set", seed, round)
		}
		if got := show(c, users, "") + show(c, user, ""); got != still {
			t.Fatalf("seed %d, round %d: the catalog below has changed to %q", seed, round, got)
		}
		change(t, c, func(w catalog.Writer) {
			for _, table := range []*catalog.Table{users, user} {
				must(t, w.Clear(table))
				for _, kv := range rowsOf(was, table.Name) {
					must(t, w.Set(table, kv[0], kv[1]))
				}
			}
		})
		if got := shown(c, users, user); got != was {
			t.Fatalf("seed %d, round %d: the catalog shows %q; its overlay showed %q", seed, round, got, was)
		}
		must(t, c.Check())
	}
}

// anything makes n changes at random.
func anything(t *testing.T, rnd *rand.Rand, w catalog.Writer, users, user *catalog.Table, n int) {
	t.Helper()
	for range n {
		table := users
		if rnd.IntN(3) == 0 {
			table = user
		}
		key := fmt.Sprintf("k%d", rnd.IntN(12))
		switch rnd.IntN(8) {
		case 0:
			must(t, w.Clear(table))
		case 1, 2:
			must(t, w.Delete(table, key))
		default:
			must(t, w.Set(table, key, fmt.Sprintf("role%d", rnd.IntN(4))))
		}
	}
}

// shown is everything that can be read, one line for each table and order.
func shown(r catalog.Reader, users, user *catalog.Table) string {
	return "users " + show(r, users, "") + "\nuser " + show(r, user, "") + "\nroles " + show(r, users, "role")
}

// rowsOf takes the rows of a table out of what shown has returned.
func rowsOf(shown, table string) (rows [][2]string) {
	for line := range strings.Lines(shown) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		for _, f := range strings.Fields(rest) {
			if key, val, ok := strings.Cut(f, "="); ok && name == table {
				rows = append(rows, [2]string{key, val})
			}
		}
	}
	return rows
}

// Whoever is given rows may read the catalog, though somebody waits to change it.
func TestReadInEach(t *testing.T) {
	users, user := scratch()
	c := open(t, users, user)
	change(t, c, func(w catalog.Writer) { must(t, w.Set(users, "ann", "admin")) })
	c.Each(users, "role", func(key, _ string) bool {
		change(t, c, func(w catalog.Writer) { must(t, w.Set(user, "other", "x")) })
		if val, ok := c.Get(users, key); !ok || val != "admin" {
			t.Errorf("Get in Each = %q, %v; want admin", val, ok)
		}
		return true
	})
}

// Check notices rows that count otherwise than they did when they came.
func TestCheck(t *testing.T) {
	users, _ := scratch()
	salt := journal.Digest(0)
	users.Digest = func(key, val string) journal.Digest { return digest(key, val) + salt }
	c, err := catalog.New(users)
	must(t, err)
	defer c.Close()
	change(t, c, func(w catalog.Writer) { must(t, w.Set(users, "ann", "admin")) })
	must(t, c.Check())
	salt = 1
	if err := c.Check(); err == nil || !strings.Contains(err.Error(), "table users") {
		t.Errorf("Check = %v; want an error on table users", err)
	}
}

// A catalog that is closed refuses changes and shows nothing.
func TestClosed(t *testing.T) {
	users, _ := scratch()
	c, err := catalog.New(users)
	must(t, err)
	must(t, c.Close())
	must(t, c.Close())
	if _, err := c.Begin(); err == nil {
		t.Error("Begin = nil on a closed catalog; want an error")
	}
	if _, ok := c.Get(users, "ann"); ok {
		t.Error("a closed catalog has a row")
	}
}
