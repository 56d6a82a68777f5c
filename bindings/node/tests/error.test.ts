import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import * as api from "fbat";
import {
  type CategoryName,
  FbatError,
  Status,
  Store,
  statusCategory,
  statusMessage,
  statusName,
} from "fbat";
import { makeError } from "../src/fail.js";
import { appendMany, checkEachTest, event, openStore, refused, scratch } from "./fixture.js";

checkEachTest();

const classes: Readonly<Record<CategoryName, unknown>> = {
  NONE: FbatError,
  INVALID: api.InvalidError,
  NOT_FOUND: api.NotFoundError,
  CONFLICT: api.ConflictError,
  BUSY: api.BusyError,
  CLOSED: api.ClosedError,
  IO: api.IoError,
  CORRUPT: api.CorruptError,
  UNSUPPORTED: api.UnsupportedError,
  CANCELLED: api.CancelledError,
  INTERNAL: api.InternalError,
};

test("every status has its name, a message, and a class of error for its category", () => {
  const seen = new Set<CategoryName>();
  for (const [name, status] of Object.entries(Status)) {
    const error = makeError({ status });
    assert.equal(error.code, `FBAT_${name}`);
    assert.equal(statusName(status), `FBAT_${name}`);
    assert.ok(statusMessage(status).length > 0);
    assert.equal(error.constructor, classes[error.category], name);
    assert.equal(api.Category[error.category], statusCategory(status), name);
    assert.equal(error.name, error.constructor.name);
    seen.add(error.category);
  }
  assert.equal(seen.size, Object.keys(classes).length);
  assert.equal(makeError({ status: -7 }).code, "FBAT_STOPPED_BY_CALLBACK");
  assert.ok(makeError({ status: -7 }) instanceof api.CancelledError);
  assert.equal(makeError({ status: 999 }).code, "FBAT_ERR_UNKNOWN");
  assert.ok(
    makeError({ status: 799 }) instanceof api.CorruptError,
    "of a later version: by its hundred",
  );
});

test("an error of a batch names the item, the version found, and the one expected", () => {
  const store = openStore("s");
  appendMany(store, 3);
  const expectations = [
    event("thing:2", "a"),
    event("thing:1", "b", { expect: api.Expect.VERSION, expectedVersion: 7n }),
  ];
  const error = refused(
    () => store.appendBatch(expectations),
    api.ConflictError,
    "ERR_VERSION_CONFLICT",
  );
  assert.deepEqual([error.item, error.actual, error.allowed], [1, 3n, 7n]);
  assert.deepEqual(
    [error.path, error.pathBytes, error.offset, error.osError],
    [null, null, null, null],
  );
  assert.equal(error.report, undefined);
  assert.match(String(error.stack), /^ConflictError: /);
});

test("an error of the operating system carries its number and the path", () => {
  writeFileSync(scratch("file"), "");
  const error = refused(() => Store.open(scratch("file/store")), api.IoError, "ERR_IO");
  assert.equal(error.osError, 20); // ENOTDIR
  assert.ok(error.path?.startsWith(scratch("file")), String(error.path));
  assert.equal(error.pathBytes?.toString(), error.path);
});

test("an error about damage says where in which file", () => {
  const store = openStore("s");
  store.append(event("thing:1", "a".repeat(300)));
  store.close();
  damage(scratch("s"), "a".repeat(300));
  const error = refused(() => openStore("s"), api.CorruptError, "ERR_CORRUPT");
  assert.match(String(error.path), /00000000000000000001\.log$/);
  assert.ok(error.offset !== null && error.offset > 0n);
});

function damage(path: string, text: string): void {
  const log = `${path}/00000000000000000001.log`;
  const bytes = readFileSync(log);
  const at = bytes.indexOf(text);
  assert.ok(at > 0);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 4, at);
  writeFileSync(log, bytes);
}
test("an error about an event names it", () => {
  const store = openStore("s");
  const key = api.operationKey("test", "1");
  store.append(event("thing:1", "a", { key }));
  const error = refused(
    () => store.append(event("thing:1", "b", { key })),
    api.ConflictError,
    "ERR_IDEMPOTENCY_CONFLICT",
  );
  assert.equal(error.eventId, key);
  assert.equal(error.sequence, 2n);
});
