/** What people see of an object: `console.log` and JSON. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { Cancel, contentHash, type EventRecord, type RecordJson, repair, Store } from "fbat";
import { caught, checkEachTest, event, openStore, scratch } from "./fixture.js";

checkEachTest();

test("objects are shown with their members", () => {
  const store = openStore("s", { label: "lamps" });
  const receipt = store.append(event("a", "b"));
  using cursor = store.cursor();
  using cancel = new Cancel();
  const shown: [object, RegExp][] = [
    [
      store,
      /^Store \{\n {2}path: '.*\/s',\n {2}id: '[0-9a-f]{32}',\n.*label: 'lamps',.*isClosed: false/s,
    ],
    [receipt, /^Receipt \{.*sequence: 2n,.*isReplayed: false/s],
    [cursor, /^Cursor \{/],
    [cancel, /^Cancel \{.*isTriggered: false/s],
    [store.query().at(0) as EventRecord, /^EventRecord \{.*entity: 'a',.*payload: <Buffer 62>/s],
  ];
  for (const [object, expected] of shown) {
    assert.match(inspect(object), expected);
    assert.match(inspect({ a: { b: { object } } }), /\[Object\]/);
    assert.match(
      inspect({ a: { b: object } }, { depth: 1 }),
      new RegExp(`\\[?${object.constructor.name} \\[Object\\]`),
    );
  }
});

test("what was closed, or is gone, is shown as such", () => {
  const store = openStore("s");
  store.append(event("a", "b"));
  const cursor = store.cursor();
  cursor[Symbol.dispose]();
  assert.equal(inspect(cursor), "Cursor [closed]");
  const hub = openStore("hub");
  let kept: EventRecord | undefined;
  hub.importFrom(store, {
    sourceNamespace: "n",
    filter(record) {
      kept = record;
      return true;
    },
  });
  assert.equal(inspect(kept), "EventRecord [gone]");
  store.close();
  assert.match(inspect(store), /isClosed: true/);
});

test("a record is JSON: 64-bit integers are decimal text, bytes are base64", () => {
  const store = openStore("s");
  const payload = Uint8Array.of(0, 1, 255);
  const receipt = store.append({
    ...event("a", ""),
    payload,
    timestampUs: -(2n ** 63n),
    extensions: { "a.b": Buffer.of(7), "c.d": "" },
  });
  const read = JSON.parse(JSON.stringify(store.get(receipt.id))) as RecordJson;
  assert.deepEqual(read, {
    id: receipt.id,
    sequence: "2",
    entity: "a",
    scope: "test",
    kind: 0x1001,
    payloadVersion: 0,
    flags: 0,
    recordFlags: 0,
    isImported: false,
    hasPreviousHash: false,
    isProvenanceUnreadable: false,
    version: "1",
    timestampUs: "-9223372036854775808",
    recordedUs: String(receipt.recordedUs),
    correlation: null,
    causation: null,
    payload: "AAH/",
    storedPayloadLen: 3,
    extensions: { "a.b": "Bw==", "c.d": "" },
    contentHash: contentHash(payload),
    eventHash: receipt.eventHash,
    previousHash: null,
    sourceNamespace: null,
    sourceEventId: null,
    sourceSequence: null,
    rawProvenance: null,
  });
  assert.deepEqual(Buffer.from(read.payload, "base64"), Buffer.from(payload));
});

test("a receipt and an error are JSON too", () => {
  const store = openStore("s");
  const receipt = store.append(event("a", "b"));
  const { sequence, version, id, isDurable } = JSON.parse(JSON.stringify(receipt));
  assert.deepEqual([sequence, version, id, isDurable], ["2", "1", receipt.id, false]);
  store.close();
  const error = JSON.parse(JSON.stringify(caught(() => store.stats())));
  assert.deepEqual(error, {
    name: "ClosedError",
    message: `the store '${scratch("s")}' was closed`,
    code: "FBAT_ERR_CLOSED",
    status: 500,
    category: "CLOSED",
    osError: null,
    actual: "0",
    allowed: "0",
    item: null,
    path: scratch("s"),
    pathBytes: Buffer.from(scratch("s")).toString("base64"),
    offset: null,
    sequence: null,
    eventId: null,
  });
});

test("whatever the library answers is JSON", () => {
  const store = openStore("s");
  const receipts = store.appendBatch([event("a", "b"), event("a:b", "c")]);
  const hub = openStore("hub");
  const progress: unknown[] = [];
  const answers = {
    page: store.query({ after: 1 }),
    receipts,
    get: store.get(receipts[0]?.id as never),
    head: store.head("a"),
    frontier: store.frontier(),
    sync: store.sync(),
    stats: store.stats(),
    open: store.openReport,
    entities: store.entities(),
    scopes: store.scopes(),
    import: hub.importFrom(store, { progress: (of) => progress.push(of) }),
    provenance: hub.query({ limit: 1 }).at(0)?.provenance(),
    verify: store.verify(),
    backup: store.backup(scratch("copy")),
    repair: repair(scratch("copy"), scratch("repaired")),
    progress,
  };
  const read = JSON.parse(JSON.stringify(answers));
  assert.deepEqual(Object.keys(read), Object.keys(answers));
  assert.deepEqual([read.page.rows.length, read.page.resume, read.page.isEnd], [2, "3", true]);
  assert.deepEqual([read.frontier.visible, read.import.imported], ["3", "2"]);
  assert.deepEqual([read.entities.rows[0].events, read.verify.report.events], ["1", "3"]);
  assert.equal(read.provenance.sourceSequence, "2");
  assert.ok(progress.length > 0 && read.progress[0].imported !== undefined);
});

test("how a store is opened, attached and a token triggered is said to who tries otherwise", () => {
  const Constructor = Store as unknown as new (path: string) => Store;
  assert.match((caught(() => new Constructor("lamps")) as Error).message, /Store\.open\(path\)/);
  assert.match(
    (caught(() => Store.open(undefined as never)) as Error).message,
    /^path: .* is needed, not undefined/,
  );
  assert.match(
    (caught(() => Store.attach(undefined as never)) as Error).message,
    /^store: what share\(\) gave/,
  );
  assert.match(
    (caught(() => Cancel.trigger({} as never)) as Error).message,
    /^cancel: what share\(\) gave/,
  );
});
