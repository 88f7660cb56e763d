// A marked region shown as a tint on the model: whole parts, boxes and spheres, tested at every pixel of the surface.
"use strict";

{
  const VERTEX = `varying vec3 place;
    void main() { place = (modelMatrix * vec4(position, 1.0)).xyz; gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0); }`;
  // The shapes lie in a texture of numbers, two texels each: a box as min and max, a sphere as centre and radius.
  const FRAGMENT = `varying vec3 place; uniform highp sampler2D shapes; uniform int count; uniform bool whole; uniform vec3 tint;
    bool inside() {
      for (int i = 0; i < count; i++) {
        vec4 a = texelFetch(shapes, ivec2(2 * i, 0), 0), b = texelFetch(shapes, ivec2(2 * i + 1, 0), 0);
        if (a.w > 0.0 ? distance(place, a.xyz) <= a.w : all(greaterThanEqual(place, a.xyz)) && all(lessThanEqual(place, b.xyz))) return true;
      }
      return false;
    }
    void main() { if (!whole && !inside()) discard; gl_FragColor = vec4(tint, 0.62); }`;

  const texture = (shapes) => {
    const numbers = new Float32Array(8 * Math.max(1, shapes.length));
    shapes.forEach((shape, i) => numbers.set(shape.radius ? [...shape.centre, shape.radius] : [...shape.min, 0, ...shape.max, 0], 8 * i));
    const made = new three.DataTexture(numbers, numbers.length / 4, 1, three.RGBAFormat, three.FloatType);
    made.needsUpdate = true;
    return made;
  };

  meshmill.createTint = (view) => {
    const shared = { shapes: { value: texture([]) }, count: { value: 0 }, tint: { value: new three.Color(0.98, 0.36, 0.1) } };
    const material = (whole) => new three.ShaderMaterial({
      vertexShader: VERTEX, fragmentShader: FRAGMENT, uniforms: { ...shared, whole: { value: whole } }, transparent: true, depthWrite: false,
      side: three.DoubleSide, polygonOffset: true, polygonOffsetFactor: -1, polygonOffsetUnits: -1,
    });
    const [partly, wholly] = [material(false), material(true)];
    const layers = view.models[0].meshes.map((mesh) => {
      const layer = new three.Mesh(mesh.geometry, partly);
      mesh.add(layer);
      return { mesh, layer };
    });
    return {
      show: (parts, shapes) => {
        shared.shapes.value.dispose();
        shared.shapes.value = texture(shapes);
        shared.count.value = shapes.length;
        for (const { mesh, layer } of layers) {
          layer.material = parts.has(mesh.part) ? wholly : partly;
          layer.visible = parts.has(mesh.part) || shapes.length > 0;
        }
        view.change();
      },
      close: () => {
        for (const { mesh, layer } of layers) mesh.remove(layer);
        for (const each of [partly, wholly, shared.shapes.value]) each.dispose();
        view.change();
      },
    };
  };
}
