#!/bin/sh
# Writes a bill of materials (CycloneDX) for each lock and asks the package index for known vulnerabilities of what it
# pins: audit.sh [FOLDER]. Needs cyclonedx-bom and pip-audit on PATH; exits non-zero where a vulnerability is known.
set -eu
cd "$(dirname "$0")/../.."
out=${1:-build/audit}
mkdir -p "$out"
status=0
for lock in requirements.lock infra/images/cpu.lock infra/images/cuda.lock; do
    name=$(echo "${lock%.lock}" | tr / -)
    cyclonedx-py requirements "$lock" --output-format JSON --output-file "$out/$name.cdx.json" 2>/dev/null
    pip-audit --requirement "$lock" --no-deps --disable-pip --progress-spinner off --format json --output "$out/$name.audit.json" || status=1
done
npm --prefix tasks/web sbom --sbom-format cyclonedx --package-lock-only > "$out/web.cdx.json" || status=1
exit $status
