// Package docs holds the documents of the project against its code, and has no code of its
// own: every setting, metric, code, reason, route, command and limit is documented, nothing
// is documented that does not exist, every link leads somewhere, and the transcripts of
// docs/protocol.md are held with a real server.
//
//	go test ./internal/docs
//	go test ./internal/docs -run Transcripts -update
//
// With -update, the lines of the server in the transcripts become what it says now. The
// snippets of README.md are run by the test module, which may need more than Go.
package docs
