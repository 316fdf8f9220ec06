package conns

import (
	"ledge/journal"
	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

const (
	errDB    resp.Error = "ERR DB index is out of range"
	errIndex resp.Error = "ERR value is out of range, value must between -2147483648 and 2147483647"
)

// SELECT index
func selectDB() *command.Spec {
	return family.Conn(command.Spec{
		Name: "select", Arity: 2,
		Flags: command.Loading | command.Stale | command.Fast | command.Inline,
		Since: "1.0.0", Complexity: "O(1)",
		Summary:   "Choose the database for the commands that follow.",
		Clustered: onlyFirst,
	}, runSelect)
}

// onlyFirst lets the database be selected that a cluster has.
func onlyFirst(args command.Args) error {
	if n, ok := number.ParseInt(args[1]); ok && n == int64(int32(n)) && n != 0 {
		return resp.Error("ERR SELECT is not allowed in cluster mode")
	}
	return nil
}

func runSelect(s *command.Session, args command.Args) resp.Value {
	n, ok := number.ParseInt(args[1])
	if !ok {
		return resp.Err(command.ErrNotInt)
	}
	if n != int64(int32(n)) {
		return resp.Err(errIndex)
	}
	if n < 0 || n >= int64(s.Host.State().Databases()) {
		return resp.Err(errDB)
	}
	s.Select(journal.DB(n))
	return resp.OK
}
