//go:build !unix

package servers

import "ledge/respd/command"

// infoCPU is empty where there is no getrusage.
func infoCPU(*command.Session) []command.InfoField { return nil }
