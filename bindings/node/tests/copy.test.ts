import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { test } from "node:test";
import {
  BackupFlag,
  BusyError,
  ConflictError,
  InvalidError,
  NotFoundError,
  newIdentity,
  OpenMode,
  Store,
} from "fbat";
import { appendMany, checkEachTest, openStore, refused, scratch } from "./fixture.js";

checkEachTest();

test("a backup is a store with the same history", async () => {
  const store = openStore("s");
  appendMany(store, 50);
  const report = store.backup(scratch("copy"));
  assert.deepEqual(
    [report.events, report.segments, report.linkedSegments, report.lastSequence],
    [51n, 1n, 0n, 51n],
  );
  assert.equal(report.logHash, store.logHash());
  assert.ok(report.logBytes > 0n);
  appendMany(store, 1);
  const later = await store.backupAsync(scratch("later"));
  assert.equal(later.events, 52n);
  const copy = openStore("copy");
  assert.deepEqual(
    [copy.id, copy.logHash(), copy.openReport.isUnclean],
    [store.id, report.logHash, false],
  );
  refused(() => store.backup(scratch("copy")), ConflictError, "ERR_STORE_EXISTS");
  refused(() => store.backup(scratch("new"), { flags: 4 }), InvalidError, "ERR_INVALID_ARGUMENT");
});

test("what is full is compressed, and reads the same", async () => {
  const store = openStore("s", { segmentBytes: 65536 });
  for (let i = 0; i < 4; i++) {
    appendMany(store, 300);
  }
  const [before, hash] = [store.stats(), store.logHash()];
  const report = store.compress({ level: 3 });
  assert.ok(report.segments > 0n);
  assert.equal(report.segments + report.segmentsLeft, before.segments - 1n);
  const saved = report.bytesBefore - report.bytesAfter;
  assert.ok(saved > 0n);
  assert.equal(store.stats().logBytes, before.logBytes - saved);
  assert.equal(store.logHash(), hash);
  assert.deepEqual(store.verify().findings, []);
  assert.equal((await store.compressAsync({ through: 1 })).segments, 0n);
  refused(() => store.compress({ level: 20 }), InvalidError, "ERR_INVALID_ARGUMENT");
});

test("sealed files become links where that is asked for", () => {
  const store = openStore("s", { segmentBytes: 65536 });
  for (let i = 0; i < 4; i++) {
    appendMany(store, 300);
  }
  const { segments, linkedSegments } = store.backup(scratch("copy"), { flags: BackupFlag.LINK });
  assert.ok(segments > 1n);
  assert.equal(linkedSegments, segments - 1n);
  assert.equal(statSync(scratch("copy/00000000000000000001.log")).nlink, 2);
});

test("a copy gets an id of its own", () => {
  const store = openStore("s");
  appendMany(store, 2);
  store.backup(scratch("copy"));
  const id = newIdentity(scratch("copy"));
  assert.notEqual(id, store.id);
  assert.equal(openStore("copy", { mode: OpenMode.MUST_EXIST }).id, id);
  refused(() => newIdentity(scratch("s")), BusyError, "ERR_BUSY");
  refused(() => newIdentity(scratch("none")), NotFoundError, "ERR_STORE_NOT_FOUND");
  assert.ok(Store.open(scratch("copy"), { mode: OpenMode.READ_ONLY }).close() === undefined);
});
