//go:build !race

package appliance_test

// usualSlow is the usual -slow.
const usualSlow = 1
