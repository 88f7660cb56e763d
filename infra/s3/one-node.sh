#!/bin/sh
# A Ceph of one node as the S3 of one box or of a drill: monitor, store and gateway, in the foreground.
# one-node.sh FOLDER ADDRESS PORT, with the user's key pair in S3_ACCESS_KEY and S3_SECRET_KEY. Not for data that must
# outlive a disk: one copy. STORE=memstore keeps it in memory, STORE_BYTES is its size.
set -eu
folder=$1 address=$2 port=$3
store=${STORE:-bluestore} bytes=${STORE_BYTES:-21474836480}
mkdir -p "$folder/mon" "$folder/osd" "$folder/run" "$folder/rgw"
conf=$folder/ceph.conf keys=$folder/keyring
if [ ! -s "$conf" ]; then
    cat > "$conf" <<END
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon host = [v1:$address:$((port + 1))]
public addr = $address
ms bind msgr2 = false
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
osd pool default size = 1
osd pool default min size = 1
mon allow pool size one = true
mon warn on pool no redundancy = false
osd pool default pg num = 8
osd crush chooseleaf type = 0
mon osd full ratio = 0.97
mon data avail crit = 1
keyring = $keys
run dir = $folder/run
admin socket = $folder/run/\$name.asok
pid file = $folder/run/\$name.pid
log to stderr = true
err to stderr = true
log file = /dev/null
[mon]
mon data = $folder/mon
mon cluster log file = /dev/null
[osd]
osd data = $folder/osd
osd objectstore = $store
osd memory target = 1073741824
memstore device bytes = $bytes
bluestore block size = $bytes
bluestore block create = true
[client.rgw]
rgw data = $folder/rgw
rgw frontends = beast endpoint=$address:$port
rgw enable usage log = false
rgw enable gc threads = true
END
    umask 077
    ceph-authtool --create-keyring "$keys" --gen-key -n mon. --cap mon 'allow *' >/dev/null
    ceph-authtool "$keys" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *' >/dev/null
    ceph-authtool "$keys" --gen-key -n client.rgw --cap mon 'allow rw' --cap osd 'allow rwx' >/dev/null
    ceph-authtool "$keys" --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *' >/dev/null
    monmaptool --create --clobber --addv m "[v1:$address:$((port + 1))]" --fsid "$(sed -n 's/^fsid = //p' "$conf")" "$folder/monmap" >/dev/null
    ceph-mon --conf "$conf" --mkfs -i m --monmap "$folder/monmap" --keyring "$keys"
    new=1
fi
# A daemon that ends is started again; with TERM it ends for good.
serve() {
    trap 'stop=1; kill "$daemon" || :' TERM
    while [ -z "${stop:-}" ]; do
        "$@" &
        daemon=$!
        wait "$daemon" || sleep 1
    done
    wait
}
serve ceph-mon --conf "$conf" -f -i m &
served=$!
if [ "${new:-}" ]; then
    ceph --conf "$conf" --connect-timeout 60 osd new "$(cat /proc/sys/kernel/random/uuid)" 0 >/dev/null
    ceph --conf "$conf" auth import -i "$keys" >/dev/null 2>&1
    ceph --conf "$conf" osd crush add osd.0 1.0 host=one root=default >/dev/null 2>&1
    ceph-osd --conf "$conf" -i 0 --mkfs --osd-uuid "$(ceph --conf "$conf" osd dump | sed -n 's/^osd\.0 .* \([0-9a-f-]*\)$/\1/p')"
fi
serve ceph-osd --conf "$conf" -f -i 0 &
served="$served $!"
if [ "${new:-}" ]; then
    radosgw-admin --conf "$conf" user create --uid=meshmill --display-name=meshmill \
        --access-key="$S3_ACCESS_KEY" --secret-key="$S3_SECRET_KEY" >/dev/null
fi
serve radosgw --conf "$conf" -f -n client.rgw &
# shellcheck disable=SC2064,SC2086
trap "kill $served $!" TERM INT
wait || :
wait
