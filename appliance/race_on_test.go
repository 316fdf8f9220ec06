//go:build race

package appliance_test

// usualSlow is the usual -slow: the race detector has all take several times as long.
const usualSlow = 4
