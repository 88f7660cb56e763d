// The page at work: data loaded, its parts started and joined, the opened asset, and what a change of anything redraws.
"use strict";

{
  const { element: el, format, parts, load, address, matches, grid, filters, actions, review } = meshmill;
  const $ = (id) => document.getElementById(id);

  let summary;
  let turn = 0; // the newest search; an older one that ends late is dropped
  let steps = {};
  const toast = $("toast"); // moves into an open dialog and out again

  // --- list ----------------------------------------------------------------------------------------------------
  const say = (found) => { $("shown").textContent = meshmill.text("grid.searching", { n: found }); };
  const refresh = async (keep = false) => {
    const mine = ++turn;
    const found = await matches.find(address.state, () => mine !== turn, say);
    if (mine !== turn) return;
    await grid.show(found, keep);
    showCount(found.length);
  };
  const showCount = (count) => {
    const cut = count > grid.MOST ? ` ${meshmill.text("grid.cut", { count: format.count(grid.MOST) })}` : "";
    $("shown").textContent = count ? `${meshmill.text("grid.shown", { n: count, all: summary.rows })}${cut}` : meshmill.text("grid.none");
    $("bulk").hidden = count === 0;
    $("bulk").textContent = meshmill.text("bulk.button", { n: Math.min(count, grid.MOST) });
  };

  // --- progress ------------------------------------------------------------------------------------------------
  const drawProgress = () => {
    const counts = review.count(), all = summary.rows;
    const words = meshmill.text("progress", { n: counts.reviewed, all });
    $("progress-words").textContent = words;
    const kinds = ["approve", "reject", "remake"].filter((name) => counts[name]);
    const refined = counts.reviewed - kinds.reduce((sum, name) => sum + counts[name], 0);
    const bar = (name, count) => el("i", { class: `is-${name}`, style: { width: `${(100 * count) / Math.max(1, all)}%` } });
    $("progress").replaceChildren(...kinds.map((name) => bar(name, counts[name])), ...(refined ? [bar("refine", refined)] : []));
    $("progress").setAttribute("aria-label", [words, ...["approve", "reject", "remake", "refine"].filter((name) => counts[name]).map((name) => `${meshmill.text(`state.${name}`)} ${format.count(counts[name])}`)].join(", "));
    $("undo").disabled = !review.canUndo();
    $("save-review").disabled = !review.local().length;
    $("save-refine").disabled = !review.refinements().length;
  };

  const drawDock = async () => {
    const card = await grid.current();
    $("dock").hidden = !card;
    if (!card) return;
    const held = document.activeElement?.closest("#dock") && document.activeElement.dataset.act;
    $("dock-card").replaceChildren(el("span", { class: "thumb", "aria-hidden": "true" }, meshmill.picture(card)), el("span", { class: "who" }, el("strong", { text: card.title || card.id }), el("small", {}, meshmill.mark(card.id).filter(Boolean).length ? meshmill.mark(card.id) : meshmill.text("state.none"))));
    $("dock-acts").replaceChildren(actions.buttons(card, "wide-acts"));
    if (held) $("dock").querySelector(`[data-act="${held}"]`)?.focus();
  };

  let settled = Promise.resolve(); // once everything shows the last decision
  const decided = async ({ ids, saved }) => {
    drawProgress();
    filters.drawDecisions();
    if (!saved) actions.say(meshmill.text("cannot.save"));
    if (address.state.decision) await refresh(true); else await grid.refresh(ids);
    await drawDock();
    if ($("detail").open) await drawVerdict();
    document.documentElement.dataset.decided = String(review.count().reviewed);
  };

  // --- opened asset --------------------------------------------------------------------------------------------
  const rowAt = async (ordinal) => (await load.page(Math.floor(ordinal / summary.pageRows)))[ordinal % summary.pageRows];

  const open = async (ordinal) => {
    const card = await rowAt(ordinal);
    if (!card || address.state.asset !== String(ordinal)) return;
    const rows = grid.rows(), place = rows.indexOf(ordinal);
    const to = (i) => (place >= 0 && i >= 0 && i < rows.length ? () => address.go({ asset: String(rows[i]) }, true) : null);
    steps = { previous: to(place - 1), next: to(place + 1), close: () => $("detail").close(), place: place < 0 ? "" : meshmill.text("detail.place", { count: format.count(place + 1), all: rows.length }) };
    if (place >= 0) await grid.choose(place, false);
    const held = document.activeElement?.getAttribute("aria-label");
    $("detail").replaceChildren(...parts.detail(card, summary.viewer, steps), el("div", { id: "verdict", class: "verdict" }), toast);
    await drawVerdict();
    if (!$("detail").open) $("detail").showModal();
    const again = held && [...$("detail").querySelectorAll(".bar-top button:not(:disabled)")].find((button) => button.getAttribute("aria-label") === held);
    (again || $("detail").querySelector(".close")).focus();
  };
  const drawVerdict = async () => {
    const card = await session.card();
    if (!card || !$("verdict")) return;
    const held = document.activeElement?.closest("#verdict") && document.activeElement.dataset.act;
    $("verdict").replaceChildren(el("span", { class: "marks" }, meshmill.mark(card.id)), actions.buttons(card, "wide-acts"));
    if (held) $("verdict").querySelector(`[data-act="${held}"]`)?.focus();
  };

  const shut = async () => {
    const ordinal = address.state.asset;
    document.body.append(toast);
    $("detail").replaceChildren();
    if (ordinal) await address.go({ asset: "" }, true);
    const place = grid.placeOf(ordinal);
    if (place >= 0) await grid.choose(place);
  };

  // What the keyboard and the viewer ask of the page.
  const session = meshmill.session = {
    rows: () => summary.rows,
    isReviewing: () => address.state.view === "assets",
    card: async () => (address.state.asset ? grid.cardAt(Number(address.state.asset)) : grid.current()),
    step: (by) => (by > 0 ? steps.next : steps.previous)?.(),
    // On to the next asset; where the list itself dropped the one that was decided on, it has come already.
    next: async () => {
      await settled;
      if ($("detail").open) await steps.next?.();
      else if (!address.state.decision && grid.place() + 1 < grid.rows().length) await grid.choose(grid.place() + 1);
    },
  };

  // --- the run's own pictures ----------------------------------------------------------------------------------
  const about = (info) => [["run.manifest", info.manifest], ["run.recipe", info.recipe], ["run.engine", info.engine], ["run.started", format.date(info.started)]].filter(([, value]) => value).map(([key, value]) => [meshmill.text(key), value]);
  const list = (pairs) => pairs.flatMap(([name, value]) => [el("dt", { text: name }), el("dd", { text: value })]);

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

  const drawRun = () => {
    const { info, histograms } = summary;
    const reasons = reasonsOf(false), warnings = reasonsOf(true);
    const filter = (changes) => address.link({ view: "assets", ...changes }, { ...address.EMPTY });
    $("facts").replaceChildren(...about(info).slice(1).map((pair) => el("div", {}, list([pair]))));
    $("headline").replaceChildren(...parts.headline(summary));
    $("funnel").replaceChildren(parts.funnel(summary.funnel));
    $("outcomes").replaceChildren(parts.outcomeBars(summary.count, summary.rows, filter));
    $("reasons").replaceChildren(parts.reasonBars(reasons, filter, 5));
    $("all-reasons").replaceChildren(parts.reasonBars(reasons, filter), ...(warnings.length ? [el("h2", { text: meshmill.text("run.warnings") }), parts.reasonBars(warnings, filter)] : []));
    $("stages").replaceChildren(parts.stages(summary.stages));
    $("histograms").replaceChildren(
      parts.histogram(meshmill.text("run.triangles"), histograms.triangles, format.triangles),
      parts.histogram(meshmill.text("run.bytes"), histograms.bytes, format.bytes),
      parts.histogram(meshmill.text("run.seconds"), histograms.seconds, format.seconds));
    $("run-facts").replaceChildren(...list([...about(info), [meshmill.text("run.wall"), format.seconds(info.seconds)], ...Object.entries(info.versions)]));
    $("notice").hidden = summary.viewer;
    $("notice").textContent = summary.viewer ? "" : meshmill.text("notice.viewer");
  };

  // --- wiring --------------------------------------------------------------------------------------------------
  const filterKey = ({ asset, view, ...rest }) => JSON.stringify(rest);

  const drawState = async (state, before, first) => {
    for (const [tab, section] of [["assets", "gallery"], ["run", "run"]]) {
      $(section).hidden = state.view !== tab;
      $(`tab-${tab}`).setAttribute("aria-current", String(state.view === tab));
      $(`tab-${tab}`).href = address.link({ view: tab });
    }
    filters.draw();
    if (first || filterKey(before) !== filterKey(state)) await refresh();
    if (state.asset && (first || before.asset !== state.asset)) await open(Number(state.asset));
    if (!state.asset && $("detail").open) $("detail").close();
  };

  const drawLanguage = async () => {
    $("language").replaceChildren(...meshmill.language.names().map(([code, name]) => el("option", { value: code, lang: code, text: name, selected: code === meshmill.language.code })));
    drawRun();
    filters.draw();
    drawProgress();
    showCount((await matches.find(address.state)).length);
    await grid.refresh();
    await drawDock();
    if (address.state.asset) await open(Number(address.state.asset));
  };

  const take = async (file) => {
    const { taken, refused } = meshmill.csv.take(await file.text(), await matches.places());
    actions.say(`${meshmill.text("import.taken", { n: taken })} ${refused.length ? meshmill.text("import.refused", { n: refused.length }) : ""}`, taken > 0);
    if (refused.length) await actions.ask(meshmill.text("import.title", { n: refused.length }), (close) => [
      el("ul", { class: "refused" }, refused.slice(0, 100).map(([line, id, why]) => el("li", {}, el("b", { text: meshmill.text("import.line", { n: line }) }), " ", el("code", { text: id }), " ", meshmill.text(why)))),
      el("p", { class: "row" }, el("button", { type: "button", class: "button main", onclick: () => close(undefined) }, meshmill.text("close")))], { wide: true });
  };

  const save = (name, text) => {
    meshmill.csv.save(name, text);
    const formulas = meshmill.csv.formulas(text);
    actions.say([meshmill.text("did.save", { name }), formulas ? meshmill.text("save.formulas", { n: formulas }) : ""].join(" "));
  };

  const wire = () => {
    addEventListener("popstate", () => address.apply());
    addEventListener("hashchange", () => address.apply());
    document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); grid.choose(Math.max(0, grid.place())); });
    $("undo").addEventListener("click", actions.undo);
    $("said-undo").addEventListener("click", actions.undo);
    $("help").addEventListener("click", actions.help);
    $("bulk").addEventListener("click", () => actions.approveAll(grid.rows()));
    $("size").addEventListener("change", (event) => grid.resize(event.target.value));
    $("language").addEventListener("change", (event) => meshmill.language.use(event.target.value));
    $("save-review").addEventListener("click", async () => { const at = await matches.places(); save("review.csv", meshmill.csv.review((id) => at.get(id)?.[1])); });
    $("save-refine").addEventListener("click", () => save("refine.csv", meshmill.csv.refine()));
    $("open-file").addEventListener("click", () => $("file").click());
    $("file").addEventListener("change", async (event) => { const [file] = event.target.files; if (file) await take(file); event.target.value = ""; });
    $("detail").addEventListener("close", shut);
    $("detail").addEventListener("click", (event) => { if (event.target === $("detail")) $("detail").close(); });
    $("detail").addEventListener("keydown", (event) => {
      if (event.defaultPrevented || event.target.matches("canvas, input, textarea, select") || event.altKey || $("ask").open) return; // arrows have their own work there
      const move = { ArrowLeft: steps.previous, ArrowRight: steps.next }[event.key];
      if (move) { event.preventDefault(); move(); }
    });
    meshmill.keys.start();
    grid.onchoose(drawDock);
    review.onchange((what) => { settled = settled.then(() => decided(what)); });
    meshmill.language.onchange(drawLanguage);
    address.onchange(drawState);
  };

  const start = async () => {
    meshmill.language.start();
    summary = await load.summary();
    summary.count = Object.fromEntries(meshmill.outcomes.map((name) => [name, 0]));
    for (const [outcome, , , count] of summary.classes) summary.count[outcome] += count;
    const { info } = summary;
    const fromLedger = await Promise.all(Array.from({ length: summary.recordedFiles }, (_, part) => load.recorded(part)));
    review.start([location.pathname, info.manifest, info.recipe].join("|"), fromLedger.flat());
    matches.start(summary);
    grid.start(summary);
    filters.start(summary);
    document.title = `${info.title} · Meshmill`;
    $("title").textContent = info.title;
    $("language").replaceChildren(...meshmill.language.names().map(([code, name]) => el("option", { value: code, lang: code, text: name, selected: code === meshmill.language.code })));
    wire();
    drawRun();
    drawProgress();
    await address.apply(true);
    document.documentElement.dataset.ready = "";
    if (review.local().length || review.refinements().length) {
      const at = await matches.places();
      const dropped = review.reconcile((id, key) => at.has(id) && (!key || at.get(id)[1].startsWith(key)));
      if (dropped) actions.say(meshmill.text("notice.dropped", { n: dropped }));
    }
  };

  start().catch((error) => { $("notice").hidden = false; $("notice").textContent = meshmill.text("notice.broken", { name: error.message }); });
}
