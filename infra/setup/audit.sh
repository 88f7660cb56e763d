#!/bin/sh
# Writes a bill of materials (CycloneDX) for each lock and asks for known vulnerabilities of what it pins: audit.sh
# [FOLDER]. Needs cyclonedx-bom, pip-audit and an npm that knows `sbom` on PATH, and indices that tell of
# vulnerabilities. Exits 0 when every package was judged and none has one, 1 where one is known, 2 where a tool is
# missing or failed, and 3 where packages could not be judged, which pip-audit alone passes over.
set -eu
cd "$(dirname "$0")/../.."
out=${1:-build/audit}
for tool in cyclonedx-py pip-audit; do
    command -v $tool >/dev/null || { echo "audit: $tool is missing: pip install cyclonedx-bom pip-audit" >&2; exit 2; }
done
command -v npm >/dev/null || { echo "audit: npm is missing: apt-get install npm" >&2; exit 2; }
mkdir -p "$out"
known=0 unjudged=0
for lock in requirements.lock infra/images/cpu.lock infra/images/cuda.lock; do
    name=$(echo "${lock%.lock}" | tr / -)
    report=$out/$name.audit.json
    rm -f "$report"
    cyclonedx-py requirements "$lock" --output-format JSON --output-file "$out/$name.cdx.json" 2>"$out/$name.log" ||
        { echo "audit: no bill of materials of $lock, see $out/$name.log" >&2; exit 2; }
    pip-audit --requirement "$lock" --no-deps --disable-pip --progress-spinner off --format json \
        --output "$report" 2>"$out/$name.log" || true # 1 for a finding and for a fault alike: the report tells
    test -s "$report" || { echo "audit: $lock could not be asked about, see $out/$name.log" >&2; exit 2; }
    all=$(grep -o '"name":' "$report" | wc -l)
    skipped=$(grep -o '"skip_reason":' "$report" | wc -l)
    found=$(grep -o '"fix_versions":' "$report" | wc -l)
    echo "$lock: $all packages, $found known vulnerabilities, $skipped packages not judged"
    known=$((known + found)) unjudged=$((unjudged + skipped))
done
for folder in tasks/web bench/peers/npm; do
    lock=$folder/package-lock.json
    name=$(echo "$folder" | tr / -)
    report=$out/$name.audit.json
    (cd "$folder" && npm sbom --package-lock-only --sbom-format cyclonedx) >"$out/$name.cdx.json" 2>"$out/$name.log" ||
        { echo "audit: no bill of materials of $lock, see $out/$name.log" >&2; exit 2; }
    (cd "$folder" && npm audit --package-lock-only --json) >"$report" 2>"$out/$name.log" || true # as pip-audit's
    all=$(grep -c '^ *"node_modules/' "$lock") skipped=0
    found=$(sed -n 's/^ *"total": *\([0-9]*\).*/\1/p' "$report" | head -n 1) # of vulnerabilities; dependencies' comes later
    test "$found" || { found=0 skipped=$all; }
    echo "$lock: $all packages, $found known vulnerabilities, $skipped packages not judged"
    known=$((known + found)) unjudged=$((unjudged + skipped))
done
test "$known" = 0 || { echo "audit: $known known vulnerabilities, in $out/*.audit.json" >&2; exit 1; }
test "$unjudged" = 0 || { echo "audit: this index tells nothing of $unjudged packages: they were not judged" >&2; exit 3; }
echo "audit: every package was judged, none has a known vulnerability"
