// The box around a model with its width, height and depth in metres, drawn over the viewer's picture.
"use strict";

{
  const { element: el } = meshmill;

  meshmill.metres = (value) => `${value >= 10 ? value.toFixed(2) : value >= 0.01 ? value.toFixed(3) : Number(value.toPrecision(3))} m`;

  const corner = ({ min, max }, bits) => [bits & 1 ? max.x : min.x, bits & 2 ? max.y : min.y, bits & 4 ? max.z : min.z];
  const EDGES = [0, 1, 2].flatMap((axis) => [0, 1, 2, 3, 4, 5, 6, 7].filter((bits) => !(bits & (1 << axis))).map((bits) => [bits, bits | (1 << axis), axis]));

  meshmill.boxLines = (view, box) => EDGES.map(([a, b, axis]) => {
    const [from, to] = [view.toCanvas(corner(box, a)), view.toCanvas(corner(box, b))];
    return { from, to, axis, depth: from[2] + to[2] };
  });

  const path = (lines) => lines.map(({ from, to }) => `M${from[0].toFixed(1)} ${from[1].toFixed(1)}L${to[0].toFixed(1)} ${to[1].toFixed(1)}`).join("");
  meshmill.boxDrawing = (view, box, name) => {
    const { clientWidth: width, clientHeight: height } = view.canvas;
    return el("svg", { class: name, viewBox: `0 0 ${width} ${height}` }, el("path", { d: path(meshmill.boxLines(view, box)) }));
  };

  // Of the four edges along an axis the label goes to the one at the picture's rim: left for heights, low for the others.
  meshmill.drawSizes = (node, view, box) => {
    const size = box.getSize(new three.Vector3()), lines = meshmill.boxLines(view, box);
    const middle = ({ from, to }) => [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
    const labels = [size.x, size.y, size.z].map((value, axis) => {
      const rank = (line) => (axis === 1 ? middle(line)[0] : -middle(line)[1]);
      const chosen = lines.filter((line) => line.axis === axis).sort((a, b) => rank(a) - rank(b))[0];
      const [x, y] = middle(chosen);
      const { clientWidth: width, clientHeight: height } = view.canvas;
      const style = { left: `${Math.min(width - 34, Math.max(34, x))}px`, top: `${Math.min(height - 14, Math.max(14, y))}px` };
      return el("span", { "data-axis": "xyz"[axis], style, text: meshmill.metres(value) });
    });
    node.replaceChildren(meshmill.boxDrawing(view, box, "box"), ...labels);
  };
}
