package admin_test

// SUBJECTS.md is what programs are written by, so all that the code knows of it is
// held against the page here: verbs, requests, the fields of replies, events, and
// who may use which subject.

import (
	"cmp"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ledge/admin"
	"ledge/admin/admintest"
	"ledge/packaging/pagetest"
	"ledge/replay/remote"
)

const subjects = "SUBJECTS.md"

// Each verb has a line, in the order of INFO, with a request that is taken and a
// reply whose fields stand in a section of its own.
func TestVerbsPage(t *testing.T) {
	verbs, what := admin.Verbs()
	var got []string
	for _, row := range pagetest.Table(t, subjects, "## Requests") {
		verb := pagetest.Code(row[0])[0]
		got = append(got, verb)
		if what[verb] == "" {
			continue // Same says so
		}
		request := ""
		if row[1] != "" {
			request = pagetest.Code(row[1])[0]
		}
		if (request != "") != strings.Contains(what[verb], "{") {
			t.Errorf("%s has the request %q; the node describes it as %q", verb, request, what[verb])
		}
		reply, err := admin.Ask(t.Context(), &admintest.Backend{}, verb, []byte(request))
		if err != nil {
			t.Errorf("%s with the page's request %s: %v", verb, request, err)
		}
		name := reflect.TypeOf(reply).Name()
		switch name {
		case "Done":
			name = "`{}`"
		case "Raw":
			name = "bytes"
		default:
			name = ref(name)
			fields(t, reflect.TypeOf(reply))
		}
		within := "30 s"
		if admin.Long(verb) {
			within = "10 min"
		}
		if !strings.Contains(row[2], name) || row[3] != within {
			t.Errorf("%s has the reply %q within %q; want %s in it, within %s", verb, row[2], row[3], name, within)
		}
	}
	pagetest.Same(t, subjects, "verb", got, verbs)
	fields(t, reflect.TypeFor[admin.Event]())
	fields(t, reflect.TypeFor[admin.Stats]())
}

func ref(name string) string { return "[" + name + "](#" + strings.ToLower(name) + ")" }

// fields checks the section of a type: its fields in order, each with its type, and
// the sections of the types that these have.
func fields(t *testing.T, typ reflect.Type) {
	t.Helper()
	var got, want []string
	for _, row := range pagetest.Table(t, subjects, "### "+typ.Name()) {
		got = append(got, strings.Trim(row[0], "`")+": "+row[1])
	}
	for f := range typ.Fields() {
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		is := typeName(t, f.Type)
		if opts == "omitempty" {
			is += ", optional"
		}
		want = append(want, name+": "+is)
	}
	pagetest.Same(t, subjects, typ.Name()+"'s field", got, want)
}

func typeName(t *testing.T, typ reflect.Type) string {
	switch {
	case typ == reflect.TypeFor[time.Time]():
		return "time"
	case typ.Kind() == reflect.Pointer:
		return typeName(t, typ.Elem())
	case typ.Kind() == reflect.Struct:
		fields(t, typ)
		return ref(typ.Name())
	case typ == reflect.TypeFor[[]json.RawMessage]():
		return "list of objects"
	case typ == reflect.TypeFor[[]string]():
		return "list of texts"
	case typ == reflect.TypeFor[map[string]string]():
		return "object of texts"
	case typ.Kind() == reflect.Slice:
		return "list of " + typeName(t, typ.Elem())
	case typ.Kind() == reflect.String:
		return "text"
	case typ.Kind() == reflect.Bool:
		return "boolean"
	}
	return "number"
}

// Each kind of event has a line, which names the fields that its sample has.
func TestEventsPage(t *testing.T) {
	var got []string
	has := make(map[string][]string)
	for _, row := range pagetest.Table(t, subjects, "## Events") {
		kind := pagetest.Code(row[0])[0]
		got = append(got, kind)
		has[kind] = append(pagetest.Code(row[2]), "node", "kind", "at")
	}
	pagetest.Same(t, subjects, "kind of event", got, eventKinds(t))
	for _, e := range events() {
		var sample map[string]any
		b, err := json.Marshal(e)
		if err == nil {
			err = json.Unmarshal(b, &sample)
		}
		if err != nil {
			t.Fatal(err)
		}
		for field := range sample {
			if !slices.Contains(has[e.Kind], field) {
				t.Errorf("%s says that %s has %q; its sample has %s, too", subjects, e.Kind, has[e.Kind], field)
			}
		}
	}
}

// eventKinds returns the kinds that are declared.
func eventKinds(t *testing.T) (kinds []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "schema.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "Event") {
			kind, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			kinds = append(kinds, kind)
		}
		return true
	})
	return kinds
}

// What the page says of a user and a subject is what the broker is told.
func TestUsersPage(t *testing.T) {
	passwords := make(map[string]string)
	for _, u := range admin.PasswordUsers() {
		passwords[u] = "p"
	}
	users := admin.Users(passwords, remote.Subjects)
	verbs, _ := admin.Verbs()
	rows := pagetest.Table(t, subjects, "## Users")
	for _, row := range rows {
		for _, subject := range sampleSubjects(pagetest.Code(row[0]), verbs) {
			for i, name := range []string{admin.AdminUser, admin.ReplicaUser, admin.MonitorUser} {
				for _, u := range users {
					if u.Name != name {
						continue
					}
					var can []string
					if matches(u.Publish, subject) && !matches(u.Deny, subject) {
						can = append(can, "ask")
					}
					if matches(u.Subscribe, subject) {
						can = append(can, "hear")
					}
					if got := cmp.Or(strings.Join(can, ", "), "–"); got != row[1+i] {
						t.Errorf("%s says %q of %s on %s; want %q", subjects, row[1+i], name, subject, got)
					}
				}
			}
		}
	}
	if len(rows) < 9 {
		t.Errorf("%d rows of subjects; want all of them", len(rows))
	}
}

// sampleSubjects returns subjects for what the page writes with placeholders.
func sampleSubjects(written, verbs []string) (list []string) {
	for _, s := range written {
		if !strings.Contains(s, ".") || strings.HasPrefix(s, ".") {
			continue
		}
		s = strings.NewReplacer("NODE", "n1", "KIND", "link", ">", "x.y").Replace(s)
		switch {
		case strings.HasPrefix(s, "$SRV"):
			list = append(list, s, s+".ledge", s+".ledge.ID")
		case strings.Contains(s, "VERB"):
			for _, v := range verbs {
				if v != "status" && v != "health" && v != "events" {
					list = append(list, strings.Replace(s, "VERB", v, 1))
				}
			}
		default:
			list = append(list, s)
		}
	}
	return list
}

// matches reports whether any of some patterns of NATS has a subject.
func matches(patterns []string, subject string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		p = strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, `[^.]+`)
		return regexp.MustCompile(`\A` + strings.TrimSuffix(p, `>`) + map[bool]string{true: `.+`}[strings.HasSuffix(p, ">")] + `\z`).MatchString(subject)
	})
}
