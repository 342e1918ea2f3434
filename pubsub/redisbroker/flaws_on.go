//go:build flaws

package redisbroker

import "os"

func chosenFlaws() flaws {
	name := os.Getenv("FLAW")
	return flaws{noCatchUp: name == "catchup", ignoreDigest: name == "digest", noCanary: name == "canary"}
}
