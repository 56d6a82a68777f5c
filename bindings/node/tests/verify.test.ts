import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { appendMany, checkEachTest, openStore, scratch } from "./fixture.js";

checkEachTest();

test("a sound store has no findings, and every event was walked", async () => {
  const store = openStore("s");
  appendMany(store, 100);
  const { report, findings } = store.verify();
  const { logBytes, logHash, ...counts } = report;
  assert.deepEqual(findings, []);
  assert.ok(logBytes > 0n);
  assert.equal(logHash, store.logHash());
  assert.deepEqual(counts, {
    events: 101n,
    systemEvents: 1n,
    batches: 2n,
    segments: 1n,
    gaps: 0n,
    gapSequences: 0n,
    losses: 0n,
    lostSequences: 0n,
    unlinkedEvents: 0n,
    findings: 0n,
    eventsNotExamined: 0n,
    bytesNotExamined: 0n,
    lastSequence: 101n,
  });
  assert.deepEqual(await store.verifyAsync(), { report, findings });
});

test("damage is a finding that says where", () => {
  const store = openStore("s", { segmentBytes: 65536 });
  for (let i = 0; i < 10; i++) {
    appendMany(store, 100);
  }
  const path = scratch("s/00000000000000000001.log");
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(1000) ^ 1, 1000);
  writeFileSync(path, bytes);
  const { report, findings } = store.verify();
  assert.equal(report.findings, BigInt(findings.length));
  assert.ok(findings.length > 0);
  const [finding] = findings;
  assert.equal(finding?.path, path);
  assert.equal(finding.pathBytes.toString(), path);
  assert.ok(finding.message.length > 0);
  assert.ok(finding.offset < 1000n);
});
