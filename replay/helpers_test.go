package replay_test

import (
	"ledge/journal"
	"ledge/replay"
	"ledge/replay/replaytest"
	"ledge/replay/value"
)

// Commands for tests.

func set(db journal.DB, key string) replaytest.Command { return setAll(db, key, "value") }

func setAll(db journal.DB, key, val string) replaytest.Command {
	return func(d *replay.Draft) error {
		d.Select(db)
		return d.SetString([]byte(key), []byte(val), 0)
	}
}

func setUntil(db journal.DB, key string, at int64) replaytest.Command {
	return func(d *replay.Draft) error {
		d.Select(db)
		return d.SetString([]byte(key), []byte("v"), at)
	}
}

func del(key string) replaytest.Command {
	return func(d *replay.Draft) error {
		d.Select(0)
		_, err := d.Delete([]byte(key))
		return err
	}
}

func expire(key string, at int64) replaytest.Command {
	return func(d *replay.Draft) error {
		d.Select(0)
		return d.Expire([]byte(key), at)
	}
}

func rename(key, to string) replaytest.Command {
	return func(d *replay.Draft) error {
		d.Select(0)
		return d.Rename([]byte(key), 0, []byte(to))
	}
}

func clearDB(db journal.DB) replaytest.Command {
	return func(d *replay.Draft) error { return d.Clear(db) }
}

func clearSlot(key string) replaytest.Command {
	slot := value.Slot(key)
	return func(d *replay.Draft) error { return d.ClearSlots(0, slot, slot) }
}

func swap(a, b journal.DB) replaytest.Command {
	return func(d *replay.Draft) error { return d.Swap(a, b) }
}
