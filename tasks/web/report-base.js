// What every part of the report stands on: elements, number formats, and data files loaded as classic scripts.
"use strict";

const meshmill = window.meshmill = { parts: {} };

// Everything a row says reaches the page as text or as an attribute set here: never as markup.
meshmill.element = (name, options = {}, ...children) => {
  const svg = ["svg", "path", "rect", "line", "title", "linearGradient", "stop"].includes(name);
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(options)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") node.textContent = value;
    else if (key === "style") for (const [rule, to] of Object.entries(value)) node.style.setProperty(rule, to);
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
};

meshmill.outcomes = ["passed", "rejected", "failed", "quarantined", "invalid"];

// Numbers as the reader's language writes them; units are the same in every language.
{
  const made = new Map();
  const numberFormat = (options) => {
    const key = `${meshmill.language.code} ${JSON.stringify(options)}`;
    if (!made.has(key)) made.set(key, new Intl.NumberFormat(meshmill.language.code, options));
    return made.get(key);
  };
  const whole = (value) => numberFormat({ maximumFractionDigits: 0 }).format(value);
  const fixed = (value, places) => numberFormat({ minimumFractionDigits: places, maximumFractionDigits: places }).format(value);
  const digits = (value) => fixed(value, value >= 100 ? 0 : value >= 10 ? 1 : 2);
  const scaled = (value, base, units) => {
    const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log(Math.max(value, 1)) / Math.log(base) + 1e-9)));
    return `${step ? digits(value / base ** step) : Math.round(value)} ${units[step]}`;
  };
  const seconds = (value) => {
    if (value < 0.001) return value > 0 ? `${digits(value * 1e6)} µs` : "0 s";
    if (value < 1) return `${digits(value * 1000)} ms`;
    if (value < 120) return `${digits(value)} s`;
    if (value < 600) return `${Math.floor(value / 60)} min ${Math.floor(value % 60)} s`;
    if (value < 7200) return `${Math.round(value / 60)} min`;
    return `${Math.floor(value / 3600)} h ${Math.floor((value % 3600) / 60)} min`;
  };
  meshmill.format = {
    count: whole,
    number: (value) => (Number.isInteger(value) ? whole(value) : numberFormat({ maximumSignificantDigits: 4 }).format(value)),
    share: (part, all) => (all ? `${part === all ? 100 : fixed(Math.min(99.9, (100 * part) / all), 1)} %` : "–"),
    bytes: (value) => scaled(value, 1000, ["B", "kB", "MB", "GB", "TB"]),
    seconds,
    triangles: (value) => (value < 10000 ? whole(Math.round(value)) : scaled(value, 1000, ["", "k", "M", "G"]).replace(" ", "")),
    date: (iso) => {
      const date = new Date(iso);
      const language = meshmill.language.code === "en" ? "en-GB" : meshmill.language.code;
      return Number.isNaN(date.getTime()) ? iso
        : `${date.toLocaleString(language, { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" })} UTC`;
    },
  };
}

// A finished file, seen from report/; encoded segment by segment, so that no name can become a scheme or a host.
meshmill.fileUrl = (uri) => "../" + uri.split("/").filter((part) => part && part !== "..").map(encodeURIComponent).join("/");

{
  const waiting = new Map();
  const arrived = (key, value) => waiting.get(key)?.(value);
  for (const kind of ["page", "cell", "index", "search", "id", "recorded", "model"]) meshmill[kind] = (name, value) => arrived(`${kind}-${name}`, value);
  meshmill.column = (name, part, value) => arrived(`${name}-${part}`, value);
  for (const single of ["summary", "versions"]) meshmill[single] = (value) => arrived(single, value);

  meshmill.script = (address) => new Promise((done, failed) => {
    const tag = meshmill.element("script", { src: address });
    tag.onload = () => { tag.remove(); done(); };
    tag.onerror = () => { tag.remove(); failed(new Error(`${address} could not be loaded`)); };
    document.head.append(tag);
  });

  // One data file; what the script hands over arrives before its load event.
  const load = async (key, address) => {
    let value;
    waiting.set(key, (given) => { value = given; });
    await meshmill.script(address).finally(() => waiting.delete(key));
    return value;
  };

  // Keeps the last files loaded: enough to page back and forth, never a whole large run.
  const kept = (limit, fetchOne) => {
    const cache = new Map();
    return (number) => {
      const held = cache.get(number) ?? fetchOne(number);
      cache.delete(number);
      cache.set(number, held);
      held.catch(() => cache.delete(number));
      if (cache.size > limit) cache.delete(cache.keys().next().value);
      return held;
    };
  };
  const numbered = (kind) => (number) => load(`${kind}-${number}`, `data/${kind}-${String(number).padStart(3, "0")}.js`);

  let versions = null;
  meshmill.load = {
    summary: () => load("summary", "data/summary.js"),
    versions: () => (versions ??= load("versions", "data/versions.js")),
    page: kept(12, numbered("page")),
    cell: kept(60, numbered("cell")),
    id: numbered("id"),
    recorded: numbered("recorded"),
    column: kept(60, (name) => numbered(name.split(" ")[0])(name.split(" ")[1])), // "score 0": the first part of the scores
    index: kept(100, numbered("index")),
    search: kept(40, numbered("search")),
    model: kept(3, (name) => load(`model-${name}`, `models/${name}.js`)),
  };
}
