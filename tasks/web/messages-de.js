// The page's German words; the keys are those of messages-en.js.
"use strict";

(meshmill.messages ??= {}).de = {
  "language.name": "Deutsch",
};
