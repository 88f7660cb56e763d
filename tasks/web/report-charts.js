// The pictures of a run: headline, funnel, outcome and reason bars, stages, histograms.
"use strict";

{
  const { element: el, format, parts } = meshmill;

  parts.headline = (summary) => {
    const { info, rows, count, spent = {} } = summary;
    const refused = rows - count.passed;
    const whole = (info.finished ?? rows) === rows; // else rows were taken over from an earlier session, whose time is not ours
    const rate = info.seconds > 0 ? ((whole ? count.passed : info.finished) * 60) / info.seconds : 0;
    const text = meshmill.text;
    const by = (spent.by ?? []).map(([name, hours]) => `${name} ${format.seconds(3600 * hours)}`).join(", ");
    const paid = spent.cost ? `${format.number(+spent.cost.toFixed(2))} ${spent.currency}`.trim() : "";
    const tile = (value, label, note) => el("li", {}, el("strong", { text: value }), el("span", { text: label }), note ? el("small", { text: note }) : null);
    return [
      tile(format.count(rows), text("tile.rows", { n: rows }), text("tile.manifest")),
      tile(format.share(count.passed, rows), text("tile.passed"), text("tile.finished", { n: count.passed })),
      tile(format.count(refused), text("tile.refused"), text(refused ? "tile.each" : "tile.nothing")),
      tile(rate >= 100 ? format.count(Math.round(rate)) : format.number(+rate.toPrecision(3)), text(whole ? "tile.assets-minute" : "tile.rows-minute"), whole ? text("tile.wall") : text("tile.session", { n: info.finished })),
      tile(format.seconds(info.seconds), text("tile.time"), info.engine ? text("tile.engine", { name: info.engine }) : null),
      ...(spent.gpuHours ? [tile(format.seconds(3600 * spent.gpuHours), text("tile.gpu"), [paid, by].filter(Boolean).join(" · ") || null)] : []),
    ];
  };

  // Five columns whose height is the share of rows still in the line; the curve between two is what was lost there.
  parts.funnel = (steps) => {
    const all = Math.max(1, steps[0][1]);
    const half = (count) => (count / all) * 50;
    const width = 100;
    let top = "", bottom = "";
    steps.forEach(([, count], i) => {
      const x = i * width, flat = width * 0.62, h = half(count);
      top += i ? `C${x - 19} ${50 - half(steps[i - 1][1])} ${x - 19} ${50 - h} ${x} ${50 - h}` : `M0 ${50 - h}`;
      top += `L${x + flat} ${50 - h}`;
      bottom = `L${x + flat} ${50 + h}L${x} ${50 + h}` + (i ? `C${x - 19} ${50 + h} ${x - 19} ${50 + half(steps[i - 1][1])} ${x - 38} ${50 + half(steps[i - 1][1])}` : "Z") + bottom;
    });
    const end = (steps.length - 1) * width + width * 0.62;
    const words = steps.map(([name, count]) => `${meshmill.word("funnel", name)} ${count}`).join(", ");
    const columns = steps.map(([name, count], i) => {
      const lost = i ? steps[i - 1][1] - count : 0;
      const under = i ? (lost ? `−${format.count(lost)}` : meshmill.text("funnel.none")) : "";
      return el("li", {}, el("span", { text: meshmill.word("funnel", name) }), el("strong", { text: format.count(count) }), el("small", { class: lost ? "lost" : null, text: under }));
    });
    return el("div", { class: "funnel" },
      el("ol", {}, columns),
      el("svg", { viewBox: `0 0 ${end} 100`, preserveAspectRatio: "none", role: "img", "aria-label": meshmill.text("funnel.words", { list: words }) },
        el("linearGradient", { id: "fade" }, el("stop", { offset: 0, class: "from" }), el("stop", { offset: 1, class: "to" })),
        el("path", { d: top + bottom, fill: "url(#fade)" })));
  };

  const bar = (share, outcome) => el("i", { class: "bar", "aria-hidden": "true" }, share > 0 ? el("b", { class: outcome ? `is-${outcome}` : null, style: { width: `${share * 100}%` } }) : null);

  parts.outcomeBars = (count, rows, link) => el("ul", { class: "bars" }, meshmill.outcomes.map((name) =>
    el("li", {}, el("a", { href: link({ outcome: name }), title: meshmill.text(`meaning.${name}`), class: count[name] ? null : "none" },
      el("span", { text: meshmill.word("outcome", name) }), bar(rows ? count[name] / rows : 0, name), el("strong", { text: format.count(count[name]) }), el("small", { text: format.share(count[name], rows) })))));

  parts.reasonBars = (reasons, link, limit = Infinity) => {
    if (!reasons.length) return el("p", { class: "quiet", text: meshmill.text("reasons.none") });
    const most = reasons[0].count;
    return el("ul", { class: "bars wide" }, reasons.slice(0, limit).map(({ code, count, outcome, mixed }) =>
      el("li", {}, el("a", { href: link({ reason: code, outcome: mixed ? "refused" : outcome }) }, el("code", { text: code }), bar(count / most, outcome === "passed" ? "rejected" : outcome), el("strong", { text: format.count(count) })))));
  };

  parts.stages = (stages) => {
    if (!stages.length) return el("p", { class: "quiet", text: meshmill.text("stages.none") });
    const all = stages.reduce((sum, stage) => sum + stage.total, 0) || 1;
    const most = Math.max(...stages.map((stage) => stage.total)) || 1;
    const head = ["stage", "", "total", "share", "p50", "p95", "slowest"].map((name, i) => el(name ? "th" : "td", { scope: name ? "col" : null, class: i > 1 ? "num" : null, text: name && meshmill.text(`stages.${name}`) }));
    const rows = stages.map((stage) => el("tr", {},
      el("th", { scope: "row", text: stage.name }), el("td", { class: "wide" }, bar(stage.total / most)),
      [format.seconds(stage.total), format.share(stage.total, all), format.seconds(stage.p50), format.seconds(stage.p95), format.seconds(stage.max)]
        .map((value) => el("td", { class: "num", text: value }))));
    return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": meshmill.text("run.stages") },
      el("table", { class: "stages" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows)));
  };

  parts.histogram = (title, data, form) => {
    const bars = data.bars;
    if (!bars.length) return el("figure", { class: "card" }, el("figcaption", { text: title }), el("p", { class: "quiet", text: meshmill.text("histogram.none") }));
    const most = Math.max(...bars.map(([, , count]) => count));
    const step = 240 / bars.length, gap = Math.min(3, step * 0.18);
    const drawn = bars.map(([from, to, count], i) => {
      const h = count ? Math.max(2, (count / most) * 96) : 0;
      return el("rect", { x: (i * step + gap / 2).toFixed(2), y: (100 - h).toFixed(2), width: (step - gap).toFixed(2), height: h.toFixed(2), rx: 1.5 },
        el("title", { text: meshmill.text("histogram.bar", { low: form(from), high: form(to), count: format.count(count) }) }));
    });
    const [low, high] = [bars[0][0], bars[bars.length - 1][1]];
    const at = (value) => (high > low ? (Math.log(value / low) / Math.log(high / low)) * 240 : 120);
    const middle = el("line", { class: "median", x1: at(data.p50), x2: at(data.p50), y1: 0, y2: 100 });
    const words = meshmill.text("histogram.words", { title, n: data.count, middle: form(data.p50), most: form(data.p95), low: form(data.min), high: form(data.max) });
    return el("figure", { class: "card" },
      el("figcaption", {}, el("span", { text: title }), el("small", { text: meshmill.text("histogram.scale") })),
      el("svg", { viewBox: "0 0 240 101", role: "img", "aria-label": words }, el("line", { class: "base", x1: 0, x2: 240, y1: 100.5, y2: 100.5 }), drawn, middle),
      el("div", { class: "axis", "aria-hidden": "true" }, el("span", { text: form(data.min) }), el("span", { text: form(data.max) })),
      el("p", { class: "under" }, el("b", { text: form(data.p50) }), ` ${meshmill.text("histogram.median")}  `, el("b", { text: form(data.p95) }), ` ${meshmill.text("histogram.p95")}`));
  };
}
