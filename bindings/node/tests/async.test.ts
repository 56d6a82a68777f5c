/** What an asynchronous method cannot do is told by its promise, never thrown at the call. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ClosedError,
  type EventInit,
  InvalidError,
  operationKey,
  QueryFlag,
  repairAsync,
  Store,
} from "fbat";
import { appendMany, checkEachTest, checkError, event, openStore, scratch } from "./fixture.js";

checkEachTest();

const wrong = undefined as never;
const sourceNamespace = "n";

/** What the promise is rejected with; the call itself must not throw. */
function rejection(call: () => Promise<unknown>): Promise<unknown> {
  let promise: Promise<unknown>;
  try {
    promise = call();
  } catch (thrown) {
    return assert.fail(`thrown at the call: ${String(thrown)}`);
  }
  return promise.then(
    () => assert.fail("it was not refused"),
    (thrown: unknown) => thrown,
  );
}

const ofClosed: { readonly [name: string]: (closed: Store, open: Store) => Promise<unknown> } = {
  appendAsync: (closed) => closed.appendAsync(event("a", "b")),
  appendBatchAsync: (closed) => closed.appendBatchAsync([event("a", "b")]),
  queryAsync: (closed) => closed.queryAsync(),
  syncAsync: (closed) => closed.syncAsync(),
  importFromAsync: (closed, open) => closed.importFromAsync(open, { sourceNamespace }),
  "importFromAsync from it": (closed, open) => open.importFromAsync(closed, { sourceNamespace }),
  countAsync: (closed) => closed.countAsync(),
  planImportAsync: (closed, open) => closed.planImportAsync(open, { sourceNamespace }),
  setDigestAsync: (closed) => closed.setDigestAsync(),
  diffAsync: (closed, open) => closed.diffAsync(open),
  verifyAsync: (closed) => closed.verifyAsync(),
  backupAsync: (closed) => closed.backupAsync(scratch("copy")),
  compressAsync: (closed) => closed.compressAsync(),
  getAsync: (store) => store.getAsync(operationKey("a", "b")),
  recordsAsync: (store) => store.recordsAsync().next(),
};

for (const [name, call] of Object.entries(ofClosed)) {
  test(`${name} of a closed store is rejected, with the path of the store`, async () => {
    const open = openStore("open");
    const closed = openStore("closed");
    closed.close();
    const error = await rejection(() => call(closed, open));
    checkError(error, ClosedError, "ERR_CLOSED");
    assert.equal(error.message, `the store '${scratch("closed")}' was closed`);
    assert.equal(error.path, scratch("closed"));
    assert.deepEqual(error.pathBytes, Buffer.from(scratch("closed")));
  });
}

const withWrongArguments: { readonly [name: string]: (store: Store) => Promise<unknown> } = {
  "appendAsync without an event": (store) => store.appendAsync(wrong),
  "appendAsync with a misspelt member": (store) =>
    store.appendAsync({ ...event("a", "b"), keys: 1 } as EventInit),
  "appendBatchAsync without events": (store) => store.appendBatchAsync(wrong),
  "appendBatchAsync with null among them": (store) => store.appendBatchAsync([null as never]),
  "appendBatchAsync with null as options": (store) => store.appendBatchAsync([], null as never),
  "importFromAsync without a source": (store) => store.importFromAsync(wrong, { sourceNamespace }),
  "importFromAsync from itself": (store) => store.importFromAsync(store),
  "importFromAsync with text as options": (store) => store.importFromAsync(store, "a" as never),
  "getAsync without an id": (store) => store.getAsync(wrong),
  "importFromAsync with a filter": (store) =>
    store.importFromAsync(store, { sourceNamespace, filter: (() => true) as never }),
  "verifyAsync with a progress function": (store) =>
    store.verifyAsync({ progress: (() => {}) as never }),
  "importFromAsync with a signal that is none": (store) =>
    store.importFromAsync(store, { sourceNamespace, signal: {} as AbortSignal }),
  "importFromAsync with a misspelt signal": (store) =>
    store.importFromAsync(store, { sourceNamespace, sginal: AbortSignal.abort() } as never),
  "backupAsync without a path": (store) => store.backupAsync(wrong),
  "backupAsync with flags that are none": (store) =>
    store.backupAsync(scratch("copy"), "all" as never),
  "queryAsync with null": (store) => store.queryAsync(null as never),
  "openAsync without a path": () => Store.openAsync(wrong),
  "repairAsync without paths": () => repairAsync(wrong, wrong),
};

for (const [name, call] of Object.entries(withWrongArguments)) {
  test(`${name} is rejected`, async () => {
    const store = openStore("s");
    checkError(await rejection(() => call(store)), InvalidError, "ERR_INVALID_ARGUMENT");
    assert.equal(store.frontier().visible, 1n);
  });
}

test("every asynchronous method is among those that were tried on a closed store", () => {
  const methods = Object.getOwnPropertyNames(Store.prototype).filter((name) =>
    name.endsWith("Async"),
  );
  assert.equal(methods.length, 14);
  assert.deepEqual(
    methods.filter((name) => !(name in ofClosed)),
    [],
  );
});

test("asynchronous reads give what those that block give", async () => {
  const store = openStore("s");
  appendMany(store, 10);
  const [first] = store.query().toArray();
  assert.ok(first);
  assert.deepEqual((await store.getAsync(first.id))?.toObject(), first.toObject());
  assert.equal(await store.getAsync(operationKey("no", "event")), null);
  await assert.rejects(store.getAsync("7" as never), InvalidError);
  for (const query of [
    {},
    { pageRows: 3 },
    { pageRows: 3, limit: 7 },
    { pageRows: 3, limit: 6n, flags: QueryFlag.BACKWARD },
    { pageRows: 4, after: 5 },
    { region: { entity: "nobody" } },
  ]) {
    const sequences: bigint[] = [];
    for await (const { sequence } of store.recordsAsync(query)) {
      sequences.push(sequence);
    }
    assert.deepEqual(
      sequences,
      [...store.records(query)].map(({ sequence }) => sequence),
    );
  }
});
