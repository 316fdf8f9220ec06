package appliance

import (
	"context"
	"fmt"

	"ledge/admin"
	"ledge/appliance/report"
	"ledge/respd/command"
)

// Resume tries to resume a suspended journal and returns what was tried.
func (n *Node) Resume(ctx context.Context) ([]command.InfoField, error) {
	steps, err := n.writer.Health().Resume(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s", report.Line(err))
	}
	var f []command.InfoField
	for _, s := range steps {
		f = append(f, command.InfoField{Name: s.Name, Value: "ok"})
	}
	return append(f, command.InfoField{Name: "state", Value: admin.StateOK}), nil
}
