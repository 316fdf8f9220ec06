package value

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// slotBitByBit is Slot as it is defined.
func slotBitByBit(key string) uint16 {
	if _, rest, ok := strings.Cut(key, "{"); ok {
		if tag, _, ok := strings.Cut(rest, "}"); ok && tag != "" {
			key = tag
		}
	}
	var crc uint16
	for _, b := range []byte(key) {
		for bit := range 8 {
			top := crc>>15&1 ^ uint16(b>>(7-bit)&1)
			crc = crc<<1 ^ top*0x1021
		}
	}
	return crc % 16384
}

// Slots are Redis's, of keys of every length, with and without tags.
func TestSlot(t *testing.T) {
	for key, want := range map[string]uint16{"": 0, "123456789": 0x31C3, "foo": 12182, "{foo}bar": 12182, "foo{}": 5542, "foo{{bar}}zap": 4015} {
		if got := Slot(key); got != want {
			t.Errorf("Slot(%q) = %d; want %d", key, got, want)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		b := make([]byte, rng.IntN(40))
		for i := range b {
			if b[i] = byte(rng.Uint32()); rng.IntN(10) == 0 {
				b[i] = "{}"[rng.IntN(2)]
			}
		}
		if got, want := SlotOf(b), slotBitByBit(string(b)); got != want {
			t.Fatalf("SlotOf(%q) = %d; want %d", b, got, want)
		}
	}
}

func BenchmarkSlot(b *testing.B) {
	for _, key := range []string{"key:000012", "user:1000:profile", strings.Repeat("k", 64)} {
		b.Run(key[:4], func(b *testing.B) {
			for b.Loop() {
				Slot(key)
			}
		})
	}
}
