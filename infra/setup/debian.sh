#!/bin/sh
# Installs Chromium for the browser tests when that is allowed here; else says in one line what is switched off.
command -v chromium >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1
    command -v chromium >/dev/null 2>&1 && exit 0
fi
echo "missing: chromium. The browser tests of the report are switched off. Get it: apt-get install chromium" >&2
test -z "$CI"
