// The page's English words. Every key stands in each message file; {name} is filled in, {n} chooses one or other.
"use strict";

(meshmill.messages ??= {}).en = {
  "language.name": "English",
};
