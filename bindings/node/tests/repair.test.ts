import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { ConflictError, NotFoundError, RepairFlag, repair, repairAsync } from "fbat";
import { checkEachTest, event, openStore, refused, scratch } from "./fixture.js";

checkEachTest();

const log = "old/00000000000000000001.log";

function damaged(): void {
  const store = openStore("old");
  for (const payload of ["first", "second", "third", "fourth"]) {
    store.append(event("thing:1", payload));
  }
  store.close();
  const bytes = readFileSync(scratch(log));
  const at = bytes.indexOf("second");
  bytes.writeUInt8(bytes.readUInt8(at) ^ 4, at);
  writeFileSync(scratch(log), bytes);
}

test("what holds is kept, what is lost is listed, and verify tells of the loss", async () => {
  damaged();
  const result = repair(scratch("old"), scratch("new"));
  const { report, findings: losses } = result;
  const { bytesUnread, ...counts } = report;
  assert.ok(bytesUnread > 0n);
  assert.deepEqual(counts, {
    events: 4n,
    systemEvents: 1n,
    unlinkedEvents: 1n,
    segments: 1n,
    headersRebuilt: 0n,
    findings: 1n,
    lostSequences: 1n,
    gapFirst: 0n,
    gapLast: 0n,
    flags: 0,
    isIdentityRebuilt: false,
    isIdentityUncertain: false,
  });
  assert.equal(losses.length, 1);
  const [loss] = losses;
  assert.deepEqual([loss?.firstSequence, loss?.lastSequence, loss?.path], [3n, 3n, scratch(log)]);
  assert.ok(loss && loss.offset > 0n && loss.message.length > 0 && loss.pathBytes.length > 0);
  const store = openStore("new");
  const kept = [...store.records()].map(({ sequence, payload }) => [sequence, payload.toString()]);
  assert.deepEqual(kept, [
    [2n, "first"],
    [4n, "third"],
    [5n, "fourth"],
  ]);
  const { report: walked, findings } = store.verify();
  assert.deepEqual(
    [walked.losses, walked.lostSequences, walked.unlinkedEvents, findings.length],
    [1n, 1n, 1n, 0],
  );
  assert.equal(store.query().at(1)?.previousHash, null);
  assert.deepEqual(await repairAsync(scratch("old"), scratch("another")), result);
});

test("a lost identity file is rebuilt, and that is said", () => {
  damaged();
  rmSync(scratch("old/store.fbat"));
  const { flags, isIdentityRebuilt } = repair(scratch("old"), scratch("new")).report;
  assert.ok(isIdentityRebuilt && (flags & RepairFlag.IDENTITY_REBUILT) !== 0);
});

test("nothing to repair, and nowhere to put it, are errors", () => {
  refused(() => repair(scratch("none"), scratch("new")), NotFoundError, "ERR_STORE_NOT_FOUND");
  damaged();
  openStore("new").close();
  refused(() => repair(scratch("old"), scratch("new")), ConflictError, "ERR_STORE_EXISTS");
});
