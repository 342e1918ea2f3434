package redisbroker

// Stats is what a broker has counted since it was made, and what it has now.
type Stats struct {
	LineStats
	Waiting int // publications that Redis has not answered yet
}

// Stats tells them without I/O.
func (b *Broker) Stats() Stats {
	return Stats{LineStats: b.lines.stats(), Waiting: int(b.lanes.waiting.Load())}
}
