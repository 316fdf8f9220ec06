package journal

import (
	"reflect"
	"testing"
)

// Every effect that is shown with a key or a database has a place there, and those
// that have neither have none.
func TestPlaces(t *testing.T) {
	for _, e := range effects.rows {
		for _, op := range e.samples {
			shown, got := Describe(op), Places(op)
			var want []Place
			add := func(db, key string) {
				if at, ok := shown[db].(DB); ok {
					p := Place{DB: at, All: key == ""}
					if !p.All {
						p.Key = reflect.ValueOf(op).Elem().FieldByName(key).String()
					}
					want = append(want, p)
				}
			}
			_, keyed := shown["Key"]
			switch {
			case e.kind == KindKeyCopy:
				add("ToDB", "To")
			case keyed:
				add("DB", "Key")
				add("ToDB", "To")
			default:
				add("DB", "")
				add("A", "")
				add("B", "")
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("Places(%s %+v) = %+v; want %+v", e.name, op, got, want)
			}
		}
	}
}
