//go:build !linux || threads

package respd_test

const hasLoop = false
