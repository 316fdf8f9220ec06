package respd

import (
	"log/slog"
	"time"

	"ledge/respd/hub"
)

// setDefaults gives what is not set its stated default.
func setDefaults(cfg *Config) {
	if cfg.MaxClients == 0 {
		cfg.MaxClients = 10000
	}
	if cfg.MaxInput == 0 {
		cfg.MaxInput = 64 << 20
	}
	if cfg.MaxOutput == 0 {
		cfg.MaxOutput = 256 << 20
	}
	if cfg.MaxQueued == 0 {
		cfg.MaxQueued = 256 << 20
	}
	if cfg.Stall == 0 {
		cfg.Stall = 60 * time.Second
	}
	if cfg.MaxBuffers == 0 {
		cfg.MaxBuffers = 1 << 30
	}
	cfg.Push.SetDefaults()
	if cfg.Hub == nil {
		cfg.Hub = hub.New()
	}
	if cfg.Handshake == 0 {
		cfg.Handshake = 10 * time.Second
	}
	if cfg.Drain == 0 {
		cfg.Drain = 5 * time.Second
	}
	if cfg.Replica == nil {
		cfg.Replica = &Gate{}
	}
	if cfg.OutOfMemory == nil {
		cfg.OutOfMemory = func() bool { return false }
	}
	if cfg.Named == nil {
		cfg.Named = func() bool { return false }
	}
	if cfg.TurnedAway == nil {
		cfg.TurnedAway = func() {}
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
}
