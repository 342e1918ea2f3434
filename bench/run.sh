#!/usr/bin/env bash
# Runs the benchmarks of the hot path, and compares them with the figures that were landed last.
#
#   bench/run.sh          shows the comparison
#   bench/run.sh land     keeps these figures for the next one, in bench/landed.txt
#
# COUNT (6) is how often each runs, BENCHTIME (0.5s) for how long.
set -euo pipefail
cd "$(dirname "$0")/.."

landed=bench/landed.txt
now=$(mktemp)
trap 'rm -f "$now"' EXIT

# Where it ran: figures of different machines are shown side by side, and say little.
{
  echo "toolchain: $(go env GOVERSION)"
  echo "kernel: $(uname -s) $(uname -r | cut -d- -f1)"
} >"$now"
measure() {
  local before after
  before=$(grep -c '^Benchmark' "$now" || true)
  go test -run '^$' -bench "$1" -benchmem -count "${COUNT:-6}" -benchtime "${BENCHTIME:-0.5s}" "${@:2}" | tee -a "$now" >&2
  after=$(grep -c '^Benchmark' "$now" || true)
  ((after > before)) || { echo "no benchmark is called $1" >&2; exit 1; }
}
measure . ./bench
measure '^Benchmark(Publish|PublishChannels|Read)$' ./pubsub/membroker
measure '^Benchmark(AppendMessage|ParseCommand|CheckJSON)$' ./transport/wire
measure '^Benchmark(AppendFrame|AppendDeflatedFrame|WriteFrames|Decoder)$' ./transport/websocket

if [[ ${1:-} == land ]]; then
  grep -E '^(toolchain|kernel|goos|goarch|pkg|cpu|Benchmark)' "$now" >"$landed"
  echo "kept in $landed"
  exit
fi
echo
for file in "$landed" "$now"; do
  [[ $file == "$now" ]] && name=now || name=landed
  printf '%-7s %s, %s, %s\n' "$name:" "$(sed -n 's/^cpu: //p' "$file" | head -1)" \
    "$(sed -n 's/^toolchain: //p' "$file")" "$(sed -n 's/^kernel: //p' "$file")"
done
echo
go tool -modfile=tools.mod benchstat -ignore cpu,toolchain,kernel,/gomaxprocs landed="$landed" now="$now"
