package replay

// walk is a snapshot in progress.
type walk struct{}

func (w *walk) keep(db *database, k, old string, had bool) {}
func (w *walk) holds(db *database) bool                    { return false }
