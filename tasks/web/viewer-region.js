// Marking a region of the model for a refinement: parts by name or click, boxes by rectangle, dabs of a brush.
"use strict";

{
  const { element: el } = meshmill;
  const t = (key, values) => meshmill.text(`viewer.${key}`, values);
  const MOST_DABS = 400; // of a region: a longer list says no more and fills the table's cell
  const EXAMPLES = ["legs", "blade", "handle", "worn"];
  const short = (value) => Number(value.toPrecision(5));

  // The region of a refinement, in metres of the master: what was marked, in the order of marking.
  meshmill.regionOf = (marks) => {
    const of = (kind) => marks.filter((mark) => mark.kind === kind);
    const region = {};
    if (of("part").length) region.parts = of("part").map((mark) => mark.name);
    if (of("box").length) region.boxes = of("box").map(({ min, max }) => ({ min: min.map(short), max: max.map(short) }));
    if (of("brush").length) region.spheres = of("brush").flatMap((mark) => mark.dabs).map((dab) => dab.map(short));
    return region;
  };

  // The box around surface points, a little wider so that the points lie inside; the view's main axis is its depth.
  meshmill.boxAround = (points, back, bounds, size) => {
    const axis = [0, 1, 2].reduce((best, k) => (Math.abs(back[k]) > Math.abs(back[best]) ? k : best), 0);
    const min = [0, 1, 2].map((k) => points.reduce((low, point) => Math.min(low, point[k]), Infinity) - 0.004 * size);
    const max = [0, 1, 2].map((k) => points.reduce((high, point) => Math.max(high, point[k]), -Infinity) + 0.004 * size);
    const front = back[axis] > 0; // the viewer is on the axis' positive side, so the box grows towards its negative end
    return { kind: "box", min, max, axis, front, shallow: front ? min[axis] : max[axis], deep: front ? bounds.min.getComponent(axis) - 0.004 * size : bounds.max.getComponent(axis) + 0.004 * size };
  };

  // share 0: what was seen; 1: through the whole asset.
  meshmill.deepen = (box, share) => {
    const end = box.shallow + share * (box.deep - box.shallow);
    (box.front ? box.min : box.max)[box.axis] = end;
  };

  meshmill.markRegion = (stage) => new Marking(stage).close;

  class Marking {
    constructor(stage) {
      const { view, card } = stage;
      Object.assign(this, { stage, view, card, marks: [], tool: "part", radius: 0.06, listeners: [] });
      this.close = () => this.end();
      this.ready = stage.showLevel(0).then(() => this.begin());
    }

    begin() {
      if (this.stage.tab !== "mark") return;
      const { view, stage } = this;
      this.size = stage.model.box.getSize(new three.Vector3()).length();
      // An atlas holds all parts in one mesh: their boxes, which the ledger carries, stand for them.
      this.boxes = new Map((this.card.parts ?? []).map((part) => [part.name, part]));
      this.names = this.boxes.size ? [...this.boxes.keys()] : stage.model.parts;
      this.picker = meshmill.createPicker(view);
      this.tint = meshmill.createTint(view);
      this.rectangle = el("div", { class: "rectangle", hidden: true });
      this.ring = el("div", { class: "ring", hidden: true });
      this.outline = el("div", { class: "outline", "aria-hidden": "true" });
      stage.frame.append(this.rectangle, this.ring, this.outline);
      stage.ondraw = () => this.outlines();
      for (const name of ["pointerdown", "pointermove", "pointerup", "pointerleave", "pointercancel", "wheel", "keydown"]) {
        const listen = (event) => this[name]?.(event);
        stage.canvas.addEventListener(name, listen, { passive: false, capture: true });
        this.listeners.push([name, listen]);
      }
      stage.panel.replaceChildren(...this.controls());
      this.choose("part");
      this.show();
    }

    end() {
      const { stage, view } = this;
      for (const [name, listen] of this.listeners) stage.canvas.removeEventListener(name, listen, { capture: true });
      for (const node of [this.rectangle, this.ring, this.outline]) node?.remove();
      this.tint?.close();
      this.picker?.close();
      stage.ondraw = null;
      view.orbit.enabled = true;
      delete stage.frame.dataset.tool;
    }

    // --- controls ------------------------------------------------------------------------------------------------
    controls() {
      const button = (name, act, options = {}) => el("button", { type: "button", "data-mark": name, text: t(`mark.${name}`), onclick: act, ...options });
      this.toolButtons = ["turn", "part", "box", "brush"].map((name) => button(name, () => this.choose(name)));
      this.radiusInput = el("input", { type: "range", min: "0.01", max: "0.25", step: "0.005", value: String(this.radius), oninput: (event) => this.setRadius(Number(event.target.value)) });
      this.depthInput = el("input", { type: "range", min: "0", max: "1", step: "0.01", value: "0", oninput: (event) => this.setDepth(Number(event.target.value)) });
      this.radiusRow = el("label", { class: "slide" }, el("span", { text: t("mark.radius") }), this.radiusInput);
      this.depthRow = el("label", { class: "slide" }, el("span", { text: t("mark.depth") }), this.depthInput);
      this.undoButton = button("undo", () => { this.marks.pop(); this.show(); });
      this.clearButton = button("clear", () => { this.marks = []; this.show(); });
      this.partButtons = this.names.map((name) => el("button", { type: "button", "data-part": name, text: name, onclick: () => this.togglePart(name) }));
      this.summary = el("p", { class: "marked", "data-region": "" });
      this.instruction = el("input", { type: "text", id: "instruction", maxlength: "400", autocomplete: "off", placeholder: t("mark.placeholder"), oninput: () => this.allow(), onkeydown: (event) => { if (event.key === "Enter") this.add(); } });
      this.addButton = el("button", { type: "button", class: "primary", "data-mark": "add", text: t("mark.add"), onclick: () => this.add() });
      const examples = EXAMPLES.map((name) => el("button", { type: "button", class: "example", text: t(`example.${name}`), onclick: () => { this.instruction.value = t(`example.${name}`); this.allow(); this.instruction.focus(); } }));
      return [
        el("div", { class: "row" }, el("div", { class: "modes", role: "group", "aria-label": t("mark.tools") }, this.toolButtons), this.radiusRow, this.depthRow,
          el("span", { class: "end" }, this.undoButton, this.clearButton)),
        el("div", { class: "row parts", role: "group", "aria-label": t("mark.parts") }, el("span", { class: "quiet", text: t("mark.parts") }), this.partButtons),
        this.summary,
        el("div", { class: "row wish" }, el("label", { for: "instruction", text: t("mark.instruction") }), this.instruction, this.addButton),
        el("div", { class: "row examples", role: "group", "aria-label": t("mark.examples") }, el("span", { class: "quiet", text: t("mark.examples") }), examples),
      ];
    }

    choose(tool) {
      this.tool = tool;
      for (const button of this.toolButtons) button.setAttribute("aria-pressed", String(button.dataset.mark === tool));
      this.view.orbit.enabled = tool === "turn" || tool === "part";
      this.stage.frame.dataset.tool = tool;
      this.radiusRow.hidden = tool !== "brush";
      this.depthRow.hidden = tool !== "box";
      this.ring.hidden = true;
      this.stage.say(t(`how.${tool}`));
    }

    setRadius(share) {
      this.radius = Math.min(0.25, Math.max(0.01, share));
      this.radiusInput.value = String(this.radius);
      this.radiusInput.setAttribute("aria-valuetext", meshmill.metres(this.radius * this.size));
      if (this.ringAt) this.showRing(this.ringAt);
    }

    setDepth(share) {
      const box = this.marks.findLast((mark) => mark.kind === "box");
      if (!box) return;
      meshmill.deepen(box, share);
      this.show();
    }

    allow() { this.addButton.disabled = !this.instruction.value.trim(); }

    // --- marks ---------------------------------------------------------------------------------------------------
    togglePart(name) {
      const at = this.marks.findIndex((mark) => mark.kind === "part" && mark.name === name);
      if (at < 0) this.marks.push({ kind: "part", name }); else this.marks.splice(at, 1);
      this.show();
    }

    show() {
      const marked = new Set(this.marks.filter((mark) => mark.kind === "part").map((mark) => mark.name));
      const stand = [...marked].map((name) => this.boxes.get(name)).filter(Boolean);
      const dabs = this.marks.flatMap((mark) => mark.dabs ?? []).map(([x, y, z, radius]) => ({ centre: [x, y, z], radius }));
      this.tint.show(this.boxes.size ? new Set() : marked, [...stand, ...this.marks.filter((mark) => mark.kind === "box"), ...dabs]);
      for (const button of this.partButtons) button.setAttribute("aria-pressed", String(marked.has(button.dataset.part)));
      this.undoButton.disabled = this.clearButton.disabled = !this.marks.length;
      this.depthInput.disabled = !this.marks.some((mark) => mark.kind === "box");
      const region = meshmill.regionOf(this.marks);
      this.summary.dataset.region = this.marks.length ? JSON.stringify(region) : "";
      const said = [region.parts?.join(", "), region.boxes && t("mark.boxes", { n: region.boxes.length }), region.spheres && t("mark.dabs", { n: region.spheres.length })].filter(Boolean);
      this.summary.textContent = said.length ? `${t("mark.region")}: ${said.join(" + ")}` : t("mark.whole");
      this.allow();
    }

    outlines() {
      const boxes = this.marks.filter((mark) => mark.kind === "box");
      this.outline.replaceChildren(...boxes.map(({ min, max }) => meshmill.boxDrawing(this.view, { min: new three.Vector3(...min), max: new three.Vector3(...max) }, "box")));
    }

    add() {
      const instruction = this.instruction.value.trim();
      if (!instruction) return;
      meshmill.review.addRefinement({ parent: this.card.id, instruction, region: this.marks.length ? meshmill.regionOf(this.marks) : null });
      this.instruction.value = "";
      this.marks = [];
      this.show();
      this.stage.say(t("mark.added", { instruction }));
    }

    // --- pointer -------------------------------------------------------------------------------------------------
    at(event) {
      const frame = this.stage.canvas.getBoundingClientRect();
      return [event.clientX - frame.left, event.clientY - frame.top];
    }

    pointerdown(event) {
      if (event.button !== 0 || event.shiftKey) return;
      this.from = this.at(event);
      if (this.tool === "part" || this.tool === "turn") return;
      event.stopImmediatePropagation();
      this.stage.canvas.setPointerCapture(event.pointerId);
      if (this.tool === "brush") {
        this.stroke = { kind: "brush", dabs: [] };
        this.dab(this.from);
      }
    }

    pointermove(event) {
      const to = this.at(event);
      if (this.tool === "brush") {
        if (this.stroke) this.dab(to); else this.showRing(to);
      } else if (this.tool === "box" && this.from) {
        const [left, top, width, height] = this.span(to);
        Object.assign(this.rectangle.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
        this.rectangle.hidden = false;
      }
    }

    pointerup(event) {
      const to = this.at(event), still = this.from && Math.hypot(to[0] - this.from[0], to[1] - this.from[1]) < 4;
      if (this.tool === "part" && still) this.pickPart(to);
      if (this.tool === "box" && this.from && !still) this.box(to);
      this.pointercancel();
    }

    pointercancel() {
      this.from = this.stroke = null;
      this.rectangle.hidden = true;
    }

    pointerleave() { this.ring.hidden = true; this.ringAt = null; }

    wheel(event) {
      if (this.tool !== "brush") return;
      event.preventDefault();
      this.setRadius(this.radius * Math.exp(-event.deltaY * 0.001));
    }

    keydown(event) {
      if (this.tool === "brush" && (event.key === "[" || event.key === "]")) {
        event.preventDefault();
        event.stopPropagation();
        this.setRadius(this.radius * (event.key === "]" ? 1.15 : 1 / 1.15));
      }
    }

    span([x, y]) {
      const [a, b] = this.from;
      return [Math.min(a, x), Math.min(b, y), Math.abs(a - x), Math.abs(b - y)];
    }

    pickPart([x, y]) {
      const hit = this.picker.at(x, y);
      if (!hit) return;
      if (!this.boxes.size) { this.togglePart(hit.part); return; }
      const slack = 0.005 * this.size;
      const holds = ({ min, max }) => hit.point.every((value, k) => value >= min[k] - slack && value <= max[k] + slack);
      const room = ({ min, max }) => max.reduce((product, value, k) => product * Math.max(value - min[k], slack), 1);
      const [part] = [...this.boxes.values()].filter(holds).sort((a, b) => room(a) - room(b));
      if (part) this.togglePart(part.name);
    }

    box(to) {
      const found = this.picker.read(...this.span(to)).map((hit) => hit.point);
      if (!found.length) { this.stage.say(t("mark.nothing")); return; }
      this.marks.push(meshmill.boxAround(found, this.view.orbit.axes().back, this.stage.model.box, this.size));
      this.depthInput.value = "0";
      this.show();
      this.stage.say(this.summary.textContent);
    }

    dab(at) {
      this.showRing(at);
      const hit = this.picker.at(...at);
      if (!hit) return;
      const radius = this.radius * this.size;
      const dabs = this.marks.flatMap((mark) => mark.dabs ?? []);
      const near = dabs.some(([x, y, z, r]) => r >= radius && Math.hypot(hit.point[0] - x, hit.point[1] - y, hit.point[2] - z) < 0.4 * radius);
      if (near) return;
      if (dabs.length >= MOST_DABS) { this.stage.say(t("mark.full", { n: MOST_DABS })); return; }
      if (!this.stroke.dabs.length) this.marks.push(this.stroke);
      this.stroke.dabs.push([...hit.point, radius]);
      this.show();
    }

    showRing([x, y]) {
      this.ringAt = [x, y];
      const { orbit, canvas } = this.view;
      const pixels = (this.radius * this.size * canvas.clientHeight) / (2 * Math.tan((orbit.fov * Math.PI) / 360) * orbit.distance);
      Object.assign(this.ring.style, { left: `${x - pixels}px`, top: `${y - pixels}px`, width: `${2 * pixels}px`, height: `${2 * pixels}px` });
      this.ring.hidden = false;
    }
  }
}
