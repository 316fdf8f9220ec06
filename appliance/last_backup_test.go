package appliance_test

import (
	"errors"
	"strings"
	"testing"

	"ledge/admin"
	"ledge/appliance"
	"ledge/journal/fault"
	"ledge/journal/freeport"
)

// The node remembers the last backup that it was told of, over a restart; it believes
// nobody who has more of its journal than there is.
func TestLastBackup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := appliance.Config{Dir: dir, Node: "n", NATSListen: freeport.Addr(t)}
	taken := uint64(1)
	told := func(t *testing.T, number *uint64, want *admin.LastBackup) *admin.LastBackup {
		t.Helper()
		n := serve(t, cfg)
		op, _ := knock(t, n.Status().NATS, "admin", word(t, dir, "admin"))
		if number != nil {
			more := *number + 1000
			err := op.BackupEnd(t.Context(), "n", "gone", &more)
			var answer *admin.Error
			if !errors.As(err, &answer) || answer.Class != fault.Refused {
				t.Errorf("BackupEnd with a number that is not there = %v; want it refused", err)
			}
			if err := op.BackupEnd(t.Context(), "n", "gone", number); err != nil {
				t.Fatal(err)
			}
		}
		st, err := op.Status(t.Context(), "n")
		if err != nil || want != nil && (st.Backup == nil || *st.Backup != *want) {
			t.Errorf("last backup %+v, %v; want %+v", st.Backup, err, want)
		}
		if has := strings.Contains(n.Metrics(), "\nledge_backup_number 1\n"); has != (st.Backup != nil) {
			t.Errorf("the metrics have the number 1: %v; want %v", has, st.Backup != nil)
		}
		return st.Backup
	}
	t.Run("none", func(t *testing.T) {
		if b := told(t, nil, nil); b != nil {
			t.Errorf("last backup %+v; want none", b)
		}
	})
	var last *admin.LastBackup
	t.Run("one", func(t *testing.T) {
		if last = told(t, &taken, nil); last == nil || last.Number != 1 || last.At.IsZero() {
			t.Fatalf("last backup %+v; want one up to number 1", last)
		}
	})
	t.Run("after a restart", func(t *testing.T) { told(t, nil, last) })
}
