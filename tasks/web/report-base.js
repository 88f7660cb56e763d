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
meshmill.meaning = {
  passed: "finished, and nothing found against it",
  rejected: "a gate or a generator said no",
  failed: "an error on the way",
  quarantined: "hung or crashed in every try",
  invalid: "the manifest row itself is wrong",
};

{
  const whole = new Intl.NumberFormat("en");
  const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
  const digits = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));
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
    count: (value) => whole.format(value),
    number: (value) => (Number.isInteger(value) ? whole.format(value) : short.format(value)),
    share: (part, all) => (all ? `${part === all ? 100 : Math.min(99.9, (100 * part) / all).toFixed(1)} %` : "–"),
    bytes: (value) => scaled(value, 1000, ["B", "kB", "MB", "GB", "TB"]),
    seconds,
    triangles: (value) => (value < 10000 ? whole.format(Math.round(value)) : scaled(value, 1000, ["", "k", "M", "G"]).replace(" ", "")),
    date: (iso) => {
      const date = new Date(iso);
      return Number.isNaN(date.getTime()) ? iso
        : `${date.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" })} UTC`;
    },
  };
}

// A finished file, seen from report/; encoded segment by segment, so that no name can become a scheme or a host.
meshmill.fileUrl = (uri) => "../" + uri.split("/").filter((part) => part && part !== "..").map(encodeURIComponent).join("/");

{
  const waiting = new Map();
  const arrived = (key, value) => waiting.get(key)?.(value);
  for (const kind of ["page", "index", "search", "model"]) meshmill[kind] = (name, value) => arrived(`${kind}-${name}`, value);
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
    index: kept(100, numbered("index")),
    search: kept(40, numbered("search")),
    model: kept(3, (name) => load(`model-${name}`, `models/${name}.js`)),
  };
}
