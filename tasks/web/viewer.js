// The stage of an opened asset: its model in every display mode and level of detail, marked for refinement or compared.
"use strict";

{
  const { element: el, format, fileUrl } = meshmill;
  const t = (key, values) => meshmill.text(`viewer.${key}`, values);
  const local = location.protocol === "file:";

  const MODES = [
    ["shaded"], ["wireframe"], ["normals"], ["base"], ["roughness"], ["metallic"], ["occlusion", "ao"], ["checker", "uv"], ["layout", "uv"],
  ];
  const ICONS = {
    size: "M4 8l8-4 8 4v8l-8 4-8-4zM4 8l8 4 8-4M12 12v8",
    backdrop: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 3v18M12 7a5 5 0 0 1 0 10",
    turn: "M20 12a8 8 0 1 1-2.6-5.9M20 3v4.5h-4.5",
    reset: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5M12 12h.01",
  };

  let loading = null;
  const library = () => {
    loading ??= meshmill.script("vendor/three.js");
    loading.catch(() => { loading = null; });
    return loading;
  };

  meshmill.levels = (card) => card.outputs.filter(([kind]) => kind === "glb").sort((a, b) => a[1] - b[1]);

  // The GLB of one output: over http from beside the report, from disk out of the script that carries it.
  meshmill.loadLevel = async ([, , uri, , , embedded]) => {
    if (local && !embedded) throw new Error(t("disk"));
    await library();
    return meshmill.readModel(local ? await meshmill.load.model(embedded) : fileUrl(uri));
  };

  const iconButton = (name, act, pressed) => el("button", { type: "button", class: "icon", "data-tool": name, title: t(`tool.${name}`), "aria-label": t(`tool.${name}`), "aria-pressed": pressed === undefined ? null : String(pressed), onclick: act },
    el("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, el("path", { d: ICONS[name] })));
  const press = (button, on) => button.setAttribute("aria-pressed", String(on));

  // What shows where there is nothing to draw with: the poster and the reason.
  const still = (card, reason) => el("div", { class: "stage" },
    el("div", { class: "frame" }, meshmill.picture(card, true)),
    el("div", { class: "panel" }, meshmill.comparePictures(card), el("p", { class: "hint", role: "status", text: reason })));

  meshmill.stage = (card, hasViewer) => {
    const list = meshmill.levels(card);
    if (!list.length) return still(card, card.outcome === "passed" ? t("no-model") : "");
    if (!hasViewer) return still(card, t("not-installed"));
    if (!meshmill.hasWebgl()) return still(card, t("no-webgl"));
    return new Stage(card, list).node;
  };

  class Stage {
    constructor(card, list) {
      Object.assign(this, { card, list, models: new Map(), level: 0, mode: "shaded", tab: "look", turning: 0, sized: false });
      this.status = el("p", { class: "hint", role: "status" });
      this.canvas = el("canvas", { class: "view", tabindex: "0", role: "application", "aria-roledescription": t("canvas.role"), "aria-label": t("canvas", { name: card.title || card.id }), "aria-describedby": "view-keys" });
      this.labels = el("div", { class: "sizes", "aria-hidden": "true" });
      this.layout = el("canvas", { class: "layout", role: "img", "aria-label": t("layout.alt"), hidden: true });
      this.tools = el("div", { class: "view-tools", role: "group", "aria-label": t("tools") },
        iconButton("size", () => this.toggleSize(), false), iconButton("turn", () => this.toggleTurn(), false),
        iconButton("backdrop", () => this.toggleBackdrop(), false), iconButton("reset", () => this.reset()));
      this.frame = el("div", { class: "frame" }, meshmill.picture(card, true), this.canvas, this.labels, this.layout, this.tools,
        el("span", { id: "view-keys", class: "hidden-text", text: t("canvas.keys") }));
      this.panel = el("div", { class: "panel" });
      this.node = el("div", { class: "stage is-3d" }, this.tabs(), this.frame, this.panel, this.status);
      this.node.addEventListener("keydown", (event) => this.keep(event));
      this.showTab("look");
      queueMicrotask(() => this.start());
    }

    // Keys that a control of the stage uses itself never page to the next asset, nor decide about this one.
    keep(event) {
      const typing = event.target.matches("input, textarea, select");
      if (typing && event.key !== "Escape" && event.key !== "Tab") event.stopPropagation();
    }

    async start() {
      this.say(t("loading"));
      try {
        await library();
        if (!this.node.isConnected) return;
        this.view = meshmill.createScene(this.canvas, { onframe: () => this.drawn(), onlost: () => this.fail(t("lost")) });
        const watch = new MutationObserver(() => { if (!this.node.isConnected) { watch.disconnect(); this.close(); } });
        watch.observe(document.getElementById("detail"), { childList: true });
        await this.showLevel(0);
        this.view.frame();
      } catch (error) {
        this.fail(error.message);
      }
    }

    close() {
      cancelAnimationFrame(this.turning);
      this.view?.close();
      for (const model of this.models.values()) for (const mesh of model.meshes) mesh.geometry.dispose();
    }

    fail(reason) {
      if (!this.node.isConnected) return;
      this.frame.removeAttribute("data-loaded");
      this.canvas.hidden = this.tools.hidden = true;
      this.panel.replaceChildren(meshmill.comparePictures(this.card) ?? "");
      this.node.querySelector(".stage-tabs")?.remove();
      this.say(t("failed", { reason }));
    }

    say(words) { this.status.textContent = words; }

    // --- tabs ----------------------------------------------------------------------------------------------------
    tabs() {
      this.tabButtons = ["look", "mark", "compare"].map((name) => el("button", { type: "button", "data-tab": name, text: t(`tab.${name}`), onclick: () => this.showTab(name) }));
      return el("div", { class: "stage-tabs", role: "group", "aria-label": t("tabs") }, this.tabButtons);
    }

    showTab(name) {
      this.leaveTab?.();
      this.leaveTab = null;
      this.tab = name;
      for (const button of this.tabButtons) press(button, button.dataset.tab === name);
      if (name === "look") this.panel.replaceChildren(this.modes(), this.levels());
      else if (this.model) this[name]();
      if (name !== "look" && this.mode === "layout") this.showMode("shaded");
    }

    mark() { this.leaveTab = meshmill.markRegion(this); }
    compare() { this.leaveTab = meshmill.compare(this); }

    // --- display modes -------------------------------------------------------------------------------------------
    modes() {
      this.modeButtons = MODES.map(([mode, needs]) => el("button", { type: "button", "data-mode": mode, "data-needs": needs, text: t(`mode.${mode}`), onclick: () => this.showMode(mode) }));
      this.offer();
      return el("div", { class: "modes", role: "group", "aria-label": t("modes") }, this.modeButtons);
    }

    // A mode whose data the model lacks cannot be chosen, and says why.
    offer() {
      for (const button of this.modeButtons) {
        const { needs, mode } = button.dataset;
        button.disabled = Boolean(needs && this.model && !this.model.has[needs]);
        button.title = button.disabled ? t(`needs.${needs}`) : t(`about.${mode}`);
        press(button, mode === this.mode);
      }
      if (this.model && this.modeButtons.some((button) => button.disabled && button.dataset.mode === this.mode)) this.showMode("shaded");
    }

    showMode(mode) {
      this.mode = mode;
      for (const button of this.modeButtons) press(button, button.dataset.mode === mode);
      const flat = mode === "layout";
      this.layout.hidden = !flat;
      this.canvas.hidden = flat;
      this.labels.hidden = flat || !this.sized;
      if (flat) meshmill.drawLayout(this.layout, this.model);
      else this.view?.setMode(mode);
      this.say(this.about());
    }

    about() { return `${t(`mode.${this.mode}`)}: ${t(`about.${this.mode}`)}`; }

    // --- levels of detail ----------------------------------------------------------------------------------------
    levels() {
      const last = this.list.length - 1;
      this.levelName = el("output", { class: "level-name", for: "level" });
      this.slider = el("input", { id: "level", type: "range", min: "0", max: String(Math.max(last, 1)), step: "1", value: String(this.level), disabled: last === 0, oninput: (event) => this.showLevel(Number(event.target.value)) });
      this.nameLevel();
      return el("div", { class: "level" }, el("label", { for: "level", text: t("level") }), this.slider, this.levelName);
    }

    nameLevel() {
      const [, lod, , bytes] = this.list[this.level];
      const triangles = this.model ? t("triangles", { n: this.model.triangles }) : "";
      const words = [`LOD ${lod}`, triangles, format.bytes(bytes)].filter(Boolean).join(" · ");
      this.levelName.textContent = words;
      this.slider.setAttribute("aria-valuetext", words);
    }

    async showLevel(number) {
      this.level = number;
      const mine = this.wanted = {};
      if (!this.models.has(number)) {
        this.say(t("loading"));
        try {
          this.models.set(number, await meshmill.loadLevel(this.list[number]));
        } catch (error) {
          if (!this.models.size) throw error;
          this.say(t("failed", { reason: error.message }));
          return;
        }
      }
      if (mine !== this.wanted || !this.node.isConnected) return;
      this.model = this.models.get(number);
      this.view.setModels([this.model]);
      this.view.setMode(this.mode === "layout" ? "shaded" : this.mode);
      if (this.mode === "layout") meshmill.drawLayout(this.layout, this.model);
      this.node.dataset.triangles = String(this.model.triangles);
      this.nameLevel();
      this.offer();
      if (this.tab === "look") this.say(this.about());
    }

    // --- tools ---------------------------------------------------------------------------------------------------
    tool(name) { return this.tools.querySelector(`[data-tool=${name}]`); }

    reset() {
      this.view?.frame();
      this.say(t("said.reset"));
    }

    toggleBackdrop() {
      const dark = this.frame.dataset.backdrop !== "dark";
      this.frame.dataset.backdrop = dark ? "dark" : "light";
      press(this.tool("backdrop"), dark);
      this.say(t(dark ? "said.dark" : "said.light"));
    }

    toggleTurn() {
      const on = !this.turning;
      press(this.tool("turn"), on);
      cancelAnimationFrame(this.turning);
      this.turning = 0;
      let last = performance.now();
      const step = (now) => {
        if (!this.canvas.hasAttribute("data-held")) this.view.orbit.turn((now - last) * 0.03, 0); // 30° a second
        last = now;
        this.turning = requestAnimationFrame(step);
      };
      if (on) this.turning = requestAnimationFrame(step);
      this.say(t(on ? "said.turning" : "said.still"));
    }

    toggleSize() {
      this.sized = !this.sized;
      press(this.tool("size"), this.sized);
      this.labels.hidden = !this.sized;
      this.view.change();
      const size = this.model.box.getSize(new three.Vector3());
      this.say(this.sized ? t("said.size", { width: meshmill.metres(size.x), height: meshmill.metres(size.y), depth: meshmill.metres(size.z) }) : t("said.no-size"));
    }

    drawn() {
      this.frame.setAttribute("data-loaded", "");
      if (this.sized && this.model) meshmill.drawSizes(this.labels, this.view, this.model.box);
      this.ondraw?.();
    }
  }
}
