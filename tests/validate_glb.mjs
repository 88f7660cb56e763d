// Prints one JSON line a GLB file: the Khronos validator's error, warning and info counts, and its messages.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(fileURLToPath(new URL("../tasks/web/package.json", import.meta.url)));
const validator = require("gltf-validator");

for (const file of process.argv.slice(2)) {
  const { issues } = await validator.validateBytes(new Uint8Array(readFileSync(file)), { maxIssues: 100 });
  const messages = issues.messages.map(({ severity, code, message, pointer }) => ({ severity, code, message, pointer }));
  console.log(
    JSON.stringify({ file, errors: issues.numErrors, warnings: issues.numWarnings, infos: issues.numInfos, messages }),
  );
}
