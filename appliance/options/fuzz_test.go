package options

import (
	"testing"
	"time"
)

// Whatever is said to an option, it is either refused, or it is a value that is
// good at every place: beside the row's own bounds it can be shown, and what
// CONFIG GET shows of a live one CONFIG SET takes again and shows the same.
func FuzzRows(f *testing.F) {
	for _, s := range []string{"", "0", "1", "1s", "8MiB", "off", ":1", "127.0.0.1:0", "none", "KEA", "nats://a:1", "-1", "1h30m", "\xff",
		"9223372036854775807", "2562047h47m16.854775807s", "1 GiB", "+5", "0x10"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range Table() {
			var c Config
			if err := r.Set(&c, s); err == nil && r.check(&c) != nil {
				t.Errorf("%s: %q is taken and then found bad", r.Name, s)
			}
			for _, p := range r.Params {
				var l Live
				if !p.Live || p.Server || r.Change(p, &l, s) != nil {
					continue
				}
				shown := r.Show(p, Config{Live: l})
				if p.show != nil && l.MinReplicasLag%time.Second != 0 {
					t.Errorf("%s: %q is %s, which is no number of seconds", p.Name, s, l.MinReplicasLag)
				}
				again := Live{}
				if err := r.Change(p, &again, shown); err != nil || again != l {
					t.Errorf("%s: %q is shown as %q, which gives %v and %+v; want %+v", p.Name, s, shown, err, again, l)
				}
			}
		}
	})
}
