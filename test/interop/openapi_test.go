package interop

import (
	"io"
	"net/http"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/wsbridge/wsbridge/test/testserver"
)

// The description of the API has to be one that other people's tools accept.
func TestOpenAPI(t *testing.T) {
	server := testserver.Start(t)
	answer, err := http.Get(server.URL("/v1/openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v", answer.Status, err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(doc.OpenAPI) < 4 || doc.OpenAPI[:4] != "3.1." {
		t.Errorf("version %q", doc.OpenAPI)
	}
	for _, path := range []string{"/v1/ws", "/v1/poll", "/v1/sse", "/v1/http-stream", "/v1/send", "/v1/channels/{channel}/messages"} {
		if doc.Paths.Find(path) == nil {
			t.Errorf("%s is missing", path)
		}
	}
}
