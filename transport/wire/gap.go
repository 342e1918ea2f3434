package wire

import "github.com/wsbridge/wsbridge/pubsub"

// AppendGap appends the gap object, {"channel":"…","reason":"…","from":"…","to":"…"}.
func AppendGap(dst []byte, g *pubsub.Gap) []byte {
	return append(appendGapMembers(append(dst, '{'), g), '}')
}

// AppendGapEvent appends the text frame of a gap.
func AppendGapEvent(dst []byte, g *pubsub.Gap) []byte {
	return append(appendGapMembers(append(dst, `{"type":"gap",`...), g), '}')
}

func appendGapMembers(dst []byte, g *pubsub.Gap) []byte {
	dst = append(append(dst, `"channel":"`...), g.Channel...)
	dst = append(append(dst, `","reason":"`...), g.Reason...)
	dst = g.From.AppendTo(append(dst, `","from":"`...))
	dst = g.To.AppendTo(append(dst, `","to":"`...))
	return append(dst, '"')
}

func appendGaps(dst []byte, gaps []pubsub.Gap) []byte {
	dst = append(dst, '[')
	for i := range gaps {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendGap(dst, &gaps[i])
	}
	return append(dst, ']')
}
