package appliance

import (
	"log/slog"
	"testing"
	"time"

	"ledge/appliance/options"
)

// A password that was removed or set at run time holds, but one whose absence would
// leave a listener open to other machines does not; nor one that the configuration
// has changed since.
func TestPasswordSetAtRunTime(t *testing.T) {
	for _, tt := range []struct {
		name, listen, set, over, want string
	}{
		{"removed on loopback", "127.0.0.1:1", "", "foo", ""},
		{"removed, and open to others", "0.0.0.0:1", "", "foo", "foo"},
		{"changed, and open to others", "0.0.0.0:1", "bar", "foo", "bar"},
		{"changed in the file since", "127.0.0.1:1", "bar", "old", "foo"},
	} {
		n := &Node{own: paths{t.TempDir()}.openStore(false, slog.New(slog.DiscardHandler))}
		defer n.own.Close()
		n.cfg = Config{Listen: tt.listen, PasswordFile: "/x", Password: "foo"}
		n.cfg.SetDefaults()
		s := newSettings(n)
		s.clock = time.Now
		s.kept["password"] = setting{Name: "requirepass", Value: tt.set, Over: word{text: tt.over}.hash()}
		c := n.cfg
		s.overlay(&c)
		if c.Password != tt.want {
			t.Errorf("%s: the password is %q; want %q", tt.name, c.Password, tt.want)
		}
		want := options.ByDefault
		if tt.want == tt.set {
			want = bySet
		}
		if got := s.origin(fixedParam("password", "")); got != want {
			t.Errorf("%s: it is %s; want %s", tt.name, got, want)
		}
	}
}
