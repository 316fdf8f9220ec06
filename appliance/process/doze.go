package process

// Go's runtime has a collection after two minutes without one, also if nothing was
// allocated: with a million keys that alone was 0.3 % of a processor, as much as all
// else that an idle node does. So from the first quiet second on collections are
// left to the bound of memory, which is set to what the process has taken and the
// collector's room, and the process is asleep until restPart of that room has been
// allocated. A node with a write now and then stays so for minutes.
//
// Measured on two processors; LEDGE_WITHOUT=doze turns it off.
type doze struct {
	sleep func(most int64)
	wake  func()

	asleep bool
	allocs int64 // allocated in all when it fell asleep
}

// look decides whether the process is to be asleep.
func (d *doze) look(u Usage, quiet bool, room int64) {
	switch {
	case d.asleep && u.allocs-d.allocs >= room/restPart:
		d.asleep = false
		d.wake()
	case !d.asleep && quiet:
		d.asleep, d.allocs = true, u.allocs
		d.sleep(u.Taken + room)
	}
}
