#!/bin/sh
# Installs what tests and benches use beside Python and npm when that is allowed here; else says what is switched off.
# Chromium: browser tests. assimp: reads our FBX. Only with `proof`: Godot and a
# display for it, for bench/formats.py; with `cluster`: an S3 server and Postgres, for tests/cluster/drills.py.
packages="chromium assimp-utils"
test "$1" = proof && packages="$packages godot3-server godot3 xvfb"
test "$1" = cluster && packages="$packages radosgw ceph-mon ceph-osd postgresql iproute2"
missing=""
for package in $packages; do
    dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
command -v chromium >/dev/null 2>&1 && missing=$(echo "$missing" | sed 's/ chromium//')
test -z "$missing" && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    # shellcheck disable=SC2086
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } >/dev/null 2>&1 && exit 0
fi
echo "missing:$missing. The tests and benches that ask them are switched off. Get them: apt-get install$missing" >&2
test -z "$CI"
