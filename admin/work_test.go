package admin_test

import (
	"context"
	"testing"
	"time"

	"ledge/admin"
	"ledge/admin/admintest"
	"ledge/journal/progress"
)

// What takes long is in the status of the node, with how far it is, until it has ended;
// what is quick is not.
func TestWork(t *testing.T) {
	b := admintest.Start(t)
	node := &admintest.Backend{}
	b.Serve(t, admin.Config{Backend: node})
	conn := b.Dial(t, admin.AdminUser)
	type asked func(context.Context) error
	for verb, ask := range map[string]asked{
		"snapshot": func(ctx context.Context) error { _, err := conn.Snapshot(ctx, "n1"); return err },
		"compact":  func(ctx context.Context) error { _, err := conn.Compact(ctx, "n1"); return err },
		"verify":   func(ctx context.Context) error { _, err := conn.Verify(ctx, "n1"); return err },
		"backup.begin": func(ctx context.Context) error {
			_, err := conn.BackupBegin(ctx, "n1", admin.BackupSince{})
			return err
		},
		"clients": func(ctx context.Context) error { _, err := conn.Clients(ctx, "n1"); return err },
	} {
		at, goOn := make(chan struct{}), make(chan struct{})
		node.Hook(func(ctx context.Context, v string, _ any) error {
			if v == verb {
				progress.Of(ctx).Step("a step", progress.Keys, 100)
				progress.Of(ctx).To(25)
				close(at)
				<-goOn
			}
			return nil
		})
		ended := make(chan error, 1)
		go func() { ended <- ask(t.Context()) }()
		<-at
		st, err := conn.Status(t.Context(), "n1")
		if err != nil {
			t.Fatal(err)
		}
		if verb == "clients" {
			if len(st.Work) > 0 {
				t.Errorf("%s is work that takes long: %+v", verb, st.Work)
			}
		} else if len(st.Work) != 1 || st.Work[0].Verb != verb || time.Since(st.Work[0].Began) > time.Minute {
			t.Errorf("while %s is under way the status has %+v", verb, st.Work)
		} else if s := st.Work[0].Seen(); s.Step != "a step" || s.Unit != progress.Keys || s.Done != 25 || s.Total != 100 ||
			!s.Known || s.Share != 0.25 {
			t.Errorf("of %s there is seen %+v; want a quarter of 100 keys", verb, s)
		}
		close(goOn)
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if st, err := conn.Status(t.Context(), "n1"); err != nil || len(st.Work) > 0 {
			t.Errorf("after %s the status has %+v, %v; want no work", verb, st.Work, err)
		}
	}
}
