// Which rows fit the filters, and in which order: over columns of numbers, so that no page of rows has to be loaded.
"use strict";

{
  const { load, address } = meshmill;
  let summary;
  let places; // promise of Map id -> [ordinal, key]

  const fits = ([outcome, reasons, generator], wanted) => (!wanted.outcome || outcome === wanted.outcome || (wanted.outcome === "refused" && outcome !== "passed"))
    && (!wanted.reason || reasons.includes(wanted.reason)) && (!wanted.generator || generator === wanted.generator);

  const partsOf = () => Array.from({ length: Math.ceil(summary.rows / summary.indexRows) }, (_, part) => part);

  // A test of row i of one part for each filter that is set.
  const tests = async (state, part) => {
    const found = [];
    if (state.outcome || state.reason || state.generator) {
      const good = summary.classes.map((row) => fits(row, state)), kinds = await load.index(part);
      found.push((i) => good[kinds[i]]);
    }
    for (const name of Object.keys(summary.facets).filter((facet) => state[facet])) {
      const good = summary.facets[name].sets.map(([values]) => values.includes(state[name]));
      const column = await load.column(`${name} ${part}`);
      found.push((i) => good[column[i]]);
    }
    for (const name of Object.keys(summary.numbers).filter((number) => state[number])) {
      const [low, high] = address.range(name, state), column = await load.column(`${name} ${part}`);
      found.push((i) => column[i] !== null && column[i] >= low && column[i] <= high);
    }
    if (state.decision) {
      const decided = await matches.decided(), first = part * summary.indexRows;
      found.push(state.decision === "none" ? (i) => !decided.has(first + i) : (i) => decided.get(first + i)?.has(state.decision));
    }
    return found;
  };

  const search = async (rows, words, isStale, say) => {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    const found = [];
    let part = -1, texts = [];
    for (const row of rows) {
      const needed = Math.floor(row / summary.searchRows);
      if (needed !== part) {
        if (isStale()) return [];
        if (summary.rows > 2 * summary.searchRows) say(found.length);
        [part, texts] = [needed, await load.search(needed)];
      }
      const text = texts[row - part * summary.searchRows];
      if (wanted.every((word) => text.includes(word))) found.push(row);
    }
    return found;
  };

  const sorted = async (rows, sort) => {
    const name = sort.replace(/^-/, "");
    if (!(name in summary.numbers)) return rows;
    const columns = await Promise.all(partsOf().map((part) => load.column(`${name} ${part}`)));
    const value = (row) => columns[Math.floor(row / summary.indexRows)][row % summary.indexRows];
    const sign = sort.startsWith("-") ? -1 : 1;
    const last = (row) => value(row) === null; // rows without the number come behind all others, whichever the direction
    return [...rows].sort((a, b) => last(a) - last(b) || sign * (value(a) - value(b)) || a - b);
  };

  const every = () => Array.from({ length: summary.rows }, (_, i) => i);

  const matches = meshmill.matches = {
    start: (given) => { summary = given; },
    fits,

    // Ordinals of the rows that fit `state`, in its order. `isStale()` tells that a newer search has begun.
    find: async (state, isStale = () => false, say = () => {}) => {
      let rows = [];
      if (!address.isFiltered(state)) rows = every();
      else for (const part of partsOf()) {
        const wanted = await tests(state, part), first = part * summary.indexRows;
        const count = Math.min(summary.indexRows, summary.rows - first);
        for (let i = 0; i < count; i++) if (wanted.every((test) => test(i))) rows.push(first + i);
      }
      if (state.q) rows = await search(rows, state.q, isStale, say);
      return state.sort ? sorted(rows, state.sort) : rows;
    },

    // Where each id stands and how its key begins.
    places: () => {
      places ??= Promise.all(partsOf().map(load.id)).then((parts) => {
        const found = new Map();
        parts.flat().forEach(([id, key], i) => found.set(id, [i, key]));
        return found;
      });
      return places;
    },

    // What was decided, by ordinal: a set of approve, reject, remake, refine.
    decided: async () => {
      const at = await matches.places(), found = new Map();
      const note = (id, what) => {
        const place = at.get(id)?.[0];
        if (place !== undefined) found.set(place, (found.get(place) ?? new Set()).add(what));
      };
      for (const id of new Set([...meshmill.review.recorded(), ...meshmill.review.local()].map(([id]) => id))) note(id, meshmill.review.get(id).decision);
      for (const { parent } of meshmill.review.refinements()) note(parent, "refine");
      return found;
    },

    // Rows of each kind that fit all filters but the one the kinds belong to.
    tally: (wanted, keysOf) => {
      const counts = new Map();
      for (const row of summary.classes) if (fits(row, wanted)) for (const key of keysOf(row)) counts.set(key, (counts.get(key) ?? 0) + row[3]);
      return counts;
    },
  };
}
