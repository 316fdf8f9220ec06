package broker

import "time"

// Secret returns what lets a user in within the process.
func (b *Broker) Secret(user string) string { return b.secrets[user] }

// Effective returns the sync settings that the server runs with.
func (b *Broker) Effective() (always bool, every time.Duration) {
	c := b.srv.JetStreamConfig()
	return c.SyncAlways, c.SyncInterval
}

// Say has the server log an error, or a warning.
func (b *Broker) Say(text string, warning bool) {
	if warning {
		b.log.Warnf("%s", text)
	} else {
		b.log.Errorf("%s", text)
	}
}

// Remembered returns of how many connections the broker knows by which password they
// are in.
func (b *Broker) Remembered() int {
	b.logins.mu.Lock()
	defer b.logins.mu.Unlock()
	return len(b.logins.by)
}
