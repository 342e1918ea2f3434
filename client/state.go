package client

import "time"

// A Status is how a client's connection is.
type Status string

const (
	Idle       Status = "idle"       // nothing is subscribed
	Connecting Status = "connecting" // the first time, or again
	Connected  Status = "connected"
	Waiting    Status = "waiting" // to connect again
	Closed     Status = "closed"
)

// A State is how a client's connection is, and why.
type State struct {
	Status    Status
	Transport Transport     // Connected
	Client    string        // Connected: the name that the server knows the client by
	User      string        // Connected: of the token; empty when anonymous
	Err       error         // Waiting: why the last connection ended, or did not come about
	Retry     time.Duration // Waiting: how long
}
