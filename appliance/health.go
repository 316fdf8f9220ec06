package appliance

import (
	"context"
	"fmt"
	"time"

	"ledge/admin"
	"ledge/replay"
	"ledge/respd/command"
)

// healthOf words a suspension, or that there is none.
func (n *Node) healthOf(s *replay.Suspension) admin.Health {
	policy := n.cfg.resumePolicy()
	if n.writer != nil { // not before it is made
		policy = n.writer.Health().Policy()
	}
	h := admin.Health{
		Node: n.dir.node, State: admin.StateOK,
		ResumeAuto: string(policy.Auto), ResumeInterval: policy.Interval.Seconds(),
		ResumeMaxAttempts: policy.MaxAttempts,
	}
	h.ReserveMissing = n.reserve != nil && !n.reserve.Held()
	if s == nil {
		return h
	}
	h.State, h.Class, h.Cause = admin.StateSuspended, s.Class.String(), line(s.Cause)
	if s.InDoubt {
		h.State, h.Number = admin.StateInDoubt, uint64(s.Number)
	}
	h.Since, h.Deletes = moment(s.Since), s.Deletes
	h.Attempts, h.Automatic, h.LastError = s.Attempts, s.Automatic, line(s.LastError)
	h.LastAttempt, h.NextAttempt = moment(s.LastAttempt), moment(s.NextAttempt)
	return h
}

// moment is t for JSON, which leaves out none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// Health returns the fields of INFO about the journal's health.
func (n *Node) Health() []command.InfoField {
	var f fields
	n.addHealth(&f)
	return f
}

// Resume tries to resume a suspended journal and returns what was tried.
func (n *Node) Resume(ctx context.Context) ([]command.InfoField, error) {
	steps, err := n.writer.Health().Resume(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s", line(err))
	}
	var f fields
	for _, s := range steps {
		f.add(s.Name, "ok")
	}
	f.add("state", admin.StateOK)
	return f, nil
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
