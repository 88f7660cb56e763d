// What lies under the pointer: surface points and parts, read back from a picture of depth and part numbers.
"use strict";

{
  const MOST = 96; // pixels of the picture's longer side; a rectangle is sampled, not copied

  const VERTEX = `varying float depth;
    void main() { vec4 at = modelViewMatrix * vec4(position, 1.0); depth = -at.z; gl_Position = projectionMatrix * at; }`;
  // 24 bits of depth between the near and the far plane, and the part's number: 255 parts can be told apart.
  const FRAGMENT = `varying float depth; uniform vec2 range; uniform float number;
    void main() {
      float steps = floor(clamp((depth - range.x) / (range.y - range.x), 0.0, 1.0) * 16777215.0);
      gl_FragColor = vec4(floor(steps / 65536.0), mod(floor(steps / 256.0), 256.0), mod(steps, 256.0), number) / 255.0;
    }`;

  meshmill.createPicker = (view) => {
    const range = { value: new three.Vector2() };
    const materials = new Map();
    const material = (mesh, k) => {
      if (!materials.has(mesh)) {
        const uniforms = { range, number: { value: Math.min(k + 1, 255) } };
        materials.set(mesh, new three.ShaderMaterial({ vertexShader: VERTEX, fragmentShader: FRAGMENT, uniforms, side: three.DoubleSide, blending: 0 }));
      }
      return materials.get(mesh);
    };

    const photograph = (target, meshes) => {
      const { renderer, scene, camera } = view;
      const kept = meshes.map((mesh) => mesh.material);
      const hidden = [];
      scene.traverse((node) => { if ((node.isMesh || node.isLineSegments) && !meshes.includes(node) && node.visible) { hidden.push(node); node.visible = false; } });
      meshes.forEach((mesh, k) => { mesh.material = material(mesh, k); });
      renderer.setRenderTarget(target);
      renderer.setScissorTest(false);
      renderer.clear();
      renderer.render(scene, camera);
      const pixels = new Uint8Array(4 * target.width * target.height);
      renderer.readRenderTargetPixels(target, 0, 0, target.width, target.height, pixels);
      renderer.setRenderTarget(null);
      meshes.forEach((mesh, k) => { mesh.material = kept[k]; });
      for (const node of hidden) node.visible = true;
      return pixels;
    };

    // The surface under a rectangle of the canvas (CSS pixels): [{ point: [x, y, z], part, depth }], one a sample.
    const read = (left, top, width, height) => {
      const { camera, canvas } = view, [model] = view.models;
      const [whole, high] = [canvas.clientWidth, canvas.clientHeight];
      const scale = Math.min(1, MOST / Math.max(width, height));
      const [columns, rows] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
      const target = new three.WebGLRenderTarget(columns, rows, { magFilter: three.NearestFilter, minFilter: three.NearestFilter });
      camera.setViewOffset(whole, high, left, top, width, height);
      range.value.set(camera.near, camera.far);
      const pixels = photograph(target, model.meshes);
      camera.clearViewOffset();
      target.dispose();
      const slope = Math.tan((camera.fov * Math.PI) / 360), found = [];
      for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) {
        const [a, b, c, number] = pixels.subarray(4 * (row * columns + column));
        if (!number) continue;
        const depth = camera.near + ((a * 65536 + b * 256 + c) / 16777215) * (camera.far - camera.near);
        const x = (2 * (left + ((column + 0.5) / columns) * width)) / whole - 1;
        const y = 1 - (2 * (top + (1 - (row + 0.5) / rows) * height)) / high; // rows are read from the lowest up
        const point = new three.Vector3(x * slope * camera.aspect * depth, y * slope * depth, -depth).applyMatrix4(camera.matrixWorld);
        found.push({ point: point.toArray(), part: model.meshes[number - 1]?.part ?? "", depth });
      }
      return found;
    };

    const close = () => { for (const each of materials.values()) each.dispose(); };
    return { read, at: (x, y) => read(x - 0.5, y - 0.5, 1, 1)[0] ?? null, close };
  };
}
