#!/bin/sh
# Writes a bill of materials (CycloneDX) for each lock and asks for known vulnerabilities of what it pins: audit.sh
# [FOLDER]. Needs cyclonedx-bom and pip-audit on PATH, and an index that tells of vulnerabilities: exits non-zero where
# one is known, and where a package could not be judged, which pip-audit alone passes over.
set -eu
cd "$(dirname "$0")/../.."
out=${1:-build/audit}
mkdir -p "$out"
status=0
for lock in requirements.lock infra/images/cpu.lock infra/images/cuda.lock; do
    name=$(echo "${lock%.lock}" | tr / -)
    cyclonedx-py requirements "$lock" --output-format JSON --output-file "$out/$name.cdx.json" 2>/dev/null
    pip-audit --requirement "$lock" --no-deps --disable-pip --progress-spinner off --format json \
        --output "$out/$name.audit.json" 2>/dev/null || status=1
    all=$(grep -o '"name":' "$out/$name.audit.json" | wc -l)
    skipped=$(grep -o '"skip_reason":' "$out/$name.audit.json" | wc -l)
    echo "$lock: $all packages, $skipped of them not judged"
    test "$skipped" = 0 || status=1
done
exit $status
