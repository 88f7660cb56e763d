// The viewer's camera on its orbit: drag, wheel, pinch and keys turn it; azimuth 0 looks at the front (+Z), 90 at +X.
"use strict";

{
  const FOV = 30; // degrees, as the posters and the comparison with pictures use
  const START = { azimuth: 35, elevation: 20 };
  const TURN = 15; // degrees a key press
  const radians = (degrees) => (degrees * Math.PI) / 180;
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

  // Unit vectors of a direction: right, up and back (towards the viewer).
  const axes = ({ azimuth, elevation }) => {
    const [a, e] = [radians(azimuth), radians(elevation)];
    const back = [Math.sin(a) * Math.cos(e), Math.sin(e), Math.cos(a) * Math.cos(e)];
    const right = [Math.cos(a), 0, -Math.sin(a)];
    const up = [-Math.sin(a) * Math.sin(e), Math.cos(e), -Math.cos(a) * Math.sin(e)];
    return { right, up, back };
  };
  const along = (point, axis) => point[0] * axis[0] + point[1] * axis[1] + point[2] * axis[2];

  // The tightest frame of points seen from a direction: a point is inside when |x − c| ≤ slope·(d − z), so both planes'
  // offsets are extrema over the points and no iteration is needed.
  const framed = (points, direction, aspect, margin) => {
    const { right, up, back } = axes(direction);
    const slope = Math.tan(radians(FOV / 2)) / margin;
    const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
    for (let i = 0; i + 2 < points.length; i += 3) {
      const point = [points[i], points[i + 1], points[i + 2]];
      const [x, y, z] = [along(point, right), along(point, up), along(point, back)];
      low[0] = Math.min(low[0], x - slope * aspect * z); high[0] = Math.max(high[0], x + slope * aspect * z);
      low[1] = Math.min(low[1], y - slope * z); high[1] = Math.max(high[1], y + slope * z);
      low[2] = Math.min(low[2], z); high[2] = Math.max(high[2], z);
    }
    const nearest = Math.max((high[0] - low[0]) / (2 * slope * aspect), (high[1] - low[1]) / (2 * slope));
    const middle = (low[2] + high[2]) / 2;
    const cross = [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2];
    const target = [0, 1, 2].map((k) => right[k] * cross[0] + up[k] * cross[1] + back[k] * middle);
    return { ...direction, target, distance: Math.max(nearest, high[2] + 1e-3 * (high[2] - low[2])) - middle };
  };

  // An orbit over `surface` (an element): its own state, and `changed` called after every move.
  meshmill.orbit = (surface, changed) => {
    const orbit = { ...START, target: [0, 0, 0], distance: 3, reach: 1, enabled: true, fov: FOV };
    const pointers = new Map();

    orbit.axes = () => axes(orbit);
    orbit.frame = (points, aspect, direction = START, margin = 1.22) => {
      Object.assign(orbit, framed(points, direction, aspect, margin));
      orbit.reach = orbit.distance;
      changed();
    };
    orbit.eye = () => axes(orbit).back.map((value, k) => orbit.target[k] + value * orbit.distance);
    orbit.turn = (azimuth, elevation) => {
      orbit.azimuth = (orbit.azimuth + azimuth + 360) % 360;
      orbit.elevation = clamp(orbit.elevation + elevation, -89, 89);
      changed();
    };
    orbit.zoom = (factor) => { orbit.distance = clamp(orbit.distance * factor, orbit.reach * 0.04, orbit.reach * 6); changed(); };
    orbit.pan = (x, y) => { // in pixels
      const scale = (2 * Math.tan(radians(FOV / 2)) * orbit.distance) / surface.clientHeight;
      const { right, up } = axes(orbit);
      orbit.target = orbit.target.map((value, k) => value - right[k] * x * scale + up[k] * y * scale);
      changed();
    };

    const spread = () => {
      const [a, b] = [...pointers.values()];
      return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, size: Math.hypot(a.x - b.x, a.y - b.y) };
    };
    const moved = (event, held) => {
      const [x, y] = [event.clientX - held.x, event.clientY - held.y];
      const before = pointers.size === 2 ? spread() : null;
      pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      if (before) {
        const after = spread();
        orbit.pan(after.x - before.x, after.y - before.y);
        if (after.size > 0) orbit.zoom(before.size / after.size);
      } else if (event.shiftKey || event.buttons & 2) orbit.pan(x, y);
      else orbit.turn(-x * 0.4, y * 0.4);
    };
    const drop = (event) => { pointers.delete(event.pointerId); surface.toggleAttribute("data-held", pointers.size > 0); };
    surface.addEventListener("pointerdown", (event) => {
      if (!orbit.enabled && !(event.buttons & 2)) return;
      surface.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      surface.toggleAttribute("data-held", true);
    });
    surface.addEventListener("pointermove", (event) => { const held = pointers.get(event.pointerId); if (held) moved(event, held); });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) surface.addEventListener(name, drop);
    surface.addEventListener("contextmenu", (event) => event.preventDefault());
    surface.addEventListener("wheel", (event) => {
      if (event.defaultPrevented) return;
      event.preventDefault();
      orbit.zoom(Math.exp(clamp(event.deltaY, -120, 120) * 0.0018));
    }, { passive: false });

    const keys = {
      ArrowLeft: () => orbit.turn(-TURN, 0), ArrowRight: () => orbit.turn(TURN, 0),
      ArrowUp: () => orbit.turn(0, TURN), ArrowDown: () => orbit.turn(0, -TURN),
      "+": () => orbit.zoom(0.85), "=": () => orbit.zoom(0.85), "-": () => orbit.zoom(1 / 0.85),
    };
    const shifted = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
    surface.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const act = event.shiftKey && shifted[event.key] ? () => orbit.pan(...shifted[event.key]) : keys[event.key];
      if (!act) return;
      event.preventDefault();
      event.stopPropagation();
      act();
    });
    return orbit;
  };
}
