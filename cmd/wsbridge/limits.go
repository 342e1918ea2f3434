package main

import (
	"log/slog"
	"math"

	"github.com/wsbridge/wsbridge/internal/config"
	"github.com/wsbridge/wsbridge/transport"
)

// fewFiles is the limit of open files that is worth a word when nobody set how many clients
// there are to be.
const fewFiles = 16_384

// maxConnections returns how many clients may connect where so many files may be open. Beyond,
// they could not even be refused: a connection that cannot be accepted hangs. want is what was
// asked for; 0: as many as there can be.
func maxConnections(want int, files uint64, log *slog.Logger) int {
	const most = 10_000_000
	// Backends need files as well, and so does whoever is refused.
	room := int(min(files-min(files, spareFiles+files/64), most))
	switch {
	case files == math.MaxUint64:
		return want
	case want > room, want == 0 && files < fewFiles:
		log.Warn("few files may be open, which limits how many clients can connect; raise it with LimitNOFILE= of systemd, --ulimit nofile= of Docker, or ulimit -n",
			"limit", files, "clients", room, "max_connections", want)
	}
	if want == 0 || want > room {
		return max(room, 1)
	}
	return want
}

func limits(cfg *config.Config) transport.Limits {
	return transport.Limits{
		Connections:           cfg.MaxConnections,
		ConnectionsPerAddress: cfg.MaxConnectionsPerAddress,
		ConnectRate:           cfg.ConnectRate,
		RequestRatePerAddress: cfg.RequestRatePerAddress,
		CommandRate:           cfg.CommandRate,
		ByteRate:              cfg.ByteRate,
	}
}
