// One asset, opened: the facts beside its stage, its lineage from manifest row to files.
"use strict";

{
  const { element: el, format, parts, fileUrl } = meshmill;
  const t = (key, values) => meshmill.text(`detail.${key}`, values);

  meshmill.badge = (outcome) => el("span", { class: `badge is-${outcome}`, text: meshmill.word("outcome", outcome) });

  meshmill.picture = (card, eager) => {
    if (card.poster) return el("img", { src: fileUrl(card.poster), alt: t("picture", { name: card.title || card.id }), loading: eager ? "eager" : "lazy", decoding: "async", onerror: (event) => event.target.replaceWith(blank(card)) });
    return blank(card);
  };

  // An open cube: there is no picture because there is no finished mesh.
  const blank = (card) => el("span", { class: `blank is-${card.outcome}`, role: "img", "aria-label": t("no-picture", { outcome: meshmill.word("outcome", card.outcome) }) },
    el("svg", { viewBox: "0 0 48 48", "aria-hidden": "true" },
      el("path", { d: "M24 5l17 9.5v19L24 43 7 33.5v-19z", "stroke-dasharray": card.outcome === "passed" ? null : "3 3" }),
      el("path", { d: "M7 14.5L24 24l17-9.5M24 24v19" })));

  const step = (title, ...content) => el("li", {}, el("h3", { text: title }), content);
  const pairs = (list) => (list.length ? el("dl", { class: "pairs" }, list.map(([name, value]) => [el("dt", { text: name }), el("dd", { text: value })])) : null);

  const timeBar = (timings) => {
    const all = timings.reduce((sum, [, seconds]) => sum + seconds, 0);
    if (!all) return el("p", { class: "quiet", text: t("untimed") });
    const parted = timings.map(([name, seconds], i) => el("i", { class: `tone-${i % 6}`, style: { "flex-grow": String(seconds / all) }, title: `${name} ${format.seconds(seconds)}` }));
    const list = timings.map(([name, seconds], i) => el("li", {}, el("i", { class: `tone-${i % 6}` }), el("span", { text: name }), el("b", { text: format.seconds(seconds) })));
    return [el("div", { class: "timebar", role: "img", "aria-label": t("timed", { time: format.seconds(all) }) }, parted), el("ul", { class: "legend" }, list)];
  };

  const files = (card) => (card.outputs.length ? el("table", { class: "files" },
    el("thead", {}, el("tr", {}, ["file", "size", "digest"].map((name) => el("th", { scope: "col", text: t(`column.${name}`) })))),
    el("tbody", {}, card.outputs.map(([kind, lod, uri, bytes, sha]) => el("tr", {},
      el("td", {}, el("a", { href: fileUrl(uri), download: true }, uri.split("/").pop()), el("small", { text: lod ? `${kind}, LOD ${lod}` : kind })),
      el("td", { class: "num", text: format.bytes(bytes) }), el("td", {}, el("code", { title: sha, text: sha.slice(0, 10) }))))))
    : el("p", { class: "quiet", text: t("no-file") }));

  // What the gate found: value beside limit.
  const findings = (card) => {
    const number = (value) => (Number.isFinite(value) ? format.number(value) : "–");
    const list = card.findings.map(([code, value, limit, severity, advice]) =>
      [code, t("against", { value: number(value), limit: number(limit) }), severity !== "warn", advice]);
    if (!list.length) return null;
    return el("section", {}, el("h3", { text: t("gate") }), el("ul", { class: "findings" }, list.map(([code, words, stops, advice]) =>
      el("li", { class: `soft ${stops ? "is-failed" : "is-rejected"}` },
        el("code", { text: code }), el("span", { class: "versus", text: words }), advice ? el("p", { text: advice }) : null))));
  };

  const verdict = (card) => (card.message || card.reasons.length ? el("div", { class: `message soft is-${card.outcome}` },
    card.reasons.length ? el("code", { text: card.reasons.join(", ") }) : null, card.message ? el("p", { text: card.message }) : null) : null);

  // Steps leave a note under their own name (`unwrap`, `scaled`); every other note came with the row.
  const split = ({ notes, timings }) => {
    const own = timings.flatMap(([name]) => [name, `${name}d`, `${name}ed`]);
    const place = ([name]) => own.indexOf(name);
    return [notes.filter((note) => place(note) < 0), notes.filter((note) => place(note) >= 0).sort((a, b) => place(a) - place(b))];
  };

  const lineage = (card, [brought, done] = split(card)) => el("ol", { class: "lineage" },
    step(t("row"), pairs([[t("number"), card.row === undefined || card.row === null ? "–" : format.count(card.row)], [t("id"), card.id], ...(card.parent ? [[t("parent"), card.parent]] : []), ...brought])),
    card.understood.length ? step(t("understood"), pairs(card.understood)) : null,
    card.outcome === "invalid" ? null : step(t("generated"), pairs([[t("generator"), card.generator || "–"], [t("seed"), card.seed ?? "–"], ...(card.attempts ? [[t("attempts"), card.attempts]] : []), [t("recipe"), card.recipe || "–"]])),
    card.version?.instruction ? step(t("refined"), pairs(["instruction", "region", "how", "understood"].filter((name) => card.version[name]).map((name) => [t(`refined.${name}`), card.version[name]]))) : null,
    card.timings.length ? step(t("steps"), timeBar(card.timings), pairs(done)) : null,
    card.outcome === "invalid" ? null : step(t("files"), files(card)));

  parts.detail = (card, hasViewer, controls) => [
    el("div", { class: "bar-top" }, el("span", { class: "place", text: controls.place }),
      el("button", { type: "button", onclick: controls.previous, disabled: !controls.previous, "aria-label": t("previous") }, "‹"),
      el("button", { type: "button", onclick: controls.next, disabled: !controls.next, "aria-label": t("next") }, "›"),
      el("button", { type: "button", class: "close", onclick: controls.close, "aria-label": t("close") }, "×")),
    el("div", { class: "sheet" },
      meshmill.stage(card, hasViewer),
      el("div", { class: "facts-panel", tabindex: "0", role: "region", "aria-label": t("facts") },
        meshmill.badge(card.outcome),
        el("h2", { id: "detail-title", text: card.title || card.id }),
        card.prompt ? el("blockquote", { text: card.prompt }) : null,
        findings(card) ?? verdict(card),
        el("section", {}, el("h3", { class: "section", text: t("lineage") }), lineage(card)),
        card.metrics.length ? el("section", {}, el("h3", { class: "section", text: t("metrics") }), pairs(card.metrics.map(([name, value]) => [name, Number.isFinite(value) ? format.number(value) : t("not-finite")]))) : null,
        card.key ? el("p", { class: "key" }, `${t("key")} `, el("code", { text: card.key })) : null)),
  ];
}
