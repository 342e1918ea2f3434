package wire

import (
	"strconv"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

func appendInt(dst []byte, n int) []byte { return strconv.AppendInt(dst, int64(n), 10) }

func appendMillis(dst []byte, d time.Duration) []byte {
	return strconv.AppendInt(dst, d.Milliseconds(), 10)
}

// appendSeconds appends a number of seconds, with a fraction only if there is one.
func appendSeconds(dst []byte, d time.Duration) []byte {
	return strconv.AppendFloat(dst, d.Seconds(), 'f', -1, 64)
}

func appendChannels(dst []byte, channels []pubsub.Channel) []byte {
	dst = append(dst, '[')
	for i, c := range channels {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), c...), '"')
	}
	return append(dst, ']')
}
