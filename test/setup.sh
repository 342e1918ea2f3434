#!/usr/bin/env bash
# Installs what the tests need beside Go and Node: from the system's packages Chromium, curl,
# Redis, HAProxy and nginx, and Python and PHP for the programs in the README; and the npm
# packages of this folder and of js/. What is there already is left alone. The tests start servers of
# their own: the services of what is installed here are stopped and not started again.
set -euo pipefail
cd "$(dirname "$0")"
PATH=$PATH:/usr/sbin:/sbin # where Debian has haproxy and nginx

need=() services=()
command -v chromium >/dev/null || need+=(chromium)
command -v curl >/dev/null || need+=(curl)
command -v python3 >/dev/null || need+=(python3)
command -v php >/dev/null || need+=(php-cli)
command -v redis-server >/dev/null || need+=(redis-server) services+=(redis-server)
command -v haproxy >/dev/null || need+=(haproxy) services+=(haproxy)
command -v nginx >/dev/null || need+=(nginx-light) services+=(nginx)
if ((${#need[@]})); then
  command -v apt-get >/dev/null || { echo "setup: install ${need[*]} by hand: there is no apt-get here" >&2; exit 1; }
  root=()
  [[ $(id -u) == 0 ]] || root=(sudo)
  "${root[@]}" apt-get update -qq
  # At run level 1 init scripts start nothing. systemd does not ask for it.
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null
  for service in "${services[@]}"; do
    if [[ -d /run/systemd/system ]]; then
      "${root[@]}" systemctl disable --quiet --now "$service"
    else
      "${root[@]}" update-rc.d "$service" disable
    fi
  done
fi

[[ $(redis-server --version) =~ v=([0-9]+) && ${BASH_REMATCH[1]} -ge 7 ]] || { echo "setup: redis-server 7 or newer is needed, this is: $(redis-server --version)" >&2; exit 1; }
command -v node >/dev/null || { echo "setup: Node.js 20 or newer is needed for the browser tests" >&2; exit 1; }
for folder in . ../js; do
  if [[ ! -d $folder/node_modules || $folder/package-lock.json -nt $folder/node_modules ]]; then
    npm --prefix "$folder" ci --no-audit --no-fund --loglevel=error
    touch "$folder/node_modules"
  fi
done
