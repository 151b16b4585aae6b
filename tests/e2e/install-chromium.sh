#!/usr/bin/env bash
# The browser tests drive an installed Chromium. Where there is none: Debian's package, else Playwright's own download.
set -euo pipefail
for name in chromium chromium-browser google-chrome-stable google-chrome; do
  if command -v "$name" >/dev/null; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  if apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; then exit 0; fi
fi
npx playwright install --with-deps chromium
