// The list of assets: only the cells in sight exist, so that 20,000 rows scroll as lightly as twenty.
"use strict";

{
  const { element: el, format, load, address, review } = meshmill;
  const GAP = 16, AHEAD = 1.2; // px between cells; screens drawn above and below the one in sight
  const MOST = 50_000; // cells a list reaches: browsers stop scrolling at about 33 million pixels
  const SIZES = { s: 170, m: 236, l: 340 }; // px a picture is wide at least
  const $ = (id) => document.getElementById(id);

  let summary;
  let rows = []; // ordinals that the list shows
  let current = -1; // place of the chosen cell in `rows`
  let layout = { columns: 1, width: 0, height: 0 };
  let size = "m";
  const items = new Map(); // place: list item
  const listeners = [];

  // --- one cell ------------------------------------------------------------------------------------------------
  const warned = (card) => (card.outcome === "passed" && card.warnings?.length ? el("span", { class: "badge is-rejected", title: card.warnings.join(", "), text: meshmill.text("grid.warnings", { n: card.warnings.length }) }) : null);

  const facts = (card) => [
    card.triangles ? meshmill.text("grid.triangles", { count: format.triangles(card.triangles) }) : null,
    card.bytes ? format.bytes(card.bytes) : null,
  ].filter(Boolean).join(" · ") || card.generator;

  const said = (card) => (card.outcome === "passed" ? el("span", { class: "said", text: card.prompt || card.generator })
    : el("span", { class: "said why" }, el("code", { text: (card.reasons ?? []).join(", ") }), " ", card.message || card.prompt || ""));

  // Cells and the opened asset say the same of a decision.
  meshmill.mark = (id) => {
    const decided = review.get(id), asked = review.refinements(id).length;
    const reason = decided?.reason ? `: ${meshmill.word("reason", decided.reason)}` : "";
    return [
      decided ? el("span", { class: `mark is-${decided.decision}`, title: decided.note || null, text: `${meshmill.text(`state.${decided.decision}`)}${reason}` }) : null,
      asked ? el("span", { class: "mark is-refine", text: asked > 1 ? `${meshmill.text("state.refine")} ×${asked}` : meshmill.text("state.refine") }) : null,
    ];
  };

  const tabOf = (place) => (place === current || (current < 0 && place === 0) ? 0 : -1); // one cell takes the tab key
  const fill = (item, card, place) => {
    const tab = tabOf(place);
    item.dataset.state = review.state(card.id);
    item.toggleAttribute("data-current", place === current);
    item.replaceChildren(
      el("a", { class: "cell", href: address.link({ asset: String(rows[place]) }), "data-ordinal": rows[place], tabindex: tab },
        el("span", { class: "picture" }, meshmill.picture(card), el("span", { class: "badges" }, card.outcome === "passed" ? null : meshmill.badge(card.outcome), warned(card)), el("span", { class: "marks" }, meshmill.mark(card.id))),
        el("span", { class: "words" }, el("strong", { text: card.title || card.id }), said(card), el("small", { text: facts(card) }))),
      meshmill.actions.buttons(card, "acts", tab));
  };

  // --- which cells exist ---------------------------------------------------------------------------------------
  const measure = () => {
    const width = $("grid").clientWidth;
    const columns = width < 480 ? (size === "l" ? 1 : 2) : Math.max(1, Math.floor((width + GAP) / (SIZES[size] + GAP)));
    const gap = width < 480 ? 10 : GAP;
    const cell = (width - gap * (columns - 1)) / columns;
    const words = parseFloat(getComputedStyle($("grid")).getPropertyValue("--words"));
    layout = { columns, width: cell, height: cell + words, gap };
    const lines = Math.ceil(rows.length / columns);
    $("grid").style.setProperty("height", `${Math.max(0, lines * (layout.height + gap) - gap)}px`);
  };

  const topOf = (place) => Math.floor(place / layout.columns) * (layout.height + layout.gap);
  const put = (item, place) => {
    item.style.setProperty("width", `${layout.width}px`);
    item.style.setProperty("height", `${layout.height}px`);
    item.style.setProperty("transform", `translate(${(place % layout.columns) * (layout.width + layout.gap)}px, ${topOf(place)}px)`);
  };

  const inSight = () => {
    const above = -$("grid").getBoundingClientRect().top, line = layout.height + layout.gap;
    const from = Math.max(0, Math.floor((above - innerHeight * (AHEAD - 1)) / line)) * layout.columns;
    const to = Math.max(0, Math.ceil((above + innerHeight * AHEAD) / line)) * layout.columns;
    return [Math.min(from, rows.length), Math.min(to, rows.length)];
  };

  const cardAt = async (ordinal) => (await load.cell(Math.floor(ordinal / summary.cellRows)))[ordinal % summary.cellRows];

  let turn = 0;
  const draw = async () => {
    const mine = ++turn;
    const [from, to] = inSight();
    const wanted = Array.from({ length: to - from }, (_, i) => from + i);
    const cards = await Promise.all(wanted.map((place) => (items.has(place) ? null : cardAt(rows[place]))));
    if (mine !== turn) return;
    for (const [place, item] of items) if ((place < from || place >= to) && !item.contains(document.activeElement)) { item.remove(); items.delete(place); }
    wanted.forEach((place, i) => {
      if (!cards[i] || items.has(place)) return;
      const item = el("li", { "aria-posinset": place + 1, "aria-setsize": rows.length });
      fill(item, cards[i], place);
      put(item, place);
      items.set(place, item);
      const after = [...items.keys()].filter((other) => other > place).sort((a, b) => a - b)[0];
      $("grid").insertBefore(item, after === undefined ? null : items.get(after)); // in order, for the tab key and readers
    });
    $("grid").dataset.drawn = `${from}-${to}`;
  };

  let waiting = false;
  const soon = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; draw(); });
  };

  const again = async (places) => {
    for (const place of places) if (items.has(place)) fill(items.get(place), await cardAt(rows[place]), place);
  };

  // --- the chosen cell -----------------------------------------------------------------------------------------
  const reach = (place) => { // scrolls as little as shows the whole cell between the bars
    const box = $("grid").getBoundingClientRect(), top = box.top + topOf(place);
    const above = $("tools").getBoundingClientRect().bottom + 8, below = innerHeight - $("dock").offsetHeight - 8;
    if (top < above) scrollBy(0, top - above);
    else if (top + layout.height > below) scrollBy(0, Math.min(top - above, top + layout.height - below));
  };

  // Only attributes change here: a cell that is built anew under the pointer would swallow the click.
  const point = () => {
    for (const [place, item] of items) {
      item.toggleAttribute("data-current", place === current);
      for (const node of item.querySelectorAll("[tabindex]")) node.tabIndex = tabOf(place);
    }
  };

  const choose = async (place, focus = true) => {
    current = rows.length ? Math.max(0, Math.min(place, rows.length - 1)) : -1;
    if (current >= 0 && focus) { reach(current); await draw(); }
    point();
    if (focus && current >= 0) items.get(current)?.querySelector(".cell").focus({ preventScroll: true });
    const card = current >= 0 ? await cardAt(rows[current]) : null;
    listeners.forEach((listener) => listener(card));
  };

  meshmill.grid = {
    MOST,
    start: (given) => {
      summary = given;
      addEventListener("scroll", soon, { passive: true });
      new ResizeObserver(() => { measure(); items.forEach(put); soon(); }).observe($("grid"));
      $("grid").addEventListener("focusin", (event) => {
        const place = meshmill.grid.placeOf(event.target.closest("li")?.querySelector(".cell")?.dataset.ordinal);
        if (place >= 0 && place !== current) choose(place, false);
      });
    },
    rows: () => rows,
    cardAt,
    placeOf: (ordinal) => (ordinal === undefined ? -1 : rows.indexOf(Number(ordinal))),
    current: async () => (current >= 0 ? cardAt(rows[current]) : null),
    place: () => current,
    columns: () => layout.columns,
    choose,
    onchoose: (listener) => { listeners.push(listener); },

    // Show these rows from the first on; `keep` stays at the same place, for a list that lost the row decided on.
    show: async (found, keep = false) => {
      const place = keep ? Math.min(current, found.length - 1) : -1;
      rows = found.slice(0, MOST);
      current = place;
      items.forEach((item) => item.remove());
      items.clear();
      measure();
      await draw();
      if (keep && place >= 0) await choose(place);
      else listeners.forEach((listener) => listener(null));
    },
    // Draw cells again: all in sight, or those of some ids.
    refresh: async (ids = null) => {
      const wanted = [];
      for (const [place] of items) if (!ids || ids.includes((await cardAt(rows[place])).id)) wanted.push(place);
      await again(wanted);
    },
    resize: (to) => { size = to in SIZES ? to : "m"; measure(); items.forEach(put); return draw(); },
  };
}
