// Package auth says who somebody is and what they may do: API keys of backends, tokens
// of clients, the capabilities in them, and where requests may come from.
//
//	tokens, err := auth.NewTokens(auth.TokenOptions{Keys: keys, Anonymous: allowed})
//	id := tokens.Anonymous()
//	if token, shown := auth.Bearer(r.Header); shown {
//		id, err = tokens.Verify(token, time.Now())
//	}
//	if !id.May(auth.Subscribe, channel) { … }
//
// Nothing in it blocks, does I/O or starts a goroutine, so there is nothing to cancel.
// Every value is immutable once made and can be shared.
//
// Secrets are held in a [Secret], which prints as "[redacted]" whatever prints it.
//
// Limits: a token has at most [MaxToken] bytes, a user's name [MaxUser], a token names at
// most [MaxPatterns] patterns and [MaxTokenChannels] channels. What is above is refused.
package auth
