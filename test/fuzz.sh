#!/usr/bin/env bash
# Runs every fuzz target of the module, one after the other, for FUZZTIME each.
set -euo pipefail
cd "$(dirname "$0")/.."

count=0
while IFS=: read -r file target; do
  count=$((count + 1))
  go test "./$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-3s}" -parallel 2 >/tmp/fuzz.$$ 2>&1 ||
    { cat /tmp/fuzz.$$; echo "fuzz: $target in $file failed" >&2; exit 1; }
  tail -n 1 /tmp/fuzz.$$ | sed "s/^/$target: /"
done < <(grep -rnoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' --exclude-dir=test . | sed -E 's/^\.\///; s/:[0-9]+:func /:/')
rm -f /tmp/fuzz.$$
((count > 0)) || { echo "fuzz: no target found" >&2; exit 1; }
echo "fuzz: $count targets, ${FUZZTIME:-3s} each, nothing found"
