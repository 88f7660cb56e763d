#!/bin/sh
# Installs what tasks/web's lock names into tasks/web/node_modules, and bundles three.js for the report's 3D viewer.
if ! command -v npm >/dev/null 2>&1; then
    echo "missing: npm. The report shows posters without the 3D viewer and GLBs are not validated. Get it: apt-get install nodejs npm" >&2
    exit 1
fi
npm ci --silent --no-audit --no-fund --prefix tasks/web || {
    echo "missing: the npm packages of tasks/web could not be installed; the report shows posters without the 3D viewer" >&2
    exit 1
}
npm run build --silent --prefix tasks/web || {
    echo "missing: three.js could not be bundled; the report shows posters without the 3D viewer" >&2
    exit 1
}
