// The UV layout: the atlas as a flat picture, its base colour dimmed, with the triangles that lie in it.
"use strict";

{
  const SIZE = 1024; // pixels of the drawing's edge
  const MARGIN = 8;

  const image = (texture) => texture?.image ?? null;

  // The square 0–1 first; coordinates outside it repeat and are drawn folded back into it.
  const triangles = (draw, mesh, edge) => {
    const uv = mesh.geometry.getAttribute("uv"), index = mesh.geometry.index;
    if (!uv) return;
    const count = index ? index.count : uv.count;
    const corner = (i) => { const k = index ? index.getX(i) : i; return [uv.getX(k), uv.getY(k)]; };
    draw.beginPath();
    for (let i = 0; i + 2 < count; i += 3) {
      const three = [corner(i), corner(i + 1), corner(i + 2)];
      const shift = [0, 1].map((k) => Math.floor((three[0][k] + three[1][k] + three[2][k]) / 3));
      three.forEach(([u, v], k) => {
        const [x, y] = [(u - shift[0]) * edge, (v - shift[1]) * edge];
        if (k) draw.lineTo(x, y); else draw.moveTo(x, y);
      });
      draw.closePath();
    }
    draw.fill();
    draw.stroke();
  };

  meshmill.drawLayout = (canvas, model) => {
    canvas.width = canvas.height = SIZE;
    const draw = canvas.getContext("2d"), edge = SIZE - 2 * MARGIN;
    draw.fillStyle = "#16181c";
    draw.fillRect(0, 0, SIZE, SIZE);
    draw.translate(MARGIN, MARGIN);
    const map = model.materials.map((own) => image(own.map)).find(Boolean);
    if (map) draw.drawImage(map, 0, 0, edge, edge);
    draw.fillStyle = "rgb(16 18 22 / 38%)";
    draw.fillRect(0, 0, edge, edge);
    draw.lineWidth = Math.max(0.35, Math.min(1.1, 900 / Math.sqrt(model.triangles + 1) / 12));
    draw.lineJoin = "round";
    model.meshes.forEach((mesh, k) => {
      const hue = (165 + 47 * k) % 360;
      draw.strokeStyle = `hsl(${hue} 70% 72% / 85%)`;
      draw.fillStyle = `hsl(${hue} 70% 60% / 12%)`;
      triangles(draw, mesh, edge);
    });
    draw.strokeStyle = "rgb(255 255 255 / 55%)";
    draw.lineWidth = 1.5;
    draw.strokeRect(0, 0, edge, edge);
    draw.setTransform(1, 0, 0, 1, 0, 0);
  };
}
