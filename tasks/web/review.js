// What the reviewer decided: a decision for each asset and a list of refinements, kept in this browser for this run.
"use strict";

{
  const DECISIONS = ["approve", "reject", "remake"];
  const REASONS = ["shape", "texture", "caption", "size", "duplicate", "other"];
  const listeners = [];
  let place = null; // the run's name in localStorage; null until start()
  let decisions = new Map(); // id: { decision, reason, note, key }, what was decided here
  let recorded = new Map(); // the same, from the ledger
  let refinements = []; // { parent, instruction, region }
  let past = []; // functions that take the last change back

  const save = () => {
    try {
      localStorage.setItem(place, JSON.stringify({ decisions: [...decisions], refinements }));
      return true;
    } catch {
      return false;
    }
  };
  const load = () => {
    try {
      const kept = JSON.parse(localStorage.getItem(place)) ?? {};
      decisions = new Map(kept.decisions ?? []);
      refinements = kept.refinements ?? [];
    } catch {
      decisions = new Map();
      refinements = [];
    }
  };
  const changed = (what) => {
    const saved = place === null || save();
    listeners.forEach((listener) => listener({ ...what, saved }));
  };

  const put = (id, entry) => (entry ? decisions.set(id, entry) : decisions.delete(id));
  const same = (a, b) => a?.decision === b?.decision && (a?.reason ?? "") === (b?.reason ?? "") && (a?.note ?? "") === (b?.note ?? "");

  meshmill.review = {
    decisions: DECISIONS,
    reasons: REASONS,

    // Take up what this browser keeps for `run` (any text that names it); `fromLedger` is [id, decision, reason, note]….
    start: (run, fromLedger = []) => {
      place = `meshmill.review.${run}`;
      recorded = new Map(fromLedger.map(([id, decision, reason, note]) => [id, { decision, reason, note }]));
      past = [];
      load();
      for (const [id, entry] of decisions) if (same(entry, recorded.get(id))) decisions.delete(id); // it has arrived
      addEventListener("storage", (event) => { if (event.key === place) { load(); listeners.forEach((listener) => listener({ ids: null, saved: true })); } });
    },

    // { decision, reason, note } of an asset, decided here or recorded in the ledger; null for none.
    get: (id) => decisions.get(id) ?? recorded.get(id) ?? null,
    isRecorded: (id) => !decisions.has(id) && recorded.has(id),
    local: () => [...decisions],
    recorded: () => [...recorded],

    // How many assets have each decision, a refinement, and anything at all (`reviewed`).
    count: () => {
      const counts = { approve: 0, reject: 0, remake: 0, refine: 0, reviewed: 0 };
      const seen = new Set([...decisions.keys(), ...recorded.keys()]);
      for (const id of seen) counts[meshmill.review.get(id).decision]++;
      const asked = new Set(refinements.map(({ parent }) => parent));
      counts.refine = asked.size;
      counts.reviewed = seen.size + [...asked].filter((id) => !seen.has(id)).length;
      return counts;
    },

    // Drop what was decided on assets that are not there any more: `isThere(id, key)`. How many these were.
    reconcile: (isThere) => {
      const gone = [...decisions].filter(([id, entry]) => !isThere(id, entry.key)).map(([id]) => id);
      gone.forEach((id) => decisions.delete(id));
      const kept = refinements.filter(({ parent }) => isThere(parent, ""));
      const dropped = gone.length + refinements.length - kept.length;
      refinements = kept;
      if (dropped) changed({ ids: null });
      return dropped;
    },

    // What the lists show of an asset: its decision, else "refine" where a refinement is asked for, else "".
    state: (id) => meshmill.review.get(id)?.decision ?? (refinements.some(({ parent }) => parent === id) ? "refine" : ""),

    // Decide on one asset: decision is approve, reject, remake, or null to take the decision away.
    set: (id, decision, details = {}) => meshmill.review.setAll([[id, decision ? { decision, reason: "", note: "", ...details } : null]]),

    // Several [id, entry or null] as one change, which one undo takes back.
    setAll: (entries) => {
      const before = entries.map(([id]) => [id, decisions.get(id)]);
      entries.forEach(([id, entry]) => put(id, same(entry, recorded.get(id)) ? null : entry));
      const ids = entries.map(([id]) => id);
      past.push(() => { before.forEach(([id, entry]) => put(id, entry)); return ids; });
      changed({ ids });
    },

    refinements: (id) => (id === undefined ? [...refinements] : refinements.filter(({ parent }) => parent === id)),

    // Ask for a new version of `parent`: an instruction, and optionally a region ({ parts, boxes, spheres } or null).
    addRefinement: ({ parent, instruction, region = null }) => {
      const entry = { parent, instruction, region };
      refinements = [...refinements, entry];
      past.push(() => { refinements = refinements.filter((each) => each !== entry); return [parent]; });
      changed({ ids: [parent] });
    },
    removeRefinement: (entry) => {
      const before = refinements;
      refinements = refinements.filter((each) => each !== entry);
      past.push(() => { refinements = before; return [entry.parent]; });
      changed({ ids: [entry.parent] });
    },

    // Take back the last change of this visit; the ids it was about, null when there is none.
    undo: () => {
      const ids = past.pop()?.() ?? null;
      if (ids) changed({ ids });
      return ids;
    },
    canUndo: () => past.length > 0,

    // `listener({ ids, saved })` after every change; `ids` is null when everything may differ, `saved` false when this
    // browser would not keep it.
    onchange: (listener) => { listeners.push(listener); },
  };
}
