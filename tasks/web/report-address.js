// The page's state in its address, so that every view can be linked to and the browser's Back works.
"use strict";

{
  // What an address may say; a range is "10..200", open where an end is missing, and "-score" sorts the largest first.
  const EMPTY = {
    view: "assets", outcome: "", reason: "", generator: "", category: "", profile: "", tags: "", decision: "", q: "",
    triangles: "", bytes: "", seconds: "", score: "", similarity: "", alignment: "", sort: "", asset: "",
  };
  const FILTERS = Object.keys(EMPTY).filter((name) => !["view", "sort", "asset"].includes(name));
  const RANGES = ["triangles", "bytes", "seconds", "score", "similarity", "alignment"];
  const known = ([name]) => Object.hasOwn(EMPTY, name);
  const listeners = [];

  const address = meshmill.address = {
    EMPTY, FILTERS, RANGES,
    state: { ...EMPTY },
    read: () => {
      const said = { ...EMPTY, ...Object.fromEntries([...new URLSearchParams(location.hash.slice(1))].filter(known)) };
      return { ...said, view: said.view === "run" ? "run" : "assets" };
    },

    // The address of the present state with changes; an asset stays open only where it is named.
    link: (changes, base = address.state) => {
      const next = { ...base, asset: "", ...changes };
      return "#" + new URLSearchParams(Object.entries(next).filter(([name, value]) => value !== EMPTY[name]));
    },
    go: (changes, keep = false) => {
      const to = address.link(changes);
      if (keep) history.replaceState(null, "", to); else history.pushState(null, "", to);
      return address.apply();
    },
    apply: async (first = false) => {
      const before = address.state;
      address.state = address.read();
      for (const listener of listeners) await listener(address.state, before, first);
    },
    onchange: (listener) => { listeners.push(listener); },

    range: (name, state = address.state) => {
      const [low, high] = state[name].split("..").map((end) => (end?.trim() ? Number(end) : NaN));
      return [Number.isNaN(low) ? -Infinity : low, Number.isNaN(high ?? NaN) ? Infinity : high];
    },
    isFiltered: (state = address.state) => FILTERS.some((name) => state[name]),
  };
}
