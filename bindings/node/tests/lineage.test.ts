import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Column,
  Durability,
  ImportFlag,
  ImportIdentity,
  InvalidError,
  NotFoundError,
  OnConflict,
  parseId,
  Store,
} from "fbat";
import { appendMany, checkEachTest, event, openStore, refused, scratch } from "./fixture.js";

checkEachTest();

const keeping = { identity: ImportIdentity.ORIGIN, onConflict: OnConflict.KEEP } as const;
const key = parseId("00000000000000000000000000000009");

/** A store, and a hub that has both contents of one name: of it, and of a copy that went on. */
function conflicting() {
  const [first, hub] = [openStore("first"), openStore("hub")];
  const path = scratch("fork");
  first.backup(path);
  const fork = Store.open(path, { durability: Durability.OS });
  first.append(event("order:1", "one", { key }));
  fork.append(event("order:1", "two", { key }));
  assert.equal(hub.importFrom(first, keeping).imported, 1n);
  assert.equal(hub.importFrom(fork, keeping).conflictsKept, 1n);
  fork.close();
  return { first, hub };
}

test("a dry run and a plan append nothing", async () => {
  const [source, hub] = [openStore("source"), openStore("hub")];
  appendMany(source, 10);
  const sourceNamespace = "plant";
  const [row, ...others] = hub.planImport(source, { sourceNamespace });
  assert.deepEqual(others, []);
  assert.equal(row?.sourceNamespace, "plant");
  assert.equal(row?.entityPrefix, "thing");
  assert.equal(row?.events, 10n);
  assert.deepEqual(await hub.planImportAsync(source, { sourceNamespace }), [row]);
  const dry = hub.importFrom(source, { sourceNamespace, flags: ImportFlag.DRY_RUN });
  assert.equal(hub.frontier().visible, 1n);
  assert.equal(hub.importFrom(source, { sourceNamespace }).imported, dry.imported);
  assert.deepEqual(hub.planImport(source, { sourceNamespace }), []);
  refused(() => hub.planImport(hub), InvalidError, "ERR_INVALID_ARGUMENT");
});

test("events are found by their origin", () => {
  const { first, hub } = conflicting();
  const page = hub.byOrigin(first.namespace, key);
  const texts = [...page].map((record) => Buffer.from(record.payload).toString());
  assert.deepEqual(texts, ["one", "two"]);
  assert.equal(page.isEnd, true);
  assert.equal(first.byOrigin(first.namespace, key, Column.FIXED).length, 1);
  const other = parseId("00000000000000000000000000000008");
  refused(() => hub.byOrigin(first.namespace, other), NotFoundError, "ERR_NOT_FOUND");
  refused(() => hub.byOrigin("", key), InvalidError, "ERR_INVALID_ARGUMENT");
});

test("names with two contents are listed", () => {
  const { first, hub } = conflicting();
  const { rows, isEnd } = hub.conflicts();
  assert.equal(isEnd, true);
  assert.equal(rows.length, 1);
  const row = rows[0] as (typeof rows)[0];
  assert.equal(row.sourceNamespace, first.namespace);
  assert.equal(row.sourceEventId, key);
  assert.equal(row.keptSequence, row.sequence + 1n);
  assert.deepEqual(hub.get(row.keptId)?.contentHash, row.keptContentHash);
  assert.deepEqual(hub.conflicts(row.sequence, 1).rows, []);
  refused(() => hub.conflicts(0, 65_537), InvalidError, "ERR_INVALID_ARGUMENT");
});

test("sources are summed up", () => {
  const [source, hub] = [openStore("source"), openStore("hub")];
  appendMany(source, 10);
  assert.deepEqual(hub.sources(), []);
  hub.importFrom(source, keeping);
  const [row, ...others] = hub.sources();
  assert.deepEqual(others, []);
  assert.equal(row?.sourceNamespace, source.namespace);
  assert.equal(row?.imported, 10n);
});
