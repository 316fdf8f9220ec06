package cli

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"ledge/admin"
	"ledge/journal"
	"ledge/replay/cluster"
)

// transfer is a move that a plan wants.
type transfer struct {
	Slots string `json:"slots"`
	Count int    `json:"count"` // of slots
	From  string `json:"from"`  // the id of a shard
	To    string `json:"to"`
}

// account is what a shard has and is to have.
type account struct {
	id     string
	ranges []journal.SlotRange
	has    int
	weight float64
	want   int
}

// plan returns the moves after which each shard owns its share of the slots that have an
// owner, by weights of which each is 1 unless it is named. Few slots move, in long ranges.
func plan(c admin.Cluster, weights map[string]float64) ([]transfer, error) {
	var all []account
	total, sum := 0, 0.0
	for _, s := range c.Shards {
		if gone(s) {
			continue
		}
		a := account{id: s.ID, has: s.Count, weight: 1}
		if w, ok := weights[s.ID]; ok {
			a.weight = w
		}
		if s.Slots != "" {
			var err error
			if a.ranges, err = journal.ParseSlots(s.Slots); err != nil {
				return nil, fmt.Errorf("shard %s: %w", s.ID, err)
			}
		}
		total, sum = total+a.has, sum+a.weight
		all = append(all, a)
	}
	switch {
	case sum <= 0:
		return nil, errors.New("all weights are 0: some shard has to own the slots")
	case total == 0:
		return nil, errors.New("no shard owns slots: ledge cluster found begins a cluster")
	}
	share(all, total, sum)
	todo := transfers(all)
	return todo, unyielded(c, todo)
}

// unyielded says which slots of a plan would go to a shard that owns them by its own journal
// yet, and so refuses them; nil is that there are none.
func unyielded(c admin.Cluster, todo []transfer) error {
	for _, s := range c.Shards {
		if s.Unyielded == "" {
			continue
		}
		kept, err := journal.ParseSlots(s.Unyielded)
		if err != nil {
			return fmt.Errorf("shard %s: %w", s.ID, err)
		}
		for _, m := range todo {
			ranges, err := journal.ParseSlots(m.Slots)
			if err == nil && m.To == s.ID && (&cluster.Move{Ranges: kept}).Meets(ranges) {
				return fmt.Errorf("the shard of %s is to have slots %s, and by its own journal it owns %s still, which were seized from it: give them up there, by ledge cluster yield %s, which clears what they hold there, and ask again then",
					leaderOf(c, s.ID), m.Slots, s.Unyielded, s.Unyielded)
			}
		}
	}
	return nil
}

// share says how many slots each shard is to have. What can't be divided goes to those that
// have most beyond their share, so that it need not move.
func share(all []account, total int, sum float64) {
	left := total
	var parts []*account
	for i := range all {
		a := &all[i]
		exact := float64(total) * a.weight / sum
		a.want = int(math.Floor(exact))
		if left -= a.want; exact > float64(a.want) {
			parts = append(parts, a)
		}
	}
	slices.SortStableFunc(parts, func(a, b *account) int { return cmp.Compare(b.has-b.want, a.has-a.want) })
	for i := 0; left > 0; i++ {
		if i < len(parts) {
			parts[i].want++
		} else { // the sum of the shares was rounded down
			all[0].want++
		}
		left--
	}
}

// transfers returns the moves by which each shard comes to what it is to have: from those
// with most too many to those with most too few.
func transfers(all []account) (list []transfer) {
	byNeed := func(a, b *account) int { return cmp.Compare(b.has-b.want, a.has-a.want) }
	sorted := make([]*account, len(all))
	for i := range all {
		sorted[i] = &all[i]
	}
	slices.SortStableFunc(sorted, byNeed)
	for from, to := 0, len(sorted)-1; from < to; {
		giver, taker := sorted[from], sorted[to]
		n := min(giver.has-giver.want, taker.want-taker.has)
		if n > 0 {
			cut := giver.cut(n)
			list = append(list, transfer{Slots: journal.SlotsText(cut), Count: n, From: giver.id, To: taker.id})
			giver.has, taker.has = giver.has-n, taker.has+n
		}
		if giver.has <= giver.want {
			from++
		}
		if taker.has >= taker.want {
			to--
		}
	}
	return list
}

// cut takes so many slots from a shard: whole ranges, the longest first, and of the
// shortest range that is long enough for the rest its end.
func (a *account) cut(n int) (cut []journal.SlotRange) {
	for n > 0 {
		slices.SortFunc(a.ranges, func(x, y journal.SlotRange) int { return cmp.Compare(x.Len(), y.Len()) })
		i := slices.IndexFunc(a.ranges, func(r journal.SlotRange) bool { return r.Len() >= n })
		if i < 0 {
			i = len(a.ranges) - 1
		}
		r := a.ranges[i]
		if r.Len() <= n {
			a.ranges = slices.Delete(a.ranges, i, i+1)
		} else {
			a.ranges[i].Last -= uint16(n)
			r.First = a.ranges[i].Last + 1
		}
		cut, n = append(cut, r), n-r.Len()
	}
	slices.SortFunc(cut, func(x, y journal.SlotRange) int { return cmp.Compare(x.First, y.First) })
	return cut
}

// weigh reads weights of shards, NODE=WEIGHT each.
func weigh(c admin.Cluster, words []string) (map[string]float64, error) {
	weights := make(map[string]float64)
	for _, word := range words {
		name, text, ok := strings.Cut(word, "=")
		w, err := strconv.ParseFloat(text, 64)
		if !ok || err != nil || w < 0 || math.IsInf(w, 0) || math.IsNaN(w) {
			return nil, Usage("--weight %s: want NODE=WEIGHT, such as 10.0.0.1:6379=2; 0 is no slots", word)
		}
		id, err := shardNamed(c, name)
		if err != nil {
			return nil, err
		}
		weights[id] = w
	}
	return weights, nil
}

// shardNamed finds a shard by its id, or by the id, name or address of one of its nodes.
func shardNamed(c admin.Cluster, name string) (id string, err error) {
	for _, s := range c.Shards {
		fits := s.ID == name
		for _, n := range s.Nodes {
			fits = fits || n.ID == name || n.Redis == name || n.Name == name && name != ""
		}
		switch {
		case fits && id != "":
			return "", fmt.Errorf("%q may be of several shards: give an id", name)
		case fits:
			id = s.ID
		}
	}
	if id == "" {
		return "", fmt.Errorf("no shard or node is known as %q: ledge cluster status has their ids, names and addresses", name)
	}
	return id, nil
}

// gone reports whether a shard has nothing, and nothing was heard of its nodes for long: it
// neither gives nor takes slots.
func gone(s admin.Shard) bool {
	return s.Count == 0 && len(s.Nodes) > 0 && !slices.ContainsFunc(s.Nodes, func(n admin.Member) bool { return n.Self || !n.Failed })
}
