package process

import "time"

// A collection costs by what lives in the heap, so under a load that allocates
// much, large data leave the processor to little else: filling a hash fell from
// 450,000 fields a second to 110,000 at four million. So while collections take
// more than slackBusy of a processor, each gets up to slackMost times the room,
// as long as slackPart of what the system has left is enough for that. What was
// given goes back once they are rare, or in the first quiet second.
const (
	slackBusy = 0.08
	slackIdle = 0.02
	slackFade = 1.5
	slackMost = 3.0
	slackPart = 1.0 / 8
)

// slack is how many times the collector's room is what it is at rest.
type slack struct {
	factor float64       // 0 is 1
	cycles int64         // of collections, when it was last looked at
	spent  time.Duration // by them
	at     time.Time
}

// times returns the factor.
func (s *slack) times() float64 { return max(s.factor, 1) }

// rest gives back what a load was given.
func (s *slack) rest() { s.factor = 1 }

// look judges the collections that have ended since it was called last. room is
// what the collector has at rest, spare returns how much memory is left.
func (s *slack) look(u Usage, now time.Time, room int64, spare func() int64) {
	if u.cycles == s.cycles {
		return
	}
	share := float64(u.spent-s.spent) / float64(max(now.Sub(s.at), 1))
	first := s.at.IsZero()
	s.cycles, s.spent, s.at = u.cycles, u.spent, now
	switch {
	case first:
	case share < slackIdle:
		s.factor = max(s.times()/slackFade, 1)
	case share > slackBusy && s.times() < slackMost:
		more := min(s.times()*share/slackBusy, slackMost)
		if float64(room)*(more-1) <= slackPart*float64(spare()) {
			s.factor = more
		}
	}
}
