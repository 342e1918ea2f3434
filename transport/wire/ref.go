package wire

// MaxRef is the longest ref, in bytes.
const MaxRef = 32

// A Ref is the number by which a client knows the answer to its command, as the client
// wrote it: 7 comes back as 7, and 1e3 as 1e3. The empty Ref is none; what answers it
// carries none.
type Ref string

func appendRef(dst []byte, ref Ref) []byte {
	if ref == "" {
		return dst
	}
	return append(append(dst, `,"ref":`...), ref...)
}
