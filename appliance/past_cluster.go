package appliance

import (
	"context"

	"ledge/journal"
	"ledge/respd/command"
)

// pastCluster is what the past does with a cluster: it refuses what changes one, and there are
// no moves.
type pastCluster struct{}

func (pastCluster) MoveSlot(context.Context, uint16, string) error { return errPast }
func (pastCluster) Meet(context.Context, string, int) error        { return errPast }
func (pastCluster) Forget(context.Context, string) error           { return errPast }
func (pastCluster) Replicate(context.Context, string) error        { return errPast }
func (pastCluster) Reset(context.Context) error                    { return errPast }
func (pastCluster) Moves() []command.SlotMove                      { return nil }
func (pastCluster) CancelMove(context.Context, journal.MoveID) error {
	return errPast
}

func (pastCluster) AddSlots(context.Context, []journal.SlotRange) error {
	return errPast
}

func (pastCluster) BeginMove(context.Context, []journal.SlotRange, string) (journal.MoveID, error) {
	return 0, errPast
}

func (pastCluster) FindMove(context.Context, journal.MoveID) (mv command.SlotMove, ok bool, err error) {
	return mv, false, errPast
}
