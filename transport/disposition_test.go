package transport

import (
	"mime"
	"net/url"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

func TestDisposition(t *testing.T) {
	for _, test := range []struct{ kind, name, want string }{
		{"image/png", "", "inline"},
		{"image/svg+xml", "", "attachment"},
		{"text/html", "a.html", `attachment; filename="a.html"`},
		{"text/plain; charset=utf-8", "a b.txt", `inline; filename="a b.txt"`},
		{"video/mp4", "50%.mp4", `inline; filename="50_.mp4"; filename*=UTF-8''50%25.mp4`},
		{"application/pdf", `a"\b.pdf`, `attachment; filename="a__b.pdf"; filename*=UTF-8''a%22%5Cb.pdf`},
		{"no type", "€", `attachment; filename="_"; filename*=UTF-8''%E2%82%AC`},
	} {
		if got := disposition(test.kind, test.name); got != test.want {
			t.Errorf("%s, %q: %s, want %s", test.kind, test.name, got, test.want)
		}
	}
}

// FuzzDisposition holds that every name that is taken comes back from a parser that is not ours,
// and that nothing leaves its place in the header.
func FuzzDisposition(f *testing.F) {
	for _, name := range []string{"a.txt", `a"; filename="b`, "a\\", "%41", "ü\u202e.exe", "a'b*c", "\u2028"} {
		f.Add("text/plain", name)
		f.Add("text/html", name)
	}
	f.Fuzz(func(t *testing.T, kind, name string) {
		if pubsub.CheckStreamName(name) != nil {
			return
		}
		header := disposition(kind, name)
		if strings.ContainsFunc(header, func(c rune) bool { return c < 0x20 || c > 0x7e }) {
			t.Fatalf("%q holds what a header may not", header)
		}
		how, params, err := mime.ParseMediaType(header)
		if err != nil {
			t.Fatalf("%q: %v", header, err)
		}
		if media, _, _ := mime.ParseMediaType(kind); how == "inline" && (media == "text/html" || strings.Contains(media, "xml") || strings.Contains(media, "script")) {
			t.Fatalf("%q is shown in place", kind)
		}
		got := params["filename"]
		if _, extended, ok := strings.Cut(header, "filename*=UTF-8''"); ok {
			if got, err = url.PathUnescape(extended); err != nil {
				t.Fatal(err)
			}
		}
		if got != name {
			t.Fatalf("%q came back as %q from %s", name, got, header)
		}
	})
}
