// The viewer's drawing surface: studio light, ground shadow, dimension box, and one picture whenever something changed.
"use strict";

{
  const STUDIO = [ // soft boxes around the object: [position, size, brightness]; a room reflects in metal, a plain sky does not
    [[0, 6, 0], [7, 0.1, 7], 9], [[6, 2.5, 3], [0.1, 4, 5], 7], [[-6, 2, 2], [0.1, 5, 5], 3.5], [[0, 2, -6], [7, 3, 0.1], 3], [[1, 1.5, 7], [4, 3, 0.1], 2.2],
  ];

  const studio = (renderer, soft) => {
    const room = new three.Scene(), box = new three.BoxGeometry(1, 1, 1);
    const add = (position, size, colour, side) => {
      const wall = new three.Mesh(box, new three.MeshBasicMaterial({ color: colour, side }));
      wall.position.set(...position);
      wall.scale.set(...size);
      room.add(wall);
    };
    add([0, 2, 0], [16, 14, 16], new three.Color(0.42, 0.42, 0.44), three.BackSide);
    for (const [position, size, light] of STUDIO) add(position, size, new three.Color(light, light, light), 0);
    const maker = new three.PMREMGenerator(renderer);
    const { texture } = maker.fromScene(room, soft ? 0 : 0.035, 0.1, 100, { size: soft ? 32 : 128 });
    maker.dispose();
    return texture;
  };

  const sun = () => {
    const light = new three.DirectionalLight("#fff", 1.1);
    light.castShadow = true;
    light.shadow.mapSize.set(1024, 1024);
    light.shadow.radius = 6;
    light.shadow.bias = -0.0006;
    light.shadow.normalBias = 0.02;
    return light;
  };

  // The shadow's frame follows the model: what a fixed one would miss or blur.
  const aim = (light, ground, box) => {
    const size = box.getSize(new three.Vector3()), middle = box.getCenter(new three.Vector3());
    const reach = Math.max(size.length(), 1e-6);
    light.position.copy(middle).add(new three.Vector3(0.35, 1, 0.45).multiplyScalar(reach));
    light.target.position.copy(middle);
    light.target.updateMatrixWorld();
    Object.assign(light.shadow.camera, { left: -reach * 0.8, right: reach * 0.8, top: reach * 0.8, bottom: -reach * 0.8, near: reach * 0.1, far: reach * 3 });
    light.shadow.camera.updateProjectionMatrix();
    light.shadow.normalBias = reach * 0.002;
    ground.position.set(middle.x, box.min.y - reach * 1e-4, middle.z);
    ground.scale.setScalar(reach * 2.2);
  };

  meshmill.hasWebgl = () => {
    try {
      return Boolean(document.createElement("canvas").getContext("webgl2"));
    } catch {
      return false;
    }
  };

  // Whether pixels are computed by the processor: a lit frame of 900 × 800 then takes seconds, so it is made plainer.
  const drawnBySoftware = (renderer) => {
    const gl = renderer.getContext(), told = gl.getExtension("WEBGL_debug_renderer_info");
    return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(told ? gl.getParameter(told.UNMASKED_RENDERER_WEBGL) : "");
  };

  // A canvas with one or two models seen by one camera; `panes` says who is drawn where.
  meshmill.createScene = (canvas, { onframe = () => {}, onlost = () => {} } = {}) => {
    const renderer = new three.WebGLRenderer({ canvas, antialias: true, alpha: true });
    const soft = drawnBySoftware(renderer);
    renderer.toneMapping = three.NeutralToneMapping;
    renderer.shadowMap.enabled = true;
    renderer.shadowMap.type = three.PCFShadowMap;
    renderer.shadowMap.autoUpdate = false; // nothing but the camera moves: drawn when the models change
    renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    const scene = new three.Scene(), light = sun();
    scene.environment = studio(renderer, soft);
    scene.environmentIntensity = 0.62;
    const ground = new three.Mesh(new three.PlaneGeometry(1, 1).rotateX(-Math.PI / 2), new three.ShadowMaterial({ opacity: 0.22, depthWrite: false }));
    ground.receiveShadow = true;
    scene.add(light, light.target, ground);
    const camera = new three.PerspectiveCamera(30, 1, 0.01, 100);
    const view = { renderer, scene, camera, canvas, models: [], overlays: [], split: null, mode: "shaded" };
    let waiting = 0, closed = false;

    const place = (aspect) => {
      const reach = view.models.reduce((most, model) => Math.max(most, model.box.getSize(new three.Vector3()).length()), 1e-6);
      camera.position.set(...orbit.eye());
      camera.fov = orbit.fov;
      camera.aspect = aspect;
      camera.near = Math.max(orbit.distance - 3 * reach, orbit.distance * 0.01, 1e-7);
      camera.far = orbit.distance + 4 * reach;
      camera.lookAt(...orbit.target);
      camera.updateProjectionMatrix();
      camera.updateMatrixWorld();
    };
    const paint = (shown, x, width, whole, height) => {
      for (const model of view.models) model.scene.visible = model === shown;
      renderer.shadowMap.needsUpdate ||= Boolean(view.split); // two models share one shadow
      renderer.setScissor(x, 0, width, height);
      renderer.setViewport(whole ? 0 : x, 0, whole || width, height);
      renderer.render(scene, camera);
    };
    view.draw = () => {
      waiting = 0;
      const width = canvas.clientWidth, height = canvas.clientHeight;
      if (closed || !view.models.length || !width || !height) return;
      const { split } = view, half = split?.side ? width / 2 : width;
      place(half / height);
      renderer.setScissorTest(Boolean(split));
      if (!split) paint(view.models[0], 0, width, width, height);
      else if (split.side) view.models.forEach((model, k) => paint(model, k * half, half, 0, height));
      else {
        const edge = Math.round(width * split.at);
        paint(view.models[0], 0, edge, width, height);
        paint(view.models[1], edge, width - edge, width, height);
      }
      onframe(view);
    };
    view.change = () => { waiting ||= requestAnimationFrame(view.draw); };
    const orbit = view.orbit = meshmill.orbit(canvas, view.change);

    view.setModels = (models) => {
      for (const model of view.models) if (!models.includes(model)) scene.remove(model.scene);
      view.models = models;
      for (const model of models) {
        scene.add(model.scene);
        for (const mesh of model.meshes) mesh.castShadow = true;
      }
      const all = models.reduce((box, model) => box.union(model.box), new three.Box3());
      if (!all.isEmpty()) aim(light, ground, all);
      renderer.shadowMap.needsUpdate = true;
      view.setMode(view.mode);
    };
    view.setMode = (mode) => {
      view.mode = mode;
      for (const model of view.models) meshmill.showMode(model, mode);
      const lit = meshmill.lit(mode);
      ground.visible = lit;
      renderer.toneMapping = lit ? three.NeutralToneMapping : 0;
      view.change();
    };
    view.frame = (direction, margin) => {
      const points = view.models.flatMap((model) => meshmill.modelPoints(model));
      const width = view.split?.side ? canvas.clientWidth / 2 : canvas.clientWidth;
      orbit.frame(points, width / Math.max(1, canvas.clientHeight), direction, margin);
    };
    // Where a point of the scene lies in the canvas, in CSS pixels.
    view.toCanvas = (point) => {
      const at = new three.Vector3(...point).project(camera);
      return [((at.x + 1) / 2) * canvas.clientWidth, ((1 - at.y) / 2) * canvas.clientHeight, at.z];
    };
    const size = new three.Vector2();
    const fit = () => {
      renderer.getSize(size);
      if (!canvas.clientWidth || !canvas.clientHeight || (size.x === canvas.clientWidth && size.y === canvas.clientHeight)) return;
      renderer.setSize(canvas.clientWidth, canvas.clientHeight, false);
      view.draw();
    };
    const watch = new ResizeObserver(fit);
    watch.observe(canvas);
    fit();
    canvas.addEventListener("webglcontextlost", () => { if (!closed) onlost(); });
    view.close = () => {
      closed = true;
      watch.disconnect();
      cancelAnimationFrame(waiting);
      scene.environment.dispose();
      for (const model of view.models) for (const mesh of model.meshes) mesh.geometry.dispose();
      renderer.dispose();
      renderer.forceContextLoss(); // a browser allows some sixteen contexts; paging through assets makes one each
    };
    return view;
  };
}
