package config

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Show writes the settings in force as a YAML file, each with the place that it comes
// from. Read again, the file gives the same settings: what is unset or secret stands in
// it as a comment.
func (c *Config) Show(w io.Writer) error {
	var lines [][2]string
	for i := range settings {
		s := &settings[i]
		if !s.InFile() {
			continue
		}
		line, where := s.Key()+": ", c.where(s.Name)
		switch text := s.field(c).text(); {
		case text == "":
			line = "# " + line + "(unset)"
		case s.Secret:
			line = "# " + line + text
		default:
			line += scalar(text)
		}
		lines = append(lines, [2]string{line, where})
	}
	width := 0
	for _, line := range lines {
		width = max(width, min(len(line[0]), 40))
	}
	var b strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&b, "%-*s  # %s\n", width, line[0], line[1])
	}
	b.WriteString("namespaces:\n")
	for _, name := range slices.Sorted(maps.Keys(c.Namespaces)) {
		ns := c.Namespaces[name]
		fmt.Fprintf(&b, "  %s:\n", strconv.Quote(name))
		fmt.Fprintf(&b, "    retention: %s\n", retention(ns.Retention))
		fmt.Fprintf(&b, "    anonymous: [%s]\n", strings.Join(ns.Anonymous.Names(), ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func retention(r pubsub.Retention) string {
	if r.Off() {
		return "off"
	}
	return fmt.Sprintf("{count: %d, age: %s, bytes: %s}", r.Count, duration(r.Age), size(r.Bytes))
}

// scalar writes a text such that YAML reads the same: plain where it is a number or a
// duration or a size, and else in quotes.
func scalar(text string) string {
	if text[0] < '0' || text[0] > '9' || strings.ContainsFunc(text, func(r rune) bool {
		return !('0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z')
	}) {
		return strconv.Quote(text)
	}
	return text
}
