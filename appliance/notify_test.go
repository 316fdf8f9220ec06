package appliance_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/appliance"
)

// A node sends the keyspace events that it was started with, to clients as they
// are in the wild.
func TestKeyspaceEvents(t *testing.T) {
	ctx := t.Context()
	p := start(t, t.TempDir(), "--notify-keyspace-events", "KE$g")
	for _, protocol := range []int{2, 3} {
		c := redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: p.addr, Protocol: protocol})
		defer c.Close()
		sub := c.PSubscribe(ctx, "__key*__:*")
		defer sub.Close()
		if _, err := sub.Receive(ctx); err != nil {
			t.Fatalf("PSUBSCRIBE: %v", err)
		}
		if err := c.Set(ctx, "k", "v", 0).Err(); err != nil {
			t.Fatalf("SET: %v", err)
		}
		if err := c.Del(ctx, "k").Err(); err != nil {
			t.Fatalf("DEL: %v", err)
		}
		for _, want := range []string{"__keyspace@0__:k set", "__keyevent@0__:set k",
			"__keyspace@0__:k del", "__keyevent@0__:del k"} {
			m, err := sub.ReceiveMessage(ctx)
			if err != nil {
				t.Fatalf("RESP%d: receive: %v", protocol, err)
			}
			if got := m.Channel + " " + m.Payload; got != want {
				t.Errorf("RESP%d: got %q; want %q", protocol, got, want)
			}
		}
	}
	cfg := appliance.Config{NotifyKeyspaceEvents: "KEy"}
	if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "notify-keyspace-events") {
		t.Errorf("Validate of letters that don't exist = %v; want an error that names the option", err)
	}
}
