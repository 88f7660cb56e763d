// A model as the viewer holds it: read from a GLB, counted, and dressed in the materials of each display mode.
"use strict";

{
  // Not drawn: collision bodies and lower levels of detail in the same file, as engines name them.
  const UNSEEN = /^U(CX|BX|CP|SP)_|-(col|convcol|colonly|convcolonly)$|_LOD[1-9]\d*$/;

  meshmill.readModel = async (source) => {
    const answer = await (source.startsWith("data:") ? decoded(source) : fetched(source));
    const { scene } = await new three.GLTFLoader().parseAsync(answer, "");
    scene.updateMatrixWorld(true);
    const all = [];
    scene.traverse((node) => { if (node.isMesh && node.geometry.getAttribute("position")) all.push(Object.assign(node, { part: partName(node), own: node.material })); });
    if (!all.length) throw new Error("the file holds no mesh");
    const seen = all.filter((mesh) => !UNSEEN.test(mesh.part));
    for (const mesh of all) mesh.visible = !seen.length || seen.includes(mesh);
    return described(scene, seen.length ? seen : all);
  };

  // A primitive of a mesh with several is a child without a name of its own.
  const partName = (node) => {
    for (let at = node; at; at = at.parent) if (at.userData.name) return at.userData.name;
    return node.name || "part";
  };
  const decoded = (source) => Uint8Array.from(atob(source.slice(source.indexOf(",") + 1)), (letter) => letter.charCodeAt(0)).buffer;
  const fetched = async (source) => {
    const answer = await fetch(source);
    if (!answer.ok) throw new Error(`${source} answered ${answer.status}`);
    return answer.arrayBuffer();
  };

  const described = (scene, meshes) => {
    const box = new three.Box3();
    for (const mesh of meshes) box.expandByObject(mesh, true);
    const triangles = meshes.reduce((sum, { geometry }) => sum + (geometry.index ?? geometry.getAttribute("position")).count / 3, 0);
    const materials = [...new Set(meshes.map((mesh) => mesh.own))];
    const every = (test) => meshes.some((mesh) => test(mesh.own, mesh.geometry));
    const has = {
      uv: every((_, geometry) => geometry.getAttribute("uv")), ao: every((material) => material.aoMap),
      wires: triangles > 0, normal: every((material) => material.normalMap),
    };
    return { scene, meshes, box, triangles, materials, has, parts: [...new Set(meshes.map((mesh) => mesh.part))] };
  };

  // Every third number a coordinate, in the scene's metres; framing needs no more than some ten thousand points.
  meshmill.modelPoints = (model, most = 20000) => {
    const all = [], point = new three.Vector3();
    const count = model.meshes.reduce((sum, mesh) => sum + mesh.geometry.getAttribute("position").count, 0);
    const step = Math.max(1, Math.floor(count / most));
    for (const mesh of model.meshes) {
      const position = mesh.geometry.getAttribute("position");
      for (let i = 0; i < position.count; i += step) all.push(...point.fromBufferAttribute(position, i).applyMatrix4(mesh.matrixWorld));
    }
    const { min, max } = model.box; // what a step left out lies inside the box, whose corners may be far from the surface
    return all.length ? all : [...min, ...max];
  };

  // --- display modes ---------------------------------------------------------------------------------------------
  const checker = () => {
    const size = 1024, cells = 16, canvas = Object.assign(document.createElement("canvas"), { width: size, height: size });
    const draw = canvas.getContext("2d"), cell = size / cells;
    draw.font = `600 ${cell * 0.4}px system-ui, sans-serif`;
    draw.textAlign = "center";
    draw.textBaseline = "middle";
    for (let row = 0; row < cells; row++) for (let column = 0; column < cells; column++) {
      const hue = (360 * column) / cells, light = (row + column) % 2 ? 68 : 42;
      draw.fillStyle = `hsl(${hue} ${26 + 3 * row}% ${light}%)`;
      draw.fillRect(column * cell, row * cell, cell, cell);
      draw.fillStyle = light > 60 ? "#222" : "#fff";
      draw.fillText("ABCDEFGHIJKLMNOP"[column] + (row + 1), (column + 0.5) * cell, (row + 0.53) * cell);
    }
    const texture = new three.CanvasTexture(canvas);
    texture.repeat.set(2, 2);
    Object.assign(texture, { colorSpace: three.SRGBColorSpace, flipY: false, anisotropy: 8, wrapS: three.RepeatWrapping, wrapT: three.RepeatWrapping });
    return texture;
  };

  // One channel of a map as grey, its number shown as it is stored: 0.5 is the middle grey 128.
  const channel = (map, pick, factor, side) => new three.ShaderMaterial({
    side, uniforms: { map: { value: map }, pick: { value: pick }, factor: { value: factor }, matrix: { value: map?.matrix ?? null } },
    defines: { ...(map ? { MAPPED: "" } : {}), PLACE: map?.channel ? "uv1" : "uv" },
    vertexShader: `${map?.channel ? "attribute vec2 uv1;" : ""} uniform mat3 matrix; varying vec2 at;
      void main() {
        #ifdef MAPPED
          at = (matrix * vec3(PLACE, 1.0)).xy;
        #endif
        gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
      }`,
    fragmentShader: `uniform sampler2D map; uniform vec3 pick; uniform float factor; varying vec2 at;
      void main() {
        float value = factor;
        #ifdef MAPPED
          value *= dot(texture2D(map, at).rgb, pick);
        #endif
        gl_FragColor = vec4(vec3(value), 1.0);
      }`,
  });

  const shared = {};
  const colour = (own) => ({ color: own.color, map: own.map, vertexColors: own.vertexColors, side: own.side, alphaTest: own.alphaTest, transparent: own.transparent, opacity: own.opacity });
  const dress = {
    checker: (own) => {
      shared.checker ??= checker();
      return new three.MeshLambertMaterial({ map: shared.checker, emissive: "#fff", emissiveMap: shared.checker, emissiveIntensity: 0.3, side: own.side });
    },
    normals: (own) => new three.MeshNormalMaterial({ normalMap: own.normalMap, normalScale: own.normalScale, side: own.side }),
    base: (own) => new three.MeshBasicMaterial(colour(own)),
    roughness: (own) => channel(own.roughnessMap, new three.Vector3(0, 1, 0), own.roughness ?? 1, own.side),
    metallic: (own) => channel(own.metalnessMap, new three.Vector3(0, 0, 1), own.metalness ?? 0, own.side),
    occlusion: (own) => channel(own.aoMap, new three.Vector3(1, 0, 0), 1, own.side),
    matt: (own) => new three.MeshLambertMaterial({ color: "#c9ccd1", emissive: "#5b6068", side: own.side }),
  };
  const plain = new WeakMap(); // glTF's own material → { mode: material that shows it }

  // The mesh's three materials: its own is lit as it is; every other mode is made once a material and kept.
  const material = (own, geometry, mode) => {
    const wanted = mode === "checker" && !geometry.getAttribute("uv") ? "matt" : mode;
    if (!dress[wanted]) return own;
    const made = plain.get(own) ?? {};
    plain.set(own, made);
    return made[wanted] ??= dress[wanted](own);
  };

  // Every edge once: pairs of vertices, sorted as numbers.
  const edges = (geometry) => {
    const index = geometry.index?.array, count = geometry.getAttribute("position").count;
    const corners = index?.length ?? count, at = index ? (i) => index[i] : (i) => i;
    const keys = new Float64Array(corners);
    for (let i = 0; i < corners; i++) {
      const a = at(i), b = at(i % 3 === 2 ? i - 2 : i + 1);
      keys[i] = Math.min(a, b) * count + Math.max(a, b);
    }
    keys.sort();
    const list = [];
    for (let i = 0; i < corners; i++) if (i === 0 || keys[i] !== keys[i - 1]) list.push(Math.floor(keys[i] / count), keys[i] % count);
    const lines = new three.BufferGeometry();
    lines.setAttribute("position", geometry.getAttribute("position"));
    lines.setIndex(new three.BufferAttribute(new Uint32Array(list), 1));
    return lines;
  };

  const wires = (mesh, shown) => {
    if (!mesh.wires && shown) {
      mesh.wires = new three.LineSegments(edges(mesh.geometry), new three.LineBasicMaterial({ color: "#101418", transparent: true, opacity: 0.55, depthWrite: false }));
      mesh.add(mesh.wires);
    }
    if (mesh.wires) mesh.wires.visible = shown;
  };

  meshmill.showMode = (model, mode) => {
    for (const mesh of model.meshes) {
      mesh.material = material(mesh.own, mesh.geometry, mode);
      const offset = mode === "wireframe"; // pushes the surface back, so that its edges are not half hidden in it
      Object.assign(mesh.material, { polygonOffset: offset, polygonOffsetFactor: 1, polygonOffsetUnits: 1 });
      wires(mesh, offset);
    }
  };

  meshmill.lit = (mode) => mode === "shaded" || mode === "wireframe";
}
