// The page's words: every visible text comes from a message file (messages-*.js) in the language the reader chose.
"use strict";

{
  const STORED = "meshmill.language";
  const known = () => Object.keys(meshmill.messages);
  const remembered = () => { try { return localStorage.getItem(STORED); } catch { return null; } }; // storage may be forbidden
  const wished = () => [remembered(), ...navigator.languages.map((name) => name.slice(0, 2))];
  const listeners = [];
  let plural;

  meshmill.language = {
    code: "en",
    names: () => known().map((code) => [code, meshmill.messages[code]["language.name"]]),

    // The reader's last choice, else the browser's, else English.
    start: () => meshmill.language.use(wished().find((code) => known().includes(code)) ?? "en", false),

    use: (code, remember = true) => {
      meshmill.language.code = code;
      plural = new Intl.PluralRules(code);
      document.documentElement.lang = code;
      if (remember) try { localStorage.setItem(STORED, code); } catch { /* this visit only */ }
      meshmill.language.label(document);
      listeners.forEach((listener) => listener());
    },

    // Called after each change of language, to draw again what was drawn with words.
    onchange: (listener) => { listeners.push(listener); },

    // Fixed words of the page: data-text is the key of an element's text, data-label that of its accessible name,
    // data-hint that of its placeholder.
    label: (root) => {
      for (const node of root.querySelectorAll("[data-text]")) node.textContent = meshmill.text(node.dataset.text);
      for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", meshmill.text(node.dataset.label));
      for (const node of root.querySelectorAll("[data-hint]")) node.setAttribute("placeholder", meshmill.text(node.dataset.hint));
    },
  };

  // The message of a key with {names} filled in; {n} is a number that also chooses between `one` and `other`. A key that
  // no file has comes back as it is, so that a missing word is seen and not lost.
  meshmill.text = (key, values = {}) => {
    const message = meshmill.messages[meshmill.language.code]?.[key] ?? meshmill.messages.en[key] ?? key;
    const chosen = typeof message === "string" ? message : message[plural.select(Number(values.n))] ?? message.other;
    const shown = (name) => (typeof values[name] === "number" ? meshmill.format.number(values[name]) : values[name]);
    return chosen.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? shown(name) : whole));
  };

  // A word of a fixed list ("passed", "shape"): its message, else the word itself, as rows may bring codes of their own.
  meshmill.word = (family, name) => (meshmill.messages.en[`${family}.${name}`] === undefined ? name : meshmill.text(`${family}.${name}`));
}
