package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// A document is the YAML file as a tree. The tree is walked by hand instead of being
// decoded, for the sake of errors: each names the line, and what it would allow there.
// All scalars are taken as the text that stands in the file, so that a setting has the
// same form in every place.
type document struct{ name string }

// maxDocument bounds the file, in bytes.
const maxDocument = 256 << 10

// parse returns the settings in the file, and the namespaces, nil if it has none.
func (d *document) parse(data []byte) ([]entry, map[string]*Namespace, error) {
	if len(data) > maxDocument {
		return nil, nil, fmt.Errorf("%s: it is larger than %s", d.name, size(maxDocument))
	}
	if !utf8.Valid(data) {
		return nil, nil, fmt.Errorf("%s: it is not UTF-8", d.name)
	}
	file, err := parser.ParseBytes(bytes.TrimPrefix(data, []byte("\ufeff")), 0)
	if err != nil {
		return nil, nil, d.syntax(err)
	}
	var root ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if root != nil {
			return nil, nil, d.fail(doc.Body, "a second document begins; one is allowed")
		}
		root = doc.Body
	}
	if root == nil {
		return nil, nil, nil
	}
	members, err := d.members(root, "")
	if err != nil {
		return nil, nil, err
	}
	var entries []entry
	var namespaces map[string]*Namespace
	for _, m := range members {
		if m.name == "namespaces" {
			if namespaces, err = d.namespaces(m.value); err != nil {
				return nil, nil, err
			}
			continue
		}
		s, secretFile := lookup(m.name, (*Setting).Key, fileKey)
		if s == nil || !s.InFile() {
			return nil, nil, d.unknown(m, "", append(names((*Setting).Key, fileKey)[1:], "namespaces"))
		}
		text, err := d.text(m.value, m.name)
		if err != nil {
			return nil, nil, err
		}
		entries = append(entries, entry{setting: s, file: secretFile, text: text, where: d.at(m.node), key: m.name})
	}
	return entries, namespaces, nil
}

// syntax turns the parser's error, which shows the lines around it, into one line that
// cannot hold a secret.
func (d *document) syntax(err error) error {
	var located yaml.Error
	if !errors.As(err, &located) || located.GetToken() == nil {
		return fmt.Errorf("%s: it is no YAML", d.name)
	}
	message := strings.NewReplacer("\t", `\t`, "\r", `\r`, "\n", `\n`).Replace(located.GetMessage())
	return fmt.Errorf("%s:%d: it is no YAML here: %s", d.name, located.GetToken().Position.Line, message)
}

// at returns "FILE:LINE".
func (d *document) at(node ast.Node) string {
	if token := node.GetToken(); token != nil && token.Position != nil {
		return fmt.Sprintf("%s:%d", d.name, token.Position.Line)
	}
	return d.name
}

func (d *document) fail(node ast.Node, format string, args ...any) error {
	return fmt.Errorf("%s: "+format, append([]any{d.at(node)}, args...)...)
}

func (d *document) unknown(m member, path string, known []string) error {
	return d.fail(m.node, "%s%s: there is no such setting%s", path, clipName(m.name), suggest(m.name, known))
}

// clipName shows a wrong key in an error of one line.
func clipName(name string) string { return strings.Trim(quote(name), `"`) }

// A member is one NAME: VALUE of a mapping.
type member struct {
	name  string
	node  ast.Node // of the name
	value ast.Node
}

// members returns what stands in a mapping, in order. No name is there twice.
func (d *document) members(node ast.Node, path string) ([]member, error) {
	var values []*ast.MappingValueNode
	switch node := node.(type) {
	case *ast.MappingNode:
		values = node.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{node}
	default:
		return nil, d.fail(node, "%sexpected is a mapping of names to values, not %s", prefix(path), kind(node))
	}
	var members []member
	seen := make(map[string]bool, len(values))
	for _, v := range values {
		name, err := d.scalar(v.Key, path)
		if err != nil {
			return nil, err
		}
		if seen[name] {
			return nil, d.fail(v.Key, "%s%s: it is set twice", prefix(path), clipName(name))
		}
		seen[name] = true
		members = append(members, member{name, v.Key, v.Value})
	}
	return members, nil
}

// text returns a scalar, or the scalars of a list with commas between them.
func (d *document) text(node ast.Node, path string) (string, error) {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		return d.scalar(node, path)
	}
	if len(list.Values) == 0 {
		return "", d.fail(node, "%s: the list is empty; leave the setting out instead", path)
	}
	var all []string
	for i, item := range list.Values {
		text, err := d.scalar(item, path)
		if err != nil {
			return "", err
		}
		if strings.Contains(text, ",") {
			return "", d.fail(item, "%s: entry %d has a comma in it, which ends an entry everywhere else", path, i+1)
		}
		all = append(all, text)
	}
	return strings.Join(all, ","), nil
}

// scalar returns the text of a node as it stands in the file, quotes resolved.
func (d *document) scalar(node ast.Node, path string) (string, error) {
	switch node := node.(type) {
	case *ast.StringNode:
		return node.Value, nil
	case *ast.LiteralNode:
		return node.Value.Value, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return node.GetToken().Value, nil
	case *ast.NullNode:
		return "", d.fail(node, "%sit has no value", prefix(path))
	}
	return "", d.fail(node, "%sexpected is a text or a number, not %s", prefix(path), kind(node))
}

func prefix(path string) string {
	if path == "" {
		return ""
	}
	return path + ": "
}

// kind names what stands where something else should. What makes a value depend on
// another place of the file is not taken: nobody needs it in so small a one.
func kind(node ast.Node) string {
	switch node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return "an anchor, an alias or a merge"
	case *ast.TagNode, *ast.DirectiveNode:
		return "a tag or a directive"
	case *ast.NullNode:
		return "nothing"
	}
	return "a single value"
}
