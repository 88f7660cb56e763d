// An asset beside what it can be held against: the row's pictures, another version of it, the candidates it was chosen from.
"use strict";

{
  const { element: el, format, fileUrl } = meshmill;
  const t = (key, values) => meshmill.text(`viewer.${key}`, values);

  const photo = (card, picture, k) => el("img", { src: fileUrl(picture.uri), alt: t("compare.picture-alt", { n: k + 1, name: card.title || card.id }), decoding: "async" });

  // The row's pictures as they are, for an asset that has no model to turn.
  meshmill.comparePictures = (card) => (card.pictures?.length ? el("figure", { class: "references" },
    el("figcaption", { text: t("compare.references") }), card.pictures.map((picture, k) => photo(card, picture, k))) : null);

  // The rows this asset came from or became: [{ id, ordinal, later }].
  const versions = async (card) => {
    const { links } = await meshmill.load.versions();
    return links.flatMap(([child, childAt, parent, parentAt]) => (child === card.id ? [{ id: parent, ordinal: parentAt, later: false }]
      : parent === card.id ? [{ id: child, ordinal: childAt, later: true }] : []));
  };
  const cardAt = async (ordinal) => {
    const { pageRows } = await meshmill.load.versions();
    return (await meshmill.load.page(Math.floor(ordinal / pageRows)))[ordinal % pageRows];
  };

  meshmill.compare = (stage) => new Comparing(stage).close;

  class Comparing {
    constructor(stage) {
      Object.assign(this, { stage, view: stage.view, card: stage.card, choices: [] });
      this.body = el("div", { class: "compare-body" });
      this.close = () => { this.closed = true; this.leave(); };
      this.start();
    }

    async start() {
      const { card, stage } = this;
      (card.pictures ?? []).forEach((picture, k) => this.choices.push([t("compare.picture", { n: k + 1 }), () => this.picture(picture, k)]));
      for (const version of await versions(card)) this.choices.push([t(version.later ? "compare.after" : "compare.before", { id: version.id }), () => this.version(version)]);
      if (card.candidates?.length > 1) this.choices.push([t("compare.candidates", { n: card.candidates.length }), () => this.candidates()]);
      if (this.closed || stage.tab !== "compare") return;
      this.buttons = this.choices.map(([words], k) => el("button", { type: "button", text: words, "data-choice": String(k), onclick: () => this.choose(k) }));
      stage.panel.replaceChildren(el("div", { class: "modes", role: "group", "aria-label": t("compare.with") }, this.buttons), this.body);
      if (this.choices.length) await this.choose(0);
      else this.body.replaceChildren(el("p", { class: "quiet", text: t("compare.nothing") }));
    }

    async choose(k) {
      this.leave();
      const mine = this.turn = {};
      this.buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === k)));
      this.stage.say(this.choices[k][0]);
      await this.stage.showLevel(0);
      if (mine === this.turn && !this.closed) await this.choices[k][1](mine);
    }

    // Takes away what a comparison put into the frame, and shows the asset alone again.
    leave() {
      const { stage, view } = this;
      const changed = view.split || this.overlay || stage.frame.dataset.beside;
      this.overlay?.remove();
      for (const tag of stage.frame.querySelectorAll(".tag")) tag.remove();
      this.overlay = view.split = stage.ondraw = null;
      delete stage.frame.dataset.beside;
      if (!changed) return;
      view.setModels([stage.model]);
      view.frame();
    }

    slider(words, act) {
      const input = el("input", { type: "range", min: "0", max: "1", step: "0.01", value: "0.5", "data-compare": "wipe", oninput: () => act(Number(input.value)) });
      return el("label", { class: "slide" }, el("span", { text: words }), input);
    }

    arrangement(act) {
      const buttons = ["over", "beside"].map((name) => el("button", { type: "button", "data-compare": name, text: t(`compare.${name}`), onclick: () => choose(name) }));
      const choose = (name) => {
        buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.compare === name)));
        act(name);
      };
      return { node: el("span", { class: "modes", role: "group", "aria-label": t("compare.arrangement") }, buttons), choose };
    }

    tags(first, second) {
      this.stage.frame.append(el("span", { class: "tag is-first", text: first }), el("span", { class: "tag is-second", text: second }));
    }

    // --- the row's picture ---------------------------------------------------------------------------------------
    picture(picture, k) {
      const { stage, view, card } = this;
      const seen = picture.azimuth === undefined ? undefined : { azimuth: picture.azimuth, elevation: picture.elevation };
      this.overlay = photo(card, picture, k);
      this.overlay.className = "reference";
      stage.frame.append(this.overlay);
      this.tags(t("compare.tag-picture"), t("compare.tag-asset"));
      const wipe = this.slider(t("compare.wipe"), (share) => { this.share = share; this.clip(); });
      const way = this.arrangement((name) => {
        this.placed = null;
        stage.frame.toggleAttribute("data-beside", name === "beside");
        wipe.hidden = name === "beside";
        this.overlay.removeAttribute("style");
        stage.ondraw = null;
        requestAnimationFrame(() => { // after the canvas has its new width
          if (this.closed || !this.overlay) return;
          if (name === "over") stage.ondraw = () => this.place(picture);
          view.frame(seen);
        });
      });
      this.share = 0.5;
      const said = seen ? t("compare.match", { share: Math.round(100 * picture.similarity), azimuth: Math.round(picture.azimuth), elevation: Math.round(picture.elevation) }) : t("compare.no-match");
      this.body.replaceChildren(el("div", { class: "row" }, seen ? way.node : null, seen ? wipe : null), el("p", { class: "quiet", text: said }));
      way.choose(seen ? "over" : "beside");
    }

    // Lays the picture so that its object and the model have one middle and one size, as they were compared.
    place(picture) {
      const { view } = this, { canvas } = view;
      if (!this.overlay?.naturalWidth) { this.overlay?.addEventListener("load", () => view.change(), { once: true }); return; }
      const size = `${canvas.clientWidth} ${canvas.clientHeight}`;
      if (this.placed === size) return;
      this.placed = size;
      const points = meshmill.modelPoints(this.stage.model), low = [Infinity, Infinity], high = [-Infinity, -Infinity];
      for (let i = 0; i < points.length; i += 3) {
        const at = view.toCanvas([points[i], points[i + 1], points[i + 2]]);
        for (const k of [0, 1]) { low[k] = Math.min(low[k], at[k]); high[k] = Math.max(high[k], at[k]); }
      }
      const natural = [this.overlay.naturalWidth, this.overlay.naturalHeight], [x0, y0, x1, y1] = picture.box;
      const object = [(x1 - x0) * natural[0], (y1 - y0) * natural[1]];
      const scale = Math.max(high[0] - low[0], high[1] - low[1]) / Math.max(...object);
      const middle = [(x0 + x1) / 2, (y0 + y1) / 2].map((share, k) => share * natural[k] * scale);
      Object.assign(this.overlay.style, {
        width: `${natural[0] * scale}px`, height: `${natural[1] * scale}px`,
        left: `${(low[0] + high[0]) / 2 - middle[0]}px`, top: `${(low[1] + high[1]) / 2 - middle[1]}px`,
      });
      this.clip();
    }

    // The picture shows left of the wipe's edge, which is a share of the canvas' width.
    clip() {
      const edge = this.share * this.view.canvas.clientWidth - Number.parseFloat(this.overlay.style.left || "0");
      const width = Number.parseFloat(this.overlay.style.width || "0");
      this.overlay.style.clipPath = `inset(0 ${Math.max(0, width - edge)}px 0 0)`;
      this.stage.frame.style.setProperty("--wipe", String(this.share));
    }

    // --- another version -----------------------------------------------------------------------------------------
    async version({ id, ordinal, later }, mine = this.turn) {
      const { stage, view, card } = this;
      const other = await cardAt(ordinal), [level] = other ? meshmill.levels(other) : [];
      if (mine !== this.turn || this.closed) return;
      const [before, after] = later ? [card, other] : [other, card];
      const table = other ? this.differences(before, after) : null;
      if (!level) { this.body.replaceChildren(el("p", { class: "quiet", text: t("compare.gone", { id }) }), table ?? ""); return; }
      const model = await meshmill.loadLevel(level);
      if (mine !== this.turn || this.closed) return;
      view.setModels(later ? [stage.model, model] : [model, stage.model]);
      this.tags(t("compare.tag-before"), t("compare.tag-after"));
      const wipe = this.slider(t("compare.wipe"), (share) => { view.split = { at: share }; stage.frame.style.setProperty("--wipe", String(share)); view.change(); });
      const way = this.arrangement((name) => {
        wipe.hidden = name === "beside";
        view.split = name === "beside" ? { side: true } : { at: Number(wipe.querySelector("input").value) };
        view.frame();
      });
      const asked = after.version?.instruction;
      this.body.replaceChildren(el("div", { class: "row" }, way.node, wipe), asked ? el("p", { class: "marked", text: `${t("mark.instruction")}: ${asked}` }) : "", table);
      way.choose("over");
    }

    // The measures that differ, as they were and as they are.
    differences(before, after) {
      const was = new Map(before.metrics), is = new Map(after.metrics);
      const names = [...new Set([...was.keys(), ...is.keys()])].filter((name) => was.get(name) !== is.get(name));
      if (!names.length) return el("p", { class: "quiet", text: t("compare.same") });
      const shown = (value) => (Number.isFinite(value) ? format.number(value) : "–");
      const change = (name) => {
        const [a, b] = [was.get(name), is.get(name)];
        return Number.isFinite(a) && Number.isFinite(b) && a !== 0 ? `${b > a ? "+" : "−"}${format.number(Number(Math.abs((100 * (b - a)) / a).toPrecision(3)))} %` : "";
      };
      return el("div", { class: "scroll tall" }, el("table", { class: "differences" },
        el("thead", {}, el("tr", {}, ["measure", "before", "after", "change"].map((name, k) => el("th", { scope: "col", class: k ? "num" : null, text: t(`column.${name}`) })))),
        el("tbody", {}, names.map((name) => el("tr", {}, el("th", { scope: "row", text: name }), [shown(was.get(name)), shown(is.get(name)), change(name)].map((text) => el("td", { class: "num", text })))))));
    }

    // --- candidates ----------------------------------------------------------------------------------------------
    candidates() {
      const { card } = this, seed = String(card.seed);
      const best = Math.max(...card.candidates.map(({ score }) => score ?? 0), 1e-9);
      const row = ({ seed: own, outcome, score, reasons }, k) => {
        const kept = String(own) === seed;
        return el("tr", { class: kept ? "is-kept" : null, "data-kept": kept || null },
          el("th", { scope: "row", text: `${k + 1}` }), el("td", {}, meshmill.badge(outcome), kept ? el("b", { text: ` ${t("compare.kept")}` }) : null),
          el("td", { class: "num", text: String(own) }), el("td", { class: "num", text: Number.isFinite(score) ? format.number(score) : "–" }),
          el("td", { class: "wide" }, el("span", { class: "bar" }, el("b", { style: { width: `${(100 * (score ?? 0)) / best}%` } }))), el("td", { text: (reasons ?? []).join(", ") }));
      };
      this.body.replaceChildren(el("p", { class: "quiet", text: t("compare.only-kept") }), el("div", { class: "scroll tall" }, el("table", { class: "candidates" },
        el("thead", {}, el("tr", {}, ["candidate", "outcome", "seed", "score", "", "reasons"].map((name) => el("th", { scope: "col", class: name === "seed" || name === "score" ? "num" : null, text: name ? t(`column.${name}`) : "" })))),
        el("tbody", {}, card.candidates.map(row)))));
    }
  }
}
