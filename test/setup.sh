#!/usr/bin/env bash
# Installs what the tests need beside Go and Node: from the system's packages Chromium and
# curl, and Python and PHP for the programs in the README; and the npm packages of this
# folder. What is there already is left alone.
set -euo pipefail
cd "$(dirname "$0")"

need=()
command -v chromium >/dev/null || need+=(chromium)
command -v curl >/dev/null || need+=(curl)
command -v python3 >/dev/null || need+=(python3)
command -v php >/dev/null || need+=(php-cli)
if ((${#need[@]})); then
  command -v apt-get >/dev/null || { echo "setup: install ${need[*]} by hand: there is no apt-get here" >&2; exit 1; }
  root=()
  [[ $(id -u) == 0 ]] || root=(sudo)
  "${root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null
fi

command -v node >/dev/null || { echo "setup: Node.js 20 or newer is needed for the browser tests" >&2; exit 1; }
if [[ ! -d node_modules || package-lock.json -nt node_modules ]]; then
  npm ci --no-audit --no-fund --loglevel=error
  touch node_modules
fi
