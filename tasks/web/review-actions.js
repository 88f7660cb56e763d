// Deciding: what may be decided on an asset, the buttons for it, and the questions that a rejection or refinement asks.
"use strict";

{
  const { element: el, review } = meshmill;
  const $ = (id) => document.getElementById(id);
  const toast = $("toast"); // moves into an open dialog and out again
  const KEYS = { approve: "A", reject: "R", remake: "M", refine: "F" };
  const ICONS = {
    approve: "M4 12.5l5 5L20 6.5",
    reject: "M6 6l12 12M18 6L6 18",
    remake: "M19 12a7 7 0 1 1-2.2-5.1M19 3v4.5h-4.5",
    refine: "M4 20l1-4.5L16.5 4 20 7.5 8.5 19z",
  };
  const name = (card) => card.title || card.id;
  const isDone = (card) => card.outcome === "passed" || (card.reasons ?? []).every((code) => code.startsWith("review.")) && card.outcome === "rejected";

  // --- saying what happened ------------------------------------------------------------------------------------
  let hiding;
  const say = (words, undo = false) => {
    // Nothing outside an open dialog can be reached, or is read out.
    const place = [$("ask"), $("detail")].find((dialog) => dialog.open) ?? document.body;
    if (toast.parentNode !== place) place.append(toast);
    toast.querySelector("#said").textContent = words;
    toast.querySelector("#said-undo").hidden = !undo;
    toast.toggleAttribute("data-shown", true);
    clearTimeout(hiding);
    hiding = setTimeout(() => toast.removeAttribute("data-shown"), 6000);
  };

  // --- questions -----------------------------------------------------------------------------------------------
  // One dialog asks everything; it answers with what `close(value)` is given, or undefined for Escape.
  let answered = null;
  const ask = (title, content, { wide = false, keys = null } = {}) => new Promise((done) => {
    answered?.(undefined);
    const dialog = $("ask");
    if (dialog.contains(toast)) document.body.append(toast);
    let answer;
    const close = (value) => { answer = value; dialog.close(); };
    dialog.replaceChildren(el("h2", { id: "ask-title", text: title }), ...content(close));
    dialog.classList.toggle("wide", wide);
    dialog.onkeydown = (event) => { if (keys && !event.ctrlKey && !event.metaKey && !event.altKey && !event.target.matches("textarea, input")) keys(event, close); };
    answered = (value) => { answered = null; done(value); };
    dialog.onclose = () => {
      if (dialog.contains(toast)) ($("detail").open ? $("detail") : document.body).append(toast);
      answered?.(answer);
    };
    if (!dialog.open) dialog.showModal();
  });

  const reasonOf = (card) => ask(meshmill.text("reject.title", { name: name(card) }), (close) => {
    const note = el("input", { id: "ask-note", type: "text", maxlength: 2000, autocomplete: "off" });
    return [
      el("ol", { class: "choices" }, review.reasons.map((code, i) => el("li", {}, el("button", { type: "button", onclick: () => close({ reason: code, note: note.value.trim() }) }, el("kbd", { text: String(i + 1) }), el("span", { text: meshmill.word("reason", code) }))))),
      el("label", { class: "field" }, el("span", { text: meshmill.text("reject.note") }), note),
      el("p", { class: "quiet", text: meshmill.text("reject.hint") }),
      el("p", { class: "row" }, el("button", { type: "button", class: "button", onclick: () => close(undefined) }, meshmill.text("cancel"))),
    ];
  }, { keys: (event, close) => {
    const code = review.reasons[Number(event.key) - 1];
    if (code) { event.preventDefault(); close({ reason: code, note: $("ask-note").value.trim() }); }
  } });

  const instructionOf = (card) => ask(meshmill.text("refine.title", { name: name(card) }), (close) => {
    const words = el("textarea", { id: "ask-words", rows: 3, maxlength: 2000, placeholder: meshmill.text("refine.example"), "aria-label": meshmill.text("refine.label") });
    const done = () => (words.value.trim() ? close(words.value.trim()) : words.focus());
    words.addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); done(); } });
    const list = el("ul", { class: "asked" });
    const show = () => list.replaceChildren(...review.refinements(card.id).map((entry) => el("li", {}, el("span", { text: entry.instruction }), entry.region ? el("small", { text: meshmill.text("refine.region") }) : null,
      el("button", { type: "button", class: "link", onclick: () => { review.removeRefinement(entry); show(); words.focus(); } }, meshmill.text("refine.remove")))));
    show();
    queueMicrotask(() => words.focus());
    return [list, words, el("p", { class: "quiet", text: meshmill.text("refine.hint") }),
      el("p", { class: "row" }, el("button", { type: "button", class: "button main", onclick: done }, meshmill.text("refine.add")), el("button", { type: "button", class: "button", onclick: () => close(undefined) }, meshmill.text("cancel")))];
  });

  // --- deciding ------------------------------------------------------------------------------------------------
  const may = (card, what) => {
    if (what === "approve" || what === "refine") return isDone(card);
    return what !== "remake" || card.outcome !== "invalid";
  };

  const progress = () => meshmill.text("progress", { n: review.count().reviewed, all: meshmill.session.rows() });
  const tell = (card, what) => say(`${meshmill.text(`did.${what}`, { name: name(card) })} ${progress()}`, true);

  // Whether it was decided: a question may be closed without an answer.
  const decide = async (card, what) => {
    if (!may(card, what)) { say(meshmill.text(`cannot.${what}`, { name: name(card) })); return false; }
    if (what === "refine") {
      const instruction = await instructionOf(card);
      if (!instruction) return false;
      review.addRefinement({ parent: card.id, instruction, region: null });
    } else {
      const details = what === "reject" ? await reasonOf(card) : {};
      if (!details) return false;
      review.set(card.id, what, { ...details, key: card.key?.slice(0, 12) });
    }
    tell(card, what);
    return true;
  };

  const clear = (card) => {
    if (!review.get(card.id) || review.isRecorded(card.id)) { say(meshmill.text("cannot.clear", { name: name(card) })); return; }
    review.set(card.id, null);
    tell(card, "clear");
  };

  const undo = () => {
    const ids = review.undo();
    say(ids ? `${meshmill.text("did.undo", { n: ids.length })} ${progress()}` : meshmill.text("cannot.undo"));
    return ids;
  };

  const approveAll = async (ordinals) => {
    const cards = [];
    for (const ordinal of ordinals) cards.push(await meshmill.grid.cardAt(ordinal));
    const fit = cards.filter((card) => may(card, "approve") && review.get(card.id)?.decision !== "approve");
    if (!fit.length) { say(meshmill.text("bulk.none")); return; }
    const words = [meshmill.text("bulk.words", { n: fit.length }), fit.length < cards.length ? meshmill.text("bulk.others", { n: cards.length - fit.length }) : ""].join(" ");
    const sure = await ask(meshmill.text("bulk.title"), (close) => [el("p", { text: words }),
      el("p", { class: "row" }, el("button", { type: "button", class: "button main", onclick: () => close(true) }, meshmill.text("bulk.do", { n: fit.length })), el("button", { type: "button", class: "button", onclick: () => close(false) }, meshmill.text("cancel")))]);
    if (!sure) return;
    review.setAll(fit.map((card) => [card.id, { decision: "approve", reason: "", note: "", key: card.key }]));
    say(`${meshmill.text("did.bulk", { n: fit.length })} ${progress()}`, true);
  };

  const help = () => ask(meshmill.text("help.title"), (close) => [
    el("dl", { class: "keys" }, ["move", "open", "approve", "reject", "remake", "refine", "clear", "undo", "search", "help", "close"].map((what) => [
      el("dt", {}, meshmill.text(`key.${what}`).split(" ").map((key) => el("kbd", { text: key }))), el("dd", { text: meshmill.text(`help.${what}`) })])),
    el("h3", { text: meshmill.text("help.files") }), el("p", { text: meshmill.text("help.saved") }), el("p", { text: meshmill.text("help.csv") }),
    el("pre", { text: "meshmill review OUT review.csv\nmeshmill refine OUT refine.csv" }),
    el("p", { text: meshmill.text("help.formula") }),
    el("p", { class: "row" }, el("button", { type: "button", class: "button main", onclick: () => close(undefined) }, meshmill.text("close")))], { wide: true });

  const icon = (what) => el("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, el("path", { d: ICONS[what] }));

  meshmill.actions = {
    may, decide, clear, undo, approveAll, help, say, ask,

    // The four decisions as buttons: small ones on a cell, wide ones with words in a bar.
    buttons: (card, style, tab = 0) => el("div", { class: style, role: "group", "aria-label": meshmill.text("decide.on", { name: name(card) }) }, Object.keys(KEYS).map((what) => {
      const on = what === "refine" ? review.refinements(card.id).length > 0 : review.get(card.id)?.decision === what;
      const label = meshmill.text(`decide.${what}`);
      return el("button", {
        type: "button", class: `act is-${what}`, "data-act": what, "aria-pressed": String(on), "aria-disabled": may(card, what) ? null : "true", tabindex: tab,
        "aria-label": `${label}: ${name(card)}`, title: `${label} (${KEYS[what]})`,
        onclick: () => (on && what !== "refine" && !review.isRecorded(card.id) ? clear(card) : decide(card, what)),
      }, icon(what), style === "acts" ? null : [el("span", { text: label }), el("kbd", { text: KEYS[what] })]);
    })),
  };
}
