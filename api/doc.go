// Package api is the HTTP face of the server: every URL, the whole API for backends, and
// the endpoints of clients, which package transport serves.
//
//	handler := api.New(api.Options{Bridge: b, Transport: clients, Keys: keys.Match})
//	http.ListenAndServe(addr, handler)
//
// routes.go lists all paths on one screen; each resource has a file of its own. What can
// be asked and answered stands in openapi.json, which the server gives at
// /v1/openapi.json, and tests hold the two together, down to each status and code.
//
// The package starts no goroutine. A handler ends with its request: it reads the body
// within [Options.BodyTimeout], asks the broker once, and answers whole.
//
// Limits: the payload of a message has [Options.MaxMessage] bytes, a batch 1,000 items,
// 10,000 publications and 16 MiB of JSON, an answer of history 1,000 messages and some
// 8 MiB. A body that says it is longer is refused before it is read.
package api
