#!/bin/bash
# Runs a driver (its arguments, such as `prefect worker start …`) beside a Ray node without CPUs or GPUs of its own: a
# program attaches to Ray through a node on its machine. When either ends, so does the other, and the container.
set -u
ray_start=${KUBERAY_GEN_RAY_START_CMD:-ray start --address="$RAY_ADDRESS" --num-cpus=0 --num-gpus=0 --object-store-memory=83886080 --disable-usage-stats --block}
watched=$(command -v ray-node || echo "$(dirname "$0")/ray-node.sh")
"$watched" bash -c "$ray_start" >&2 & # the output is the driver's alone
ray=$!
"$@" &
driver=$!
trap 'kill -TERM $driver' TERM INT # first the driver: it hands its rows back, the same flow run goes on from there
wait -n $ray $driver
ended=$?
kill -TERM $driver 2>/dev/null
wait $driver
kill -TERM $ray 2>/dev/null
wait $ray
exit $ended
