import assert from "node:assert/strict";
import { test } from "node:test";
import { ImportIdentity } from "../src/index.js";
import { appendMany, checkEachTest, openStore } from "./fixture.js";

checkEachTest();

test("stores are compared as sets", async () => {
  const [a, b] = [openStore("a"), openStore("b")];
  appendMany(a, 100);
  assert.equal(b.setDigest().events, 0n);
  const first = a.diff(b, { pageRows: 60 });
  assert.deepEqual([first.rows.length, first.isEnd], [60, false]);
  const rest = await a.diffAsync(b, { after: first.rows[59]?.position });
  assert.deepEqual([rest.rows.length, rest.isEnd], [40, true]);
  assert.equal(rest.rows[0]?.inOther, 0);
  assert.equal(b.diff(a).rows[0]?.inOther, 1);
  b.importFrom(a, { identity: ImportIdentity.ORIGIN });
  assert.deepEqual(a.diff(b).rows, []);
  assert.deepEqual(a.setDigest(), await b.setDigestAsync());
  const { rows, isEnd } = b.origins();
  assert.ok(isEnd);
  assert.deepEqual(
    rows.map((row) => [row.sourceNamespace, row.events, row.fingerprint]),
    [[a.namespace, 100n, a.setDigest().fingerprint]],
  );
});
