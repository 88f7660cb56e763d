#!/bin/bash
# Runs `ray start … --block` (its arguments) and ends when its raylet is gone. Ray alone would stay: where an agent of it
# dies, or the head missed its heartbeats, the raylet leaves with exit code 0, which --block takes for intended.
set -u
raylet_lives() { grep -qx raylet /proc/[0-9]*/comm 2>/dev/null; }
"$@" &
ray=$!
trap 'kill -TERM $ray 2>/dev/null' TERM INT
seen=""
while kill -0 $ray 2>/dev/null; do
    if raylet_lives; then
        seen=1
    elif [ -n "$seen" ]; then
        echo "the raylet is gone" >&2
        kill -TERM $ray
        wait $ray
        exit 1
    fi
    sleep 2 &
    wait $! # in the background, so that a signal is heard at once
done
wait $ray
