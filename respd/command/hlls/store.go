package hlls

import "ledge/replay"

// store makes v the value of key and keeps its deadline. It journals the parts
// that differ from old, unless the whole is no longer than they are, or they
// are so many that applying them one by one takes longer than writing it.
func store(d *replay.Draft, key []byte, old string, at int64, v []byte) error {
	parts, bytes := differ(old, v)
	if len(parts) == 0 {
		parts = []span{{0, 1}} // Who watches the key must hear of it, as in Redis.
	}
	const overhead = 16 // of an effect, beside its key
	const most = 32
	if len(v) < len(old) || len(parts) > most || bytes+len(parts)*(overhead+len(key)) >= len(v) {
		return d.SetString(key, v, at)
	}
	for _, p := range parts {
		if err := d.EditString(key, int64(p.from), v[p.from:p.to]); err != nil {
			return err
		}
	}
	return nil
}

// span is a part of a value.
type span struct{ from, to int }

// differ returns where v, which is not shorter than old, differs from it, and
// how many bytes that is. What is close together is one part.
func differ(old string, v []byte) (parts []span, bytes int) {
	const word = 8
	for i := 0; i < len(v); i += word {
		end := min(i+word, len(v))
		if end <= len(old) && old[i:end] == string(v[i:end]) {
			continue
		}
		from, to := i, end
		for from < to-1 && from < len(old) && old[from] == v[from] {
			from++
		}
		for to > from+1 && to <= len(old) && old[to-1] == v[to-1] {
			to--
		}
		if n := len(parts); n > 0 && from-parts[n-1].to <= word {
			bytes += to - parts[n-1].to
			parts[n-1].to = to
			continue
		}
		bytes += to - from
		parts = append(parts, span{from, to})
	}
	return parts, bytes
}
