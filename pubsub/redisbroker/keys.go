package redisbroker

import (
	"strconv"
	"strings"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A keyspace knows the names of keys and topics; see the package's documentation.
type keyspace struct {
	format string // the key that tells the version
	root   string // PREFIX:v1:
	suffix string // of topics: pub/sub knows no databases
}

func newKeyspace(o Options) keyspace {
	k := keyspace{format: o.Prefix + ":format", root: o.Prefix + ":v1:"}
	if o.DB != 0 {
		k.suffix = "@" + strconv.Itoa(o.DB)
	}
	return k
}

func (k keyspace) record(c pubsub.Channel) string { return k.root + "{" + string(c) + "}" }

// The scripts know these two as what stands behind the record's name.
func (k keyspace) log(c pubsub.Channel) string                { return k.root + "{" + string(c) + "}:log" }
func (k keyspace) answer(c pubsub.Channel, key string) string { return k.record(c) + ":key:" + key }

func (k keyspace) topic(c pubsub.Channel) string { return k.record(c) + k.suffix }

// channelOf is the inverse of topic.
func (k keyspace) channelOf(topic string) (pubsub.Channel, bool) {
	name, ok := strings.CutPrefix(topic, k.root+"{")
	if !ok {
		return "", false
	}
	name, ok = strings.CutSuffix(name, "}"+k.suffix)
	return pubsub.Channel(name), ok
}

func (k keyspace) instance(id string) string { return k.root + "instance:{" + id + "}" }
func (k keyspace) instances() string         { return k.root + "instances" }

// inbox is the topic that an instance listens to, shared what instances tell all others.
func (k keyspace) inbox(id string) string   { return k.root + "inbox:{" + id + "}" + k.suffix }
func (k keyspace) shared(key string) string { return k.root + "shared:{" + key + "}" }

const slots = 16384

// slot returns the Cluster slot of a key: CRC-16/XMODEM of its hash tag, or of all of it
// (Redis Cluster specification, "Key distribution model").
func slot(key string) int {
	if open := strings.IndexByte(key, '{'); open >= 0 {
		if end := strings.IndexByte(key[open+1:], '}'); end > 0 {
			key = key[open+1 : open+1+end]
		}
	}
	var crc uint16
	for i := 0; i < len(key); i++ {
		crc = crc<<8 ^ crc16[byte(crc>>8)^key[i]]
	}
	return int(crc) % slots
}

var crc16 = func() (table [256]uint16) {
	for i := range table {
		crc := uint16(i) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
		table[i] = crc
	}
	return table
}()
