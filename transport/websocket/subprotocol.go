package websocket

import "slices"

// chooseSubprotocol returns the first of the server's subprotocols, in its order of preference, that the client offers.
// Names are compared byte for byte (RFC 6455, section 4.1, item 10). Empty means none.
func chooseSubprotocol(known, offered []string) string {
	for _, name := range known {
		if slices.Contains(offered, name) {
			return name
		}
	}
	return ""
}
