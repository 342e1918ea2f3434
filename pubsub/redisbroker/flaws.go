package redisbroker

// flaws break the broker on purpose, so that the tests that put instances under faults can
// show that they would notice. They are set in builds with the tag flaws only.
type flaws struct {
	noCatchUp    bool // a line that broke and came back is as if nothing had happened
	ignoreDigest bool // positions are compared by epoch and offset alone
	noCanary     bool // nobody looks whether a line that seems alive is
}
