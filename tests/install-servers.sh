#!/usr/bin/env bash
# Some tests ask a real Prometheus and a real PostgreSQL. Where they are missing and we may: Debian's packages. Where we
# may not, those tests are skipped and say so.
set -euo pipefail
missing=()
command -v prometheus >/dev/null || missing+=(prometheus)
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
if [ ${#missing[@]} = 0 ]; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "Not here: ${missing[*]}. The tests that ask them are skipped." >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
# The tests start servers of their own; the package's must not run beside them.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq
if ! apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; then
  echo "Could not be installed: ${missing[*]}. The tests that ask them are skipped." >&2
fi
