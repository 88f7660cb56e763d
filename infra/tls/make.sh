#!/bin/sh
# Makes an authority and one key pair for Dask's connections: make.sh FOLDER [DAYS]. Whoever holds the pair may run code
# on the workers, so FOLDER is for Dask's scheduler, workers and drivers alone. Dask checks the signature, not the name.
set -eu
folder=$1 days=${2:-825}
test -s "$folder/pair.pem" && exit 0
mkdir -p "$folder"
umask 077
curve="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
# shellcheck disable=SC2086
openssl req -x509 $curve -days "$days" -subj "/CN=meshmill authority" \
    -keyout "$folder/authority.key" -out "$folder/ca.pem" 2>/dev/null
# shellcheck disable=SC2086
openssl req $curve -subj "/CN=meshmill" -keyout "$folder/pair.key" -out "$folder/pair.csr" 2>/dev/null
openssl x509 -req -in "$folder/pair.csr" -CA "$folder/ca.pem" -CAkey "$folder/authority.key" -CAcreateserial \
    -days "$days" -out "$folder/pair.crt" 2>/dev/null
cat "$folder/pair.crt" "$folder/pair.key" > "$folder/pair.pem"
rm "$folder/authority.key" "$folder/pair.csr" "$folder/pair.key" "$folder/pair.crt"
