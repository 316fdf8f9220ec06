package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"ledge/admin"
	commands "ledge/respd/command"
)

func printStatus(t *table, s admin.Status) {
	t.field("node", "%s, %s, version %s, pid %d", s.Node, s.Role, s.Version, s.PID)
	t.field("up", "%s, since %s", seconds(s.Uptime), instant(s.Started))
	t.field("dir", "%s", s.Dir)
	t.field("redis", "%s", s.Redis)
	t.field("nats", "%s", cmp.Or(s.NATS, "off"))
	healthFields(t, s.Health)
	j := s.Journal
	t.field("journal", "numbers %s, %s", numbers(j.First, j.Last), size(j.Bytes))
	t.field("lineage", "%s, epoch %d", j.Lineage, j.Epoch)
	t.field("digest", "%s", j.Digest)
	if j.Lost != "" {
		t.field("lost", "%s", j.Lost)
	}
	sync := j.Sync
	if j.Interval > 0 {
		sync = fmt.Sprintf("every %s", time.Duration(j.Interval*float64(time.Second)))
	}
	t.field("sync", "%s", sync)
	t.field("appends", "%d, and %d that failed", j.Appends, j.Failed)
	if !s.Health.ReserveMissing { // healthFields has said so
		t.field("reserve", "%s", size(j.Reserve))
	}
	t.field("data", "%d keys, %d clients", s.Data.Keys, s.Data.Clients)
	t.field("memory", "%s, %s of it in use", size(s.Data.Memory), size(s.Data.Live))
	printSaves(t, s.Saves)
	if s.Backup != nil {
		t.field("backup", "up to number %d, %s", s.Backup.Number, instant(s.Backup.At))
	}
	for _, w := range s.Work {
		seen := w.Seen()
		seen.Took = max(0, time.Duration(s.Uptime*float64(time.Second))-w.Began.Sub(s.Started))
		t.field("work", "%s: %s", w.Verb, progressWords(seen))
	}
	if s.Link != nil {
		printLink(t, *s.Link)
	}
	for _, r := range s.Replicas {
		t.field("replica", "%s at %s, %s, number %d (synced %d), heard %s",
			r.Node, r.Redis, r.State, r.Applied, r.Synced, instant(r.Heard))
	}
	for _, f := range s.Former {
		t.field("password", "of %s: those before hold until %s, %d connections by them, %d by the new one",
			f.User, instant(f.Until), f.Former, f.Current)
	}
}

// linkState is a link's state with the step within it.
func linkState(l admin.Link) string {
	if l.Step == "" {
		return l.State
	}
	return l.State + ", " + l.Step
}

func printLink(t *table, l admin.Link) {
	t.field("leader", "%s %s", l.Leader, l.Node)
	t.field("link", "%s since %s", linkState(l), instant(l.Since))
	if l.Heard == nil || l.Lag == nil || l.Last == nil {
		t.field("lag", "unknown: the leader has not been heard of yet; %d are applied", l.Applied)
	} else {
		t.field("lag", "%d numbers: %d of %d", *l.Lag, l.Applied, *l.Last)
	}
	if l.LastError != "" {
		t.field("", "%d failed attempts, class %s: %s", l.Attempts, l.Class, l.LastError)
	}
	if l.Next != nil {
		t.field("", "next attempt %s", instant(*l.Next))
	}
}

func printPromoted(t *table, p admin.Promoted) {
	if p.Already {
		t.field("leads", "%s, already; its last number is %d, epoch %d", p.Node, p.Number, p.Epoch)
		return
	}
	t.field("leads", "%s, from number %d, epoch %d", p.Node, p.Number, p.Epoch)
	if p.Heard != nil {
		t.field("beware", "%s was heard of %s ago: if it leads still, both take writes, and one of them loses its own; "+
			"ledge switchover asked of a leader that is well moves its lead", p.Followed, time.Since(*p.Heard).Round(100*time.Millisecond))
	}
}

func printSaves(t *table, s admin.Saves) {
	last := "none yet"
	if s.Number > 0 {
		last = fmt.Sprintf("number %d, %s", s.Number, instant(s.Last))
	}
	if s.Running {
		last += ", one is being taken"
	}
	t.field("snapshot", "%s", last)
	if s.LastError != "" {
		t.field("", "the last attempt: %s", s.LastError)
	}
}

func printHealth(t *table, h admin.Health) {
	t.field("node", "%s", h.Node)
	healthFields(t, h)
}

// healthFields prints health without the node's name.
func healthFields(t *table, h admin.Health) {
	t.field("state", "%s", h.State)
	if h.Loading != nil {
		t.field("loading", "%s", loadingWords(h.Loading))
	}
	if h.ReadsRefused != "" {
		t.field("reads", "refused: %s", h.ReadsRefused)
	}
	if h.WritesRefused != "" && h.State == admin.StateOK {
		t.field("writes", "refused: %s", h.WritesRefused)
	}
	if h.SlotsWait != "" {
		t.field("slots", "not served yet: %s", h.SlotsWait)
	}
	if h.SlotsSeized != "" {
		t.field("seized", "slots %s are another shard's: ledge cluster status has it, and ledge cluster yield gives them up", h.SlotsSeized)
	}
	if h.SlotsGiven != "" {
		t.field("given", "slots %s are given and not taken, and nobody serves them: ledge cluster moves says what to do", h.SlotsGiven)
	}
	if h.LinkFailed != "" {
		t.field("leader", "not reached: %s", h.LinkFailed)
	}
	if h.LinkDown != "" {
		t.field("leader", "link down, tried again by itself: %s", h.LinkDown)
	}
	if h.State != admin.StateOK && h.State != admin.StateLoading {
		t.field("cause", "%s (%s)", h.Cause, h.Class)
		if h.Since != nil {
			t.field("since", "%s", instant(*h.Since))
		}
		t.field("attempts", "%d, %d of them automatic", h.Attempts, h.Automatic)
		if h.LastAttempt != nil {
			t.field("last", "%s: %s", instant(*h.LastAttempt), cmp.Or(h.LastError, "ok"))
		}
		next := "ledge resume"
		if h.State == admin.StateInDoubt {
			next = "by itself, when the disk answers"
		} else if h.NextAttempt != nil {
			next = instant(*h.NextAttempt) + ", or ledge resume"
		}
		t.field("next", "%s", next)
		if h.Deletes {
			t.field("takes", "deletes only")
		}
	}
	switch {
	case h.ReserveMissing && h.Deletes:
		t.field("reserve", "not held, so that deletes find what room there is; held back before other writes are taken")
	case h.ReserveMissing:
		t.field("reserve", "not held: a full disk will take no deletes; tried each %s, or ledge resume", seconds(h.ResumeInterval))
	}
	limit := ""
	if h.ResumeMaxAttempts > 0 {
		limit = fmt.Sprintf(", at most %d times", h.ResumeMaxAttempts)
	}
	t.field("resume", "auto %s, every %s%s", h.ResumeAuto, seconds(h.ResumeInterval), limit)
}

// loadingWords says how far a node has come that is loading.
func loadingWords(l *admin.Loading) string {
	if l == nil {
		return "it does not say how far it is"
	}
	s := fmt.Sprintf("%s, %.0f %%", l.Step, l.Percent)
	if l.Rows > 0 {
		s += fmt.Sprintf(", %d keys, %.0f a second", l.Rows, l.Rate)
	}
	if l.Left != nil {
		s += fmt.Sprintf(", %s left", seconds(*l.Left))
	}
	return s
}

func printResumed(t *table, r admin.Resumed) {
	for _, s := range r.Steps {
		t.row(s.Name, milliseconds(s.Took), cmp.Or(s.Error, "ok"))
	}
	switch {
	case r.Health.ReserveMissing && r.State == admin.StateOK:
		t.row("node "+r.Node, r.State, "it takes writes; no room is held back on the disk")
	case len(r.Steps) == 0:
		t.row("node "+r.Node, r.State, "there was nothing to resume")
	case r.State == admin.StateOK:
		t.row("node "+r.Node, r.State, "it takes writes")
	default:
		t.row("node "+r.Node, r.State)
	}
}

func printSnapshot(t *table, s admin.Snapshot) {
	t.row("CREATED", "NUMBER", "DIGEST", "KEYS", "SIZE", "PATH")
	snapshotRow(t, s)
}

func snapshotRow(t *table, s admin.Snapshot) {
	t.row(instant(s.Created), fmt.Sprint(s.Number), s.Digest, fmt.Sprint(s.Keys), size(s.Bytes),
		s.Path)
}

func printSnapshotList(t *table, l admin.SnapshotList) {
	t.row("CREATED", "NUMBER", "DIGEST", "KEYS", "SIZE", "PATH")
	for _, s := range l.Snapshots {
		snapshotRow(t, s)
	}
}

func printCompacted(t *table, c admin.Compacted) {
	s := c.Snapshot
	t.field("snapshot", "number %d, %d keys, %s", s.Number, s.Keys, size(s.Bytes))
	t.field("journal", "begins with number %d; it was %d", c.First, c.FirstBefore)
	t.field("size", "%s; it was %s", size(c.Bytes), size(c.BytesBefore))
	if c.Kept != "" {
		t.field("", "%s", c.Kept)
	}
	switch {
	case c.HistoryTime != nil:
		t.field("history", "goes back to number %d, %s: LEDGE AT and serve --as-of reach nothing older", c.History, instant(*c.HistoryTime))
	case c.First == 1:
		t.field("history", "goes back to the beginning")
	}
	if c.WritesRefused != "" {
		t.field("writes", "refused yet: %s; ledge resume tries again", c.WritesRefused)
	}
}

func printVerified(t *table, v admin.Verified) {
	t.field("journal", "ok: numbers %s", numbers(v.First, v.Last))
	t.field("state", "ok: digest %s, %d keys", v.Digest, v.Keys)
	t.field("snapshots", "ok: %d", v.Snapshots)
	t.field("took", "%s", milliseconds(v.Took))
}

func printParameters(t *table, p admin.Parameters) {
	for _, name := range slices.Sorted(maps.Keys(p.Parameters)) {
		value := p.Parameters[name]
		if commands.SecretParam(name) && value != "" {
			value = commands.Redacted
		}
		if origin := p.Origins[name]; origin != "" {
			t.row(name, value, origin)
		} else {
			t.row(name, value)
		}
	}
}

func printClients(t *table, l admin.ClientList) {
	t.row("ID", "ADDRESS", "NAME", "LIBRARY", "DB", "PROTOCOL", "SINCE", "IDLE", "COMMAND")
	for _, c := range l.Clients {
		t.row(fmt.Sprint(c.ID), c.Addr, c.Name, c.Lib, fmt.Sprint(c.DB), fmt.Sprint(c.Protocol),
			instant(c.Since), seconds(c.Idle), c.Command)
	}
}

func printSlow(t *table, l admin.SlowList) {
	t.row("ID", "AT", "TOOK", "CLIENT", "NAME", "COMMAND")
	for _, s := range l.Entries {
		t.row(fmt.Sprint(s.ID), instant(s.At), milliseconds(s.Took), s.Client, s.Name, command(s.Args))
	}
}

// command quotes the arguments that would be taken for several.
func command(args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = a
		if a == "" || strings.ContainsAny(a, " \"'") {
			words[i] = strconv.Quote(a)
		}
	}
	return strings.Join(words, " ")
}

func printNodes(t *table, l admin.NodeList) {
	t.row("NODE", "VERSION", "ID", "ROLE", "SERVER", "")
	for _, n := range l.Nodes {
		says := ""
		if n.Unreachable != "" {
			says = "does not answer: " + n.Unreachable
		}
		t.row(cmp.Or(n.Node, "?"), cmp.Or(n.Version, "-"), cmp.Or(n.ID, "-"), cmp.Or(n.Role, "-"), cmp.Or(n.Server, "-"), says)
	}
}

// roleWords says what a node does from now on.
func roleWords(e admin.Event) string {
	if e.Leader == "" {
		return fmt.Sprintf("leads, from number %d", e.Number)
	}
	return fmt.Sprintf("follows %s, from number %d", e.Leader, e.Number)
}

// reserveWords says what became of the room that is held back on the disk.
func reserveWords(e admin.Event) string {
	if e.Cause != "" {
		return "given up"
	}
	return "held again"
}

// eventLine is an event in one line.
func eventLine(e admin.Event) string {
	words := []string{instant(e.At), e.Node, e.Kind}
	if e.Kind == admin.EventReserve {
		words = append(words, reserveWords(e))
	}
	if e.Snapshot != nil {
		words = append(words, fmt.Sprintf("number %d, %d keys, %s", e.Snapshot.Number, e.Snapshot.Keys,
			size(e.Snapshot.Bytes)))
	}
	if e.Link != nil {
		words = append(words, linkState(*e.Link), "leader "+strings.TrimSpace(e.Link.Leader+" "+e.Link.Node))
	}
	if e.Role != "" {
		words = append(words, roleWords(e))
	}
	if t := e.Topology; t != nil && t.What == "led" {
		words = append(words, fmt.Sprintf("shard %s is led by node %s now", t.Shard, cmp.Or(t.Name, t.Node)))
	} else if t != nil {
		words = append(words, strings.TrimSpace(fmt.Sprintf("cluster %s %s %s", t.Cluster, t.What, t.Node+t.Slots)))
	}
	if c := e.Move; c != nil {
		words = append(words, fmt.Sprintf("%s %s: slots %s, this shard is the %s", c.Move.ID, c.What, c.Move.Slots, c.Move.Side))
	}
	if e.Replica != nil {
		word := e.Replica.State
		if e.Cause != "" {
			word = "lost"
		}
		words = append(words, e.Replica.Node, word, fmt.Sprintf("number %d", e.Replica.Applied))
	}
	if e.Cause != "" {
		words = append(words, e.Cause)
	}
	if e.Class != "" {
		words = append(words, "("+e.Class+")")
	}
	if e.Attempts > 0 {
		words = append(words, fmt.Sprintf("after attempt %d", e.Attempts))
	}
	if e.Health != nil && e.Health.NextAttempt != nil {
		words = append(words, "next attempt "+instant(*e.Health.NextAttempt))
	}
	return clean(strings.Join(words, "  "))
}
