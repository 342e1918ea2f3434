package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// environEntries reads the WSBRIDGE_* variables out of a list of NAME=VALUE. An empty
// one is unset: that is what files for containers make of a variable that is not there.
func environEntries(environ, known []string) ([]entry, error) {
	var entries []entry
	for _, variable := range environ {
		name, text, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, envPrefix) || slices.Contains(known, name) || serviceLink(name, text) {
			continue
		}
		s, file := lookup(name, (*Setting).Env, fileEnv)
		if s == nil {
			return nil, fmt.Errorf("%s: there is no such setting%s", name, suggest(name, names((*Setting).Env, fileEnv)))
		}
		if text != "" {
			entries = append(entries, entry{setting: s, file: file, text: text, where: name})
		}
	}
	return entries, nil
}

// Kubernetes sets such variables in every container for each service near it, and one
// named wsbridge, or wsbridge-redis, makes them begin like ours.
// https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables
var serviceLinks = regexp.MustCompile(`^WSBRIDGE(_[A-Z0-9_]+)?_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

func serviceLink(name, text string) bool {
	// WSBRIDGE_PORT=8080 is a person's mistake, WSBRIDGE_PORT=tcp://10.0.0.1:8080 is not.
	return serviceLinks.MatchString(name) || strings.HasSuffix(name, "_PORT") && strings.Contains(text, "://")
}
