// Package compat holds scripts that say nothing about what a server answers:
// the test sends each line to a real redis-server and to ledge and compares
// the replies, byte for byte once decoded, in both protocols. testdata/README.md
// says how a script is written.
package compat
