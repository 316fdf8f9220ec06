package journal

// Keepsake holds something with an effect that is not written down, for whoever
// applies it without having read it.
type Keepsake struct{ x any }

// Keep leaves x with the effect.
func (k *Keepsake) Keep(x any) { k.x = x }

// Kept returns what Keep left, or nil.
func (k *Keepsake) Kept() any { return k.x }
