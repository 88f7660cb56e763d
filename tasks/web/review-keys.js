// The keyboard: the whole review without a mouse.
"use strict";

{
  const $ = (id) => document.getElementById(id);
  const DECIDE = { a: "approve", r: "reject", m: "remake", f: "refine" };
  const typing = (target) => target instanceof Element && target.matches("input, textarea, select, [contenteditable]");

  const inList = (event) => {
    const { grid } = meshmill, here = grid.place();
    const onCell = event.target instanceof Element && event.target.closest("#grid li");
    const columns = grid.columns();
    const last = grid.rows().length - 1, arrows = onCell || event.target === document.body;
    const to = { j: here + 1, k: here - 1, ...(arrows ? { ArrowRight: here + 1, ArrowLeft: here - 1, ArrowDown: here + columns, ArrowUp: here - columns, Home: 0, End: last } : {}) }[event.key];
    if (to === undefined || last < 0) return false;
    if (here < 0 && event.key !== "End") grid.choose(0);
    else if (to >= 0 && to <= last) grid.choose(to);
    return true;
  };

  const act = async (card, event) => {
    const { actions, session } = meshmill;
    if (!card) { actions.say(meshmill.text("cannot.choose")); return; }
    if (event.key === "x") { actions.clear(card); return; }
    if (await actions.decide(card, DECIDE[event.key])) await session.next();
  };

  const press = async (event) => {
    const { actions, session } = meshmill;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || $("ask").open || !session.isReviewing()) return;
    const key = event.key;
    if (key === "?") { event.preventDefault(); actions.help(); return; }
    if (key === "u") { event.preventDefault(); actions.undo(); return; }
    if (key in DECIDE || key === "x") { event.preventDefault(); await act(await session.card(), event); return; }
    if ($("detail").open) {
      if (key === "j" || key === "k") { event.preventDefault(); session.step(key === "j" ? 1 : -1); }
    } else if (key === "/") { event.preventDefault(); $("q").focus(); $("q").select(); }
    else if (inList(event)) event.preventDefault();
  };

  meshmill.keys = { start: () => addEventListener("keydown", press) };
}
