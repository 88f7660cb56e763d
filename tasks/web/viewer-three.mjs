// What the report's viewer uses of three.js; `npm run build` bundles it into one classic script, which file:// can load.
export {
  BackSide, Box3, BoxGeometry, BufferAttribute, BufferGeometry, CanvasTexture, Color, DataTexture, DirectionalLight, DoubleSide,
  FloatType, Group, LineBasicMaterial, LineSegments, Matrix4, Mesh, MeshBasicMaterial, MeshLambertMaterial, MeshNormalMaterial,
  MeshStandardMaterial, NearestFilter, NeutralToneMapping, PCFShadowMap, PerspectiveCamera, PlaneGeometry, PMREMGenerator,
  RepeatWrapping, RGBAFormat, Scene, ShaderMaterial, ShadowMaterial, SphereGeometry, SRGBColorSpace, Vector2, Vector3,
  WebGLRenderer, WebGLRenderTarget, HemisphereLight,
} from "three";
export { GLTFLoader } from "three/examples/jsm/loaders/GLTFLoader.js";
