// Package admin is the node's side towards operators: a NATS micro service with
// one subject for each verb, the events that the node publishes, and the client
// that the command line uses. SUBJECTS.md says what goes over the wire; the
// types in schema.go are that wire's, and change only by growing.
package admin
