package servers

import (
	"strconv"
	"time"

	"ledge/respd/command"
	"ledge/respd/resp"
)

// TIME
func timeOfDay() *command.Spec {
	return family.Conn(command.Spec{
		Name: "time", Arity: 1,
		Flags: command.Loading | command.Stale | command.Fast | command.Inline,
		Since: "2.6.0", Complexity: "O(1)",
		Summary: "Tell the time, in seconds and microseconds.",
		Tips:    tipsVaries,
	}, func(*command.Session, command.Args) resp.Value {
		us := time.Now().UnixMicro()
		return resp.Strings(strconv.FormatInt(us/1e6, 10), strconv.FormatInt(us%1e6, 10))
	})
}
