//go:build !threads

package respd_test

const hasLoop = true
