#!/bin/sh
# Installs the report's 3D viewer and the Khronos validator from their lock into tasks/web/node_modules.
if ! command -v npm >/dev/null 2>&1; then
    echo "missing: npm. The report shows posters without the 3D viewer and GLBs are not validated. Get it: apt-get install nodejs npm" >&2
    exit 1
fi
npm ci --silent --no-audit --no-fund --prefix tasks/web || {
    echo "missing: the npm packages of tasks/web could not be installed; the report shows posters without the 3D viewer" >&2
    exit 1
}
