package load

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strconv"
	"time"
)

// The data of each message is a JSON string of one length:
//
//	wsbench.RUN.CHANNEL.NUMBER.SENT.CHECKSUM.xxxx…
//
// RUN names the run, CHANNEL the channel, NUMBER counts the channel's messages from 1, and SENT
// is the time since the run's beginning, from which latency counts; all in hexadecimal. Since
// the lengths are fixed and nothing has to be escaped, a client finds and checks a message
// without parsing the JSON around it.
const (
	runDigits     = 16
	channelDigits = 8
	numberDigits  = 16
	sentDigits    = 16
	sumDigits     = 8

	magic    = "wsbench."
	headSize = len(magic) + runDigits + channelDigits + numberDigits + sentDigits + sumDigits + 5

	channelAt = len(magic) + runDigits + 1
	numberAt  = channelAt + channelDigits + 1
	sentAt    = numberAt + numberDigits + 1
	sumAt     = sentAt + sentDigits + 1
)

func newRunID() string {
	var b [runDigits / 2]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// payloads writes and reads the data of one run. It is not changed after it was made.
type payloads struct {
	run     string
	size    int    // without quotes
	needle  []byte // what comes in front of a message's data, and its beginning
	padding []byte
}

func newPayloads(run string, size int) *payloads {
	return &payloads{
		run:     run,
		size:    size - 2,
		needle:  []byte(`"data":"` + magic + run + "."),
		padding: bytes.Repeat([]byte("x"), size-2-headSize),
	}
}

func (p *payloads) append(dst []byte, channel int, number uint64, sent time.Duration) []byte {
	dst = append(dst, '"')
	start := len(dst)
	dst = fmt.Appendf(dst, "%s%s.%0*x.%0*x.%0*x.", magic, p.run, channelDigits, channel, numberDigits, number, sentDigits, int64(sent))
	sum := crc32.Update(crc32.ChecksumIEEE(dst[start:]), crc32.IEEETable, p.padding)
	dst = fmt.Appendf(dst, "%0*x.", sumDigits, sum)
	dst = append(dst, p.padding...)
	return append(dst, '"')
}

// find reads the data out of a message as a client gets it. It is not ok unless every byte of
// the data is as it was sent, in this run and on this channel.
func (p *payloads) find(message []byte, channel int) (number uint64, sent time.Duration, ok bool) {
	at := bytes.Index(message, p.needle)
	if at < 0 {
		return 0, 0, false
	}
	rest := message[at+len(`"data":"`):]
	if len(rest) <= p.size || rest[p.size] != '"' {
		return 0, 0, false
	}
	data := rest[:p.size]
	if data[headSize-1] != '.' || !bytes.Equal(data[headSize:], p.padding) {
		return 0, 0, false
	}
	sum := crc32.Update(crc32.ChecksumIEEE(data[:sumAt]), crc32.IEEETable, p.padding)
	on, e1 := hexadecimal(data[channelAt:], channelDigits)
	number, e2 := hexadecimal(data[numberAt:], numberDigits)
	at64, e3 := hexadecimal(data[sentAt:], sentDigits)
	is, e4 := hexadecimal(data[sumAt:], sumDigits)
	if e1 != nil || e2 != nil || e3 != nil || e4 != nil || on != uint64(channel) || is != uint64(sum) {
		return 0, 0, false
	}
	return number, time.Duration(at64), true
}

func hexadecimal(b []byte, digits int) (uint64, error) {
	return strconv.ParseUint(string(b[:digits]), 16, 64) // the string does not escape: nothing is allocated
}
