package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/pubsub"
)

// A Namespace is what the channels whose name begins with it have in common:
//
//	namespaces:
//	  orders:
//	    retention: {count: 1000, age: 1h, bytes: 8MiB}   # or off; what is left out is the default
//	    anonymous: [subscribe, history]                  # what clients without a token may do; default: nothing
type Namespace struct {
	Retention pubsub.Retention
	Anonymous auth.Op

	age string // where the retention's age stands, for errors
}

var defaultNamespace = Namespace{Retention: pubsub.DefaultRetention}

func (d *document) namespaces(node ast.Node) (map[string]*Namespace, error) {
	members, err := d.members(node, "namespaces")
	if err != nil {
		return nil, err
	}
	all := make(map[string]*Namespace, len(members))
	for _, m := range members {
		if _, err := pubsub.ParseChannel(m.name); err != nil || strings.Contains(m.name, ":") {
			return nil, d.fail(m.node, "namespaces: %s is no namespace; allowed are 1 to %d of A-Z a-z 0-9 _ - . =", quote(m.name), pubsub.MaxChannel)
		}
		if all[m.name], err = d.namespace(m, "namespaces."+m.name); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (d *document) namespace(m member, path string) (*Namespace, error) {
	ns := defaultNamespace
	members, err := d.members(m.value, path)
	if err != nil {
		return nil, err
	}
	for _, setting := range members {
		switch setting.name {
		case "retention":
			err = d.retention(&ns, setting, path+".retention")
		case "anonymous":
			err = d.anonymous(&ns, m.name, setting, path+".anonymous")
		default:
			err = d.unknown(setting, path+".", []string{"retention", "anonymous"})
		}
		if err != nil {
			return nil, err
		}
	}
	return &ns, nil
}

func (d *document) retention(ns *Namespace, m member, path string) error {
	if text, err := d.scalar(m.value, path); err == nil {
		if text != "off" {
			return d.fail(m.value, "%s: %s is no retention; write off, or {count: 1000, age: 1h, bytes: 8MiB}", path, quote(text))
		}
		ns.Retention = pubsub.Retention{}
		return nil
	}
	members, err := d.members(m.value, path)
	if err != nil {
		return err
	}
	for _, part := range members {
		text, err := d.scalar(part.value, path+"."+part.name)
		if err != nil {
			return err
		}
		switch part.name {
		case "count":
			err = setCount(&ns.Retention.Count, text)
		case "age":
			err = durationValue{p: &ns.Retention.Age, min: time.Millisecond, max: 366 * 24 * hour}.set(text)
			ns.age = d.at(part.value) + ": " + path + ".age"
		case "bytes":
			err = sizeValue{&ns.Retention.Bytes, 1, math.MaxInt64}.set(text)
		default:
			return d.unknown(part, path+".", []string{"count", "age", "bytes"})
		}
		if err != nil {
			return d.fail(part.value, "%s.%s: %w", path, part.name, err)
		}
	}
	return nil
}

func setCount(count *int, text string) error {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || n == 0 {
		return errors.New(quote(text) + " is no number of messages; write 1 or more, or retention: off")
	}
	*count = int(n)
	return nil
}

func (d *document) anonymous(ns *Namespace, name string, m member, path string) error {
	list, ok := m.value.(*ast.SequenceNode)
	if !ok {
		return d.fail(m.value, "%s: it is no list; write one such as [subscribe, history]", path)
	}
	for _, item := range list.Values {
		text, err := d.scalar(item, path)
		if err != nil {
			return err
		}
		op, err := auth.ParseOp(text)
		if err != nil {
			return d.fail(item, "%s: %w", path, err)
		}
		ns.Anonymous |= op
	}
	if ns.Anonymous != 0 && pubsub.Channel(name+":").Personal() {
		return d.fail(m.value, "%s: personal channels are open to nobody but their users; write []", path)
	}
	return nil
}
