// The keyboard: the whole review without a mouse.
"use strict";

{
  const $ = (id) => document.getElementById(id);
  const DECIDE = { a: "approve", r: "reject", m: "remake", f: "refine" };
  const typing = (target) => target instanceof Element && target.matches("input, textarea, select, [contenteditable]");

  // Where a key of the list goes to; null for any other key.
  const target = (event) => {
    const arrows = event.target === document.body || (event.target instanceof Element && event.target.closest("#grid li"));
    const { grid } = meshmill, columns = () => grid.columns();
    return {
      j: () => grid.place() + 1, k: () => grid.place() - 1,
      ...(arrows ? {
        ArrowRight: () => grid.place() + 1, ArrowLeft: () => grid.place() - 1, ArrowDown: () => grid.place() + columns(), ArrowUp: () => grid.place() - columns(),
        Home: () => 0, End: () => grid.rows().length - 1,
      } : {}),
    }[event.key] ?? null;
  };
  const move = async (to, key) => {
    const { grid } = meshmill, last = grid.rows().length - 1;
    const place = grid.place() < 0 && key !== "End" ? 0 : to();
    if (place >= 0 && place <= last) await grid.choose(place);
  };

  const act = async (key) => {
    const { actions, session } = meshmill, card = await session.card();
    if (!card) actions.say(meshmill.text("cannot.choose"));
    else if (key === "x") actions.clear(card);
    else if (await actions.decide(card, DECIDE[key])) await session.next();
  };

  // What a key does; null for a key that is not ours.
  const meaning = (event) => {
    const { actions, session } = meshmill, { key } = event;
    if (key === "?") return actions.help;
    if (key === "u") return actions.undo;
    if (key in DECIDE || key === "x") return () => act(key);
    if ($("detail").open) return key === "j" || key === "k" ? () => session.step(key === "j" ? 1 : -1) : null;
    if (key === "/") return () => { $("q").focus(); $("q").select(); };
    const to = target(event);
    return to && (() => move(to, key));
  };

  // One key after the other: the second of two quick ones is about the asset that the first went on to.
  let before = Promise.resolve();
  const press = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || $("ask").open || !meshmill.session.isReviewing()) return;
    const does = meaning(event);
    if (!does) return;
    event.preventDefault();
    if (event.key === "/") does(); // what is typed next belongs to the field
    else before = before.then(does).catch((error) => meshmill.actions.say(error.message));
  };

  meshmill.keys = { start: () => addEventListener("keydown", press) };
}
