package appliance

import (
	"context"
	"fmt"
	"time"

	"ledge/admin"
	"ledge/appliance/report"
	"ledge/replay"
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

// resumeParams are the parameters of CONFIG that say when it is tried to
// resume.
func (n *Node) resumeParams() []command.Param {
	health := func() *replay.Health { return n.writer.Health() }
	param := func(name string, get func(replay.ResumePolicy) string,
		set func(*replay.ResumePolicy, string) error) command.Param {
		return command.Param{
			Name: name,
			Get:  func() string { return get(health().Policy()) },
			Set: func(v string, apply bool) error {
				p := health().Policy()
				if err := set(&p, v); err != nil || !apply {
					return err
				}
				health().SetPolicy(p)
				return nil
			}}
	}
	return []command.Param{
		param("ledge-resume-auto",
			func(p replay.ResumePolicy) string { return string(p.Auto) },
			func(p *replay.ResumePolicy, v string) error {
				p.Auto = replay.ResumeAuto(v)
				return Config{ResumeAuto: v}.Validate()
			}),
		param("ledge-resume-interval",
			func(p replay.ResumePolicy) string { return p.Interval.String() },
			func(p *replay.ResumePolicy, v string) (err error) {
				if p.Interval, err = time.ParseDuration(v); err != nil || p.Interval <= 0 {
					return fmt.Errorf("%q is not a duration like 1m", v)
				}
				return Config{ResumeInterval: p.Interval}.Validate()
			}),
		param("ledge-resume-max-attempts",
			func(p replay.ResumePolicy) string { return fmt.Sprint(p.MaxAttempts) },
			func(p *replay.ResumePolicy, v string) error {
				most, ok := command.ParseInt([]byte(v))
				if !ok || most < 0 {
					return fmt.Errorf("%q is not a whole number", v)
				}
				p.MaxAttempts = int(most)
				return nil
			}),
	}
}
