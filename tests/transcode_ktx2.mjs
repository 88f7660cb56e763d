// Transcodes KTX2 files with the Basis Universal transcoder of three.js: FILE OUT, where OUT gets the RGBA of level 0.
// Prints one JSON line a file: size, levels, alpha, and whether every level goes to RGBA, ETC1, BC1, BC7 and ASTC.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(fileURLToPath(new URL("../tasks/web/package.json", import.meta.url)));
const script = require.resolve("three/examples/jsm/libs/basis/basis_transcoder.js");
const load = new Function("require", "__dirname", "module", "exports", readFileSync(script, "utf8") + "; return BASIS;");
const wasmBinary = readFileSync(script.replace(".js", ".wasm"));
const basis = await load(require, dirname(script), { exports: {} }, {})({ wasmBinary });
basis.initializeBasis();

const [RGBA, ...OTHERS] = [13, 0, 2, 6, 10];
for (let at = 2; at < process.argv.length; at += 2) {
  const file = new basis.KTX2File(new Uint8Array(readFileSync(process.argv[at])));
  let good = file.isValid() && file.isUASTC() && file.startTranscoding() === 1;
  const to = (level, format) => {
    const pixels = new Uint8Array(file.getImageTranscodedSizeInBytes(level, 0, 0, format));
    good = file.transcodeImage(pixels, level, 0, 0, format, 0, -1, -1) === 1 && good;
    return pixels;
  };
  for (let level = 0; level < file.getLevels(); level++) OTHERS.forEach((format) => to(level, format));
  writeFileSync(process.argv[at + 1], to(0, RGBA));
  console.log(JSON.stringify({ size: [file.getWidth(), file.getHeight()], levels: file.getLevels(), alpha: !!file.getHasAlpha(), good }));
}
