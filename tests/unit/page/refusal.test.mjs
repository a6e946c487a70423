// The reason of a refused stream.

import assert from "node:assert/strict";
import { test } from "node:test";

import { refusalDetail } from "../../../web/js/protocol/errors.js";

test("the reason of a refused stream is its detail, and hostile text has none", () => {
  assert.equal(refusalDetail('{"reason":"address","detail":"one too many"}'), "one too many");
  for (const text of ["", "{", "[]", '{"detail":null}', "7"]) assert.equal(refusalDetail(text), null);
});
