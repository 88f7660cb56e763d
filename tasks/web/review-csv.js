// review.csv and refine.csv: written, read again, and saved as files.
"use strict";

{
  const { review } = meshmill;
  // Every field is quoted and stays exactly what it is (RFC 4180): an id that begins with = is still that id when
  // `meshmill review` reads it. A spreadsheet would take such a cell for a formula, so the page counts them and says
  // to import the file as text.
  const quote = (value) => `"${String(value ?? "").replaceAll('"', '""')}"`;
  const lines = (rows) => rows.map((row) => row.map(quote).join(",")).join("\r\n") + "\r\n";
  const FORMULA = /^[=+\-@\t\r]/;

  // Records of a CSV text with either , ; or tab between values; a field may hold quotes, delimiters and line ends.
  const parse = (text) => {
    const first = text.replace(/^\uFEFF/, "");
    const head = first.split(/\r?\n/, 1)[0];
    const mark = [",", ";", "\t"].find((each) => head.includes(each)) ?? ",";
    const rows = [];
    let row = [], field = "", quoted = false;
    for (let i = 0; i < first.length; i++) {
      const letter = first[i];
      if (quoted) {
        if (letter !== '"') field += letter;
        else if (first[i + 1] === '"') { field += '"'; i++; }
        else quoted = false;
      } else if (letter === '"' && field === "") quoted = true;
      else if (letter === mark) { row.push(field); field = ""; }
      else if (letter === "\n" || letter === "\r") {
        if (letter === "\r" && first[i + 1] === "\n") i++;
        rows.push([...row, field]);
        row = []; field = "";
      } else field += letter;
    }
    if (field !== "" || row.length) rows.push([...row, field]);
    return rows.filter((each) => each.some((value) => value.trim()));
  };

  const records = (text) => {
    const [head = [], ...rows] = parse(text);
    const names = head.map((name) => name.trim().toLowerCase());
    return [names, rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i] ?? ""])))];
  };

  meshmill.csv = {
    parse,
    // `keyOf(id)` is how the key of the asset begins that the reviewer looked at.
    review: (keyOf) => lines([["id", "decision", "reason", "note", "key"], ...review.local().map(([id, entry]) => [id, entry.decision, entry.reason, entry.note, entry.key || keyOf(id)])]),
    refine: () => lines([["parent", "instruction", "region"], ...review.refinements().map(({ parent, instruction, region }) => [parent, instruction, region ? JSON.stringify(region) : ""])]),
    formulas: (text) => parse(text).slice(1).flat().filter((value) => FORMULA.test(value)).length,

    save: (name, text) => {
      const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
      const link = meshmill.element("a", { href: address, download: name });
      link.click();
      setTimeout(() => URL.revokeObjectURL(address), 10_000);
    },

    // Take over the lines of an earlier review.csv or refine.csv; `at` maps ids to [ordinal, key]. Answers with
    // { taken, refused: [line number, id, why]… }.
    take: (text, at) => {
      const [names, rows] = records(text);
      if (names.includes("instruction") && names.includes("parent")) return takeRefinements(rows, at);
      if (!names.includes("id") || !names.includes("decision")) return { taken: 0, refused: [[1, "", "import.no-columns"]] };
      const taken = [], refused = [];
      rows.forEach((row, i) => {
        const decision = row.decision.trim().toLowerCase(), id = row.id, known = at.get(id);
        const why = !known ? "import.unknown-id" : !review.decisions.includes(decision) ? "import.unknown-decision"
          : row.key && !known[1].startsWith(row.key) ? "import.made-since" : "";
        if (why) refused.push([i + 2, id, why]);
        else taken.push([id, { decision, reason: (row.reason ?? "").trim(), note: row.note ?? "", key: known[1] }]);
      });
      if (taken.length) review.setAll(taken);
      return { taken: taken.length, refused };
    },
  };

  const takeRefinements = (rows, at) => {
    const refused = [];
    let taken = 0;
    const same = (a, b) => a.parent === b.parent && a.instruction === b.instruction && JSON.stringify(a.region) === JSON.stringify(b.region);
    rows.forEach((row, i) => {
      let region = null;
      try { region = row.region ? JSON.parse(row.region) : null; } catch { refused.push([i + 2, row.parent, "import.bad-region"]); return; }
      const entry = { parent: row.parent, instruction: row.instruction, region };
      if (!at.has(row.parent)) refused.push([i + 2, row.parent, "import.unknown-id"]);
      else if (!row.instruction.trim()) refused.push([i + 2, row.parent, "import.no-instruction"]);
      else if (!review.refinements(row.parent).some((other) => same(other, entry))) { review.addRefinement(entry); taken++; }
    });
    return { taken, refused };
  };
}
