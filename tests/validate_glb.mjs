// Prints one JSON line a GLB or glTF file: the Khronos validator's error, warning and info counts, and its messages.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(fileURLToPath(new URL("../tasks/web/package.json", import.meta.url)));
const validator = require("gltf-validator");

for (const file of process.argv.slice(2)) {
  const beside = async (uri) => new Uint8Array(readFileSync(join(dirname(file), decodeURIComponent(uri))));
  const options = { maxIssues: 100, externalResourceFunction: beside };
  const { issues } = await validator.validateBytes(new Uint8Array(readFileSync(file)), options);
  const messages = issues.messages.map(({ severity, code, message, pointer }) => ({ severity, code, message, pointer }));
  console.log(
    JSON.stringify({ file, errors: issues.numErrors, warnings: issues.numWarnings, infos: issues.numInfos, messages }),
  );
}
