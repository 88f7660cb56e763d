// Rewrites a compressed GLB without compression, by glTF-Transform and the codecs' own decoders: FOLDER_OF_PACKAGES IN OUT.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(process.argv[2] + "/package.json"));
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { NodeIO } = await load("@gltf-transform/core");
const { ALL_EXTENSIONS, EXTMeshoptCompression, KHRDracoMeshCompression } = await load("@gltf-transform/extensions");
const { MeshoptDecoder } = await load("meshoptimizer");
const draco = await load("draco3dgltf");

await MeshoptDecoder.ready;
const io = new NodeIO().registerExtensions(ALL_EXTENSIONS).registerDependencies({
  "meshopt.decoder": MeshoptDecoder,
  "draco3d.decoder": await draco.default.createDecoderModule(),
});
const document = await io.read(process.argv[3]);
for (const extension of [EXTMeshoptCompression, KHRDracoMeshCompression]) {
  document.createExtension(extension).dispose();
}
await io.write(process.argv[4], document);
