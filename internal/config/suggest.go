package config

import "strings"

// suggest ends an error about an unknown name: with the known one that was meant, if
// there is one, or with all.
func suggest(name string, known []string) string {
	if len(name) > 60 {
		name = "" // nobody means any
	}
	stem := strings.ToLower(strings.TrimPrefix(name, envPrefix))
	best, least := "", len(stem)/2+1
	for _, k := range known {
		other := strings.ToLower(strings.TrimPrefix(k, envPrefix))
		d := distance(stem, other)
		// "origins" is far from "allowed_origins", and yet it is meant.
		if min(len(stem), len(other)) >= 4 && (strings.Contains(other, stem) || strings.Contains(stem, other)) {
			d = min(d, 2)
		}
		if d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return "; did you mean " + best + "?"
	}
	return "; allowed are " + strings.Join(known, ", ")
}

// distance is how many bytes have to be inserted, deleted or replaced to make b of a,
// after Levenshtein.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
