// The page at work: its state in the address, filters over the index, the gallery, and the opened asset.
"use strict";

{
  const { element: el, format, parts, load } = meshmill;
  const $ = (id) => document.getElementById(id);
  const BATCH = 60;
  const EMPTY = { view: "assets", outcome: "", reason: "", generator: "", q: "", asset: "" };

  let summary;
  let state = { ...EMPTY };
  let matches = { length: 0, at: (i) => i };
  let drawn = 0;
  let turn = 0; // the newest search or drawing; an older one that ends late is dropped

  // --- address -------------------------------------------------------------------------------------------------
  const read = () => ({ ...EMPTY, ...Object.fromEntries([...new URLSearchParams(location.hash.slice(1))].filter(([key]) => Object.hasOwn(EMPTY, key))) });
  const link = (changes, base = state) => {
    const next = { ...base, asset: "", ...changes };
    return "#" + new URLSearchParams(Object.entries(next).filter(([key, value]) => value !== EMPTY[key]));
  };
  const go = (changes, keep = false) => {
    const address = link(changes);
    if (keep) history.replaceState(null, "", address); else history.pushState(null, "", address);
    apply();
  };

  // --- filters -------------------------------------------------------------------------------------------------
  const fits = ([outcome, reasons, generator], wanted) => (!wanted.outcome || outcome === wanted.outcome || (wanted.outcome === "refused" && outcome !== "passed"))
    && (!wanted.reason || reasons.includes(wanted.reason)) && (!wanted.generator || generator === wanted.generator);

  const tally = (wanted, keysOf) => {
    const counts = new Map();
    for (const row of summary.classes) if (fits(row, wanted)) for (const key of keysOf(row)) counts.set(key, (counts.get(key) ?? 0) + row[3]);
    return counts;
  };

  // Codes with their rows: those that stopped a row, or (a gate's warnings) those a finished asset carries.
  const reasonsOf = (finished) => {
    const found = new Map();
    for (const [outcome, reasons, , count] of summary.classes) {
      if ((outcome === "passed") !== finished) continue;
      for (const code of new Set(reasons)) {
        const entry = found.get(code) ?? { code, count: 0, outcome, mixed: false };
        found.set(code, { ...entry, count: entry.count + count, mixed: entry.mixed || entry.outcome !== outcome });
      }
    }
    return [...found.values()].sort((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1));
  };

  // The rows that fit, by ordinal. No filter needs no list; a filter by kind reads the index, a search the texts too.
  const find = async (mine) => {
    const { outcome, reason, generator, q } = state;
    if (!outcome && !reason && !generator && !q) return { length: summary.rows, at: (i) => i };
    const good = summary.classes.map((row) => fits(row, state));
    const found = [];
    for (let part = 0; part * summary.indexRows < summary.rows; part++) {
      (await load.index(part)).forEach((kind, i) => { if (good[kind]) found.push(part * summary.indexRows + i); });
    }
    return { length: 0, ...(q ? wrap(await search(found, q.toLowerCase(), mine)) : wrap(found)) };
  };
  const wrap = (list) => ({ length: list.length, at: (i) => list[i] });

  const search = async (rows, words, mine) => {
    const wanted = words.split(/\s+/).filter(Boolean);
    const found = [];
    let part = -1, texts = [];
    for (const row of rows) {
      const needed = Math.floor(row / summary.searchRows);
      if (needed !== part) {
        if (mine !== turn) return [];
        if (summary.rows > summary.searchRows) $("shown").textContent = `Searching… ${format.count(found.length)} found`;
        [part, texts] = [needed, await load.search(needed)];
      }
      const text = texts[row - part * summary.searchRows];
      if (wanted.every((word) => text.includes(word))) found.push(row);
    }
    return found;
  };

  // --- gallery -------------------------------------------------------------------------------------------------
  const rowAt = async (ordinal) => (await load.page(Math.floor(ordinal / summary.pageRows)))[ordinal % summary.pageRows];

  const warned = (card) => (card.outcome === "passed" && card.warnings.length ? el("span", { class: "badge is-rejected", title: card.warnings.join(", "), text: `${card.warnings.length} ${card.warnings.length === 1 ? "warning" : "warnings"}` }) : null);

  const cell = (card, ordinal) => {
    const facts = [card.triangles ? `${format.triangles(card.triangles)} tris` : null, card.bytes ? format.bytes(card.bytes) : null].filter(Boolean).join(" · ");
    return el("li", {}, el("a", { class: "cell", href: link({ asset: String(ordinal) }), "data-ordinal": ordinal },
      el("span", { class: "picture" }, meshmill.picture(card), el("span", { class: "badges" }, meshmill.badge(card.outcome), warned(card))),
      el("span", { class: "words" },
        el("strong", { text: card.title || card.id }),
        card.outcome === "passed" ? el("span", { class: "said", text: card.prompt || card.generator }) : el("span", { class: "said why" }, el("code", { text: card.reasons.join(", ") }), " ", card.message || card.prompt || ""),
        el("small", { text: facts || card.generator }))));
  };

  const draw = async (mine, upTo) => {
    const end = Math.min(upTo, matches.length);
    const cells = [];
    for (let i = drawn; i < end; i++) cells.push(cell(await rowAt(matches.at(i)), matches.at(i)));
    if (mine !== turn) return;
    $("grid").append(...cells);
    drawn = end;
    $("shown").textContent = matches.length ? `${format.count(drawn)} of ${format.count(matches.length)} ${matches.length === 1 ? "row" : "rows"}` : "No row fits these filters.";
    $("more").hidden = drawn >= matches.length;
  };

  const refresh = async () => {
    const mine = ++turn;
    const found = await find(mine);
    if (mine !== turn) return;
    matches = found;
    drawn = 0;
    $("grid").replaceChildren();
    await draw(mine, BATCH);
  };

  const showFilters = () => {
    const counts = tally({ ...state, outcome: "" }, ([outcome]) => [outcome]);
    const all = [...counts.values()].reduce((a, b) => a + b, 0);
    const chip = (name, label, count) => el("button", { type: "button", class: name ? `chip is-${name}` : "chip", "aria-pressed": String(state.outcome === name), "data-outcome": name || "all", onclick: () => go({ outcome: name }, true) }, el("span", { text: label }), el("b", { text: format.count(count) }));
    const focused = document.activeElement?.dataset?.outcome;
    $("chips").replaceChildren(chip("", "All", all), ...meshmill.outcomes.map((name) => chip(name, name, counts.get(name) ?? 0)));
    if (focused) $("chips").querySelector(`[data-outcome="${focused}"]`)?.focus();
    options("reason", tally({ ...state, reason: "" }, ([, reasons]) => new Set(reasons)), "any");
    options("generator", tally({ ...state, generator: "" }, ([, , generator]) => [generator]), "any");
    if (document.activeElement !== $("q")) $("q").value = state.q;
    $("clear").hidden = !(state.outcome || state.reason || state.generator || state.q);
  };

  const options = (name, counts, none) => {
    const list = [...counts].filter(([value]) => value).sort((a, b) => b[1] - a[1]);
    if (state[name] && !counts.has(state[name])) list.push([state[name], 0]);
    $(name).replaceChildren(el("option", { value: "", text: none }), ...list.map(([value, count]) => el("option", { value, text: `${value} (${format.count(count)})`, selected: value === state[name] })));
    $(name).value = state[name];
  };

  // --- opened asset --------------------------------------------------------------------------------------------
  const placeOf = (ordinal) => {
    let low = 0, high = matches.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1, here = matches.at(middle);
      if (here === ordinal) return middle;
      if (here < ordinal) low = middle + 1; else high = middle - 1;
    }
    return -1;
  };

  const open = async (ordinal) => {
    const card = await rowAt(ordinal);
    if (!card || state.asset !== String(ordinal)) return;
    const place = placeOf(ordinal);
    const to = (i) => (place >= 0 && i >= 0 && i < matches.length ? () => go({ asset: String(matches.at(i)) }, true) : null);
    steps = { previous: to(place - 1), next: to(place + 1), close: () => $("detail").close(), place: place < 0 ? "" : `${format.count(place + 1)} of ${format.count(matches.length)}` };
    const held = document.activeElement?.getAttribute("aria-label");
    $("detail").replaceChildren(...parts.detail(card, summary.viewer, steps));
    if (!$("detail").open) $("detail").showModal();
    const again = held && $("detail").querySelector(`.bar-top button[aria-label="${held}"]:not(:disabled)`);
    (again || $("detail").querySelector(".close")).focus();
  };
  let steps = {};

  const shut = () => {
    const ordinal = state.asset;
    $("detail").replaceChildren();
    if (ordinal) go({ asset: "" }, true);
    $("grid").querySelector(`[data-ordinal="${CSS.escape(ordinal)}"]`)?.focus({ preventScroll: false });
  };

  // --- wiring --------------------------------------------------------------------------------------------------
  const key = ({ asset, view, ...filters }) => JSON.stringify(filters);

  const apply = async (first = false) => {
    const before = state;
    state = read();
    for (const name of ["assets", "measurements"]) {
      $(name === "assets" ? "gallery" : name).hidden = state.view !== name;
      $(`tab-${name}`).setAttribute("aria-current", String(state.view === name));
      $(`tab-${name}`).href = link({ view: name });
    }
    showFilters();
    if (first || key(before) !== key(state)) await refresh();
    if (state.asset && (first || before.asset !== state.asset)) await open(Number(state.asset));
    if (!state.asset && $("detail").open) $("detail").close();
  };

  const moveBy = (event, cells, here) => {
    const columns = getComputedStyle($("grid")).gridTemplateColumns.split(" ").length;
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -here, End: cells.length - 1 - here }[event.key];
    if (by === undefined || !cells[here + by]) return;
    event.preventDefault();
    cells[here + by].focus();
  };

  const wire = () => {
    addEventListener("popstate", () => apply());
    addEventListener("hashchange", () => apply());
    document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); $("gallery").focus(); });
    for (const name of ["outcomes", "reasons", "all-reasons"]) $(name).addEventListener("click", () => document.querySelector(".tabs").scrollIntoView({ behavior: "smooth" }));
    $("more").addEventListener("click", () => draw(turn, drawn + BATCH));
    $("clear").addEventListener("click", () => { $("q").value = ""; go({ outcome: "", reason: "", generator: "", q: "" }, true); $("q").focus(); });
    $("filters").addEventListener("submit", (event) => event.preventDefault());
    for (const name of ["reason", "generator"]) $(name).addEventListener("change", (event) => go({ [name]: event.target.value }, true));
    let pause;
    $("q").addEventListener("input", (event) => { clearTimeout(pause); pause = setTimeout(() => go({ q: event.target.value.trim() }, true), 180); });
    $("grid").addEventListener("keydown", (event) => {
      const cells = [...$("grid").querySelectorAll(".cell")], here = cells.indexOf(event.target);
      if (here >= 0 && !event.altKey && !event.ctrlKey && !event.metaKey) moveBy(event, cells, here);
    });
    $("detail").addEventListener("close", shut);
    $("detail").addEventListener("click", (event) => { if (event.target === $("detail")) $("detail").close(); });
    $("detail").addEventListener("keydown", (event) => {
      if (event.altKey || event.target.matches("input, select, textarea")) return; // arrows move a slider or the caret there
      const move = { ArrowLeft: steps.previous, ArrowRight: steps.next }[event.key];
      if (move) { event.preventDefault(); move(); }
    });
  };

  const about = (info) => [["manifest", info.manifest], ["recipe", info.recipe], ["engine", info.engine], ["started", format.date(info.started)]].filter(([, value]) => value);
  const list = (pairs) => pairs.flatMap(([name, value]) => [el("dt", { text: name }), el("dd", { text: value })]);

  const start = async () => {
    meshmill.language.start();
    summary = await load.summary();
    meshmill.review.start([location.pathname, summary.info.manifest, summary.info.recipe].join("|"));
    summary.count = Object.fromEntries(meshmill.outcomes.map((name) => [name, 0]));
    for (const [outcome, , , count] of summary.classes) summary.count[outcome] += count;
    const { info, histograms } = summary;
    const reasons = reasonsOf(false), warnings = reasonsOf(true);
    const filter = (changes) => link(changes, { ...EMPTY });
    document.title = `${info.title} · Meshmill`;
    $("title").textContent = info.title;
    $("facts").replaceChildren(...about(info).slice(1).map((pair) => el("div", {}, list([pair]))));
    $("headline").replaceChildren(...parts.headline(summary));
    $("funnel").replaceChildren(parts.funnel(summary.funnel));
    $("outcomes").replaceChildren(parts.outcomeBars(summary.count, summary.rows, filter));
    $("reasons").replaceChildren(parts.reasonBars(reasons, filter, 5));
    $("all-reasons").replaceChildren(parts.reasonBars(reasons, filter), ...(warnings.length ? [el("h2", { text: "Warnings on passed assets" }), parts.reasonBars(warnings, filter)] : []));
    $("stages").replaceChildren(parts.stages(summary.stages));
    $("histograms").replaceChildren(
      parts.histogram("Triangles an asset", histograms.triangles, format.triangles),
      parts.histogram("Size of the GLB", histograms.bytes, format.bytes),
      parts.histogram("Seconds an asset", histograms.seconds, format.seconds));
    $("run").replaceChildren(...list([...about(info), ["wall time", format.seconds(info.seconds)], ...Object.entries(info.versions)]));
    if (!summary.viewer) { $("notice").hidden = false; $("notice").textContent = "The 3D viewer was not installed when this report was written: assets show as pictures and files."; }
    wire();
    await apply(true);
    document.documentElement.dataset.ready = "";
  };

  start().catch((error) => { $("notice").hidden = false; $("notice").textContent = `The report could not be read: ${error.message}.`; });
}
