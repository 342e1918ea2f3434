package transport

import (
	"mime"
	"strings"
)

// disposition returns the Content-Disposition of a stream (RFC 6266). Only what cannot run a
// script in a browser is shown in place: a page of this origin could do what its reader may.
func disposition(mediaType, name string) string {
	d := "attachment"
	if inline(mediaType) {
		d = "inline"
	}
	if name == "" {
		return d
	}
	d += `; filename="` + plainName(name) + `"`
	if !isPlain(name) {
		// RFC 8187, section 3.2.1
		d += "; filename*=UTF-8''" + percent(name)
	}
	return d
}

func inline(mediaType string) bool {
	media, _, err := mime.ParseMediaType(mediaType)
	if err != nil {
		return false
	}
	switch media {
	case "text/plain", "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp":
		return true
	}
	return strings.HasPrefix(media, "audio/") || strings.HasPrefix(media, "video/")
}

// isPlain reports whether a name means the same in a quoted string for every reader: some
// decode percent signs there, some keep backslashes (RFC 6266, appendix D).
func isPlain(name string) bool {
	for i := 0; i < len(name); i++ {
		if c := name[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' || c == '%' {
			return false
		}
	}
	return true
}

// plainName writes _ for what is not plain.
func plainName(name string) string {
	return strings.Map(func(c rune) rune {
		if c < 0x20 || c > 0x7e || c == '"' || c == '\\' || c == '%' {
			return '_'
		}
		return c
	}, name)
}

// percent encodes all but attr-char (RFC 8187, section 3.2.1).
func percent(name string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$&+-.^_`|~", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}
