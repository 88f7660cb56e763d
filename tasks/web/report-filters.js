// The filters beside the list: chips, choices, ranges and the order, each of them kept in the address.
"use strict";

{
  const { element: el, format, address, matches } = meshmill;
  const { RANGES, FILTERS } = address;
  const $ = (id) => document.getElementById(id);
  const FORMS = { triangles: format.triangles, bytes: format.bytes, seconds: format.seconds };
  let summary;

  const chip = (group, name, label, count) => el("button", {
    type: "button", class: name ? `chip is-${name}` : "chip", "aria-pressed": String(address.state[group] === name), "data-chip": `${group}-${name || "all"}`,
    ...(group === "outcome" ? { "data-outcome": name || "all" } : {}), onclick: () => address.go({ [group]: name }, true),
  }, el("span", { text: label }), el("b", { text: format.count(count) }));

  const chips = (place, list) => {
    const focused = document.activeElement?.dataset?.chip;
    $(place).replaceChildren(...list);
    if (focused) $(place).querySelector(`[data-chip="${focused}"]`)?.focus();
  };

  const drawOutcomes = () => {
    const counts = matches.tally({ ...address.state, outcome: "" }, ([outcome]) => [outcome]);
    const all = [...counts.values()].reduce((a, b) => a + b, 0);
    chips("chips", [chip("outcome", "", meshmill.text("filter.all"), all), ...meshmill.outcomes.filter((name) => summary.count[name] || address.state.outcome === name).map((name) => chip("outcome", name, meshmill.word("outcome", name), counts.get(name) ?? 0))]);
  };

  const drawDecisions = () => {
    const counts = meshmill.review.count();
    const kinds = [["", "filter.all", summary.rows], ["none", "filter.undecided", summary.rows - counts.reviewed], ...["approve", "reject", "remake", "refine"].map((name) => [name, `state.${name}`, counts[name]])];
    chips("decisions", kinds.map(([name, key, count]) => chip("decision", name, meshmill.text(key), count)));
  };

  const choices = (name, counts) => {
    const list = [...counts].filter(([value]) => value).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    if (address.state[name] && !counts.has(address.state[name])) list.push([address.state[name], 0]);
    const all = el("option", { value: "", text: meshmill.text("filter.any") });
    $(name).replaceChildren(all, ...list.map(([value, count]) => el("option", { value, text: `${value} (${format.count(count)})` })));
    $(name).value = address.state[name];
    $(name).closest("label").hidden = list.length === 0;
  };

  const facet = (name) => {
    const counts = new Map();
    for (const [values, count] of summary.facets[name]?.sets ?? []) for (const value of values) counts.set(value, (counts.get(value) ?? 0) + count);
    choices(name, counts);
  };

  const rangeField = (name) => {
    const [low, high] = summary.numbers[name], shown = (value) => (FORMS[name] ?? format.number)(value);
    const label = meshmill.word("number", name);
    const input = (i) => el("input", {
      type: "number", step: "any", "data-range": `${name}-${i}`, "aria-label": `${label}: ${meshmill.text(i ? "range.most" : "range.least")}`, placeholder: shown(i ? high : low),
      onchange: () => change(name),
    });
    return el("fieldset", { class: "range" }, el("legend", { text: label }), input(0), el("span", { "aria-hidden": "true", text: "–" }), input(1));
  };
  const change = (name) => {
    const [low, high] = [0, 1].map((i) => $("ranges").querySelector(`[data-range="${name}-${i}"]`).value);
    address.go({ [name]: low || high ? `${low}..${high}` : "" }, true);
  };

  const drawOrder = () => {
    const numbers = RANGES.filter((name) => name in summary.numbers);
    const list = [["", meshmill.text("sort.row")], ...numbers.flatMap((name) => [[`-${name}`, meshmill.text("sort.down", { name: meshmill.word("number", name) })], [name, meshmill.text("sort.up", { name: meshmill.word("number", name) })]])];
    $("sort").replaceChildren(...list.map(([value, label]) => el("option", { value, text: label })));
    $("sort").value = address.state.sort;
  };

  // Built once a language: a field that was built anew would lose what is being typed.
  const drawRanges = () => {
    const names = RANGES.filter((name) => name in summary.numbers);
    if ($("ranges").lang !== meshmill.language.code) {
      $("ranges").lang = meshmill.language.code;
      $("ranges").replaceChildren(...names.map(rangeField));
    }
    for (const name of names) address.range(name).forEach((end, i) => {
      const field = $("ranges").querySelector(`[data-range="${name}-${i}"]`);
      if (field !== document.activeElement) field.value = Number.isFinite(end) ? String(end) : "";
    });
  };

  const countOf = () => FILTERS.filter((name) => name !== "q" && address.state[name]).length;

  meshmill.filters = {
    start: (given) => {
      summary = given;
      $("filters").addEventListener("submit", (event) => event.preventDefault());
      for (const name of ["reason", "generator", "category", "profile", "tags", "sort"]) $(name).addEventListener("change", (event) => address.go({ [name]: event.target.value }, true));
      $("clear").addEventListener("click", () => { $("q").value = ""; address.go(Object.fromEntries(FILTERS.map((name) => [name, ""])), true); $("q").focus(); });
      let pause;
      $("q").addEventListener("input", (event) => { clearTimeout(pause); pause = setTimeout(() => address.go({ q: event.target.value.trim() }, true), 150); });
      $("q").addEventListener("keydown", (event) => { if (event.key === "Enter" && meshmill.grid.rows().length) { event.preventDefault(); meshmill.grid.choose(0); } });
      $("show-filters").addEventListener("click", () => {
        const open = $("filters").toggleAttribute("data-open");
        $("show-filters").setAttribute("aria-expanded", String(open));
      });
    },
    draw: () => {
      const { state } = address;
      drawOutcomes();
      drawDecisions();
      choices("reason", matches.tally({ ...state, reason: "" }, ([, reasons]) => new Set(reasons)));
      choices("generator", matches.tally({ ...state, generator: "" }, ([, , generator]) => [generator]));
      ["category", "profile", "tags"].forEach(facet);
      drawRanges();
      drawOrder();
      if (document.activeElement !== $("q")) $("q").value = state.q;
      $("clear").hidden = !address.isFiltered();
      $("show-filters").textContent = countOf() ? meshmill.text("filter.shown", { n: countOf() }) : meshmill.text("filter.show");
    },
    drawDecisions,
  };
}
