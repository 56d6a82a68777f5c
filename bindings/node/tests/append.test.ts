import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Column,
  ConflictError,
  contentHash,
  Durability,
  type EventInit,
  Expect,
  type Id,
  InvalidError,
  OpenMode,
  operationKey,
  ReceiptFlag,
} from "fbat";
import { appendMany, checkEachTest, event, openStore, refused } from "./fixture.js";

checkEachTest();

const full: EventInit = {
  entity: "thing:ü",
  scope: "Gebäude",
  kind: 0xf123,
  payload: Uint8Array.of(0, 1, 255),
  payloadVersion: 65535,
  flags: 0xfedcba98,
  key: operationKey("test", "full"),
  expect: Expect.VERSION,
  expectedVersion: 1n,
  timestampUs: -5n,
  correlation: operationKey("test", "correlation"),
  causation: operationKey("test", "causation"),
  extensions: new Map([
    ["a.b", Buffer.from([7])],
    ["c.d", Buffer.alloc(0)],
  ]),
};

test("every member of an event is read back as it was given", () => {
  const store = openStore("s");
  const first = store.append(event("thing:ü", ""));
  const receipt = store.append(full);
  const record = store.get(
    full.key as Id,
    Column.PAYLOAD | Column.EXTENSIONS | Column.PREVIOUS_HASH,
  );
  assert.ok(record);
  const { recordedUs, eventHash, ...members } = record.toObject();
  assert.deepEqual(members, {
    id: full.key,
    sequence: 3n,
    entity: "thing:ü",
    scope: "Gebäude",
    kind: 0xf123,
    payloadVersion: 65535,
    flags: 0xfedcba98,
    recordFlags: 2,
    isImported: false,
    hasPreviousHash: true,
    isProvenanceUnreadable: false,
    version: 2n,
    timestampUs: -5n,
    correlation: full.correlation,
    causation: full.causation,
    payload: Buffer.of(0, 1, 255),
    storedPayloadLen: 3,
    extensions: full.extensions,
    contentHash: contentHash(Uint8Array.of(0, 1, 255)),
    previousHash: first.eventHash,
    sourceNamespace: null,
    sourceEventId: null,
    sourceSequence: null,
    rawProvenance: null,
  });
  assert.deepEqual(
    [receipt.id, receipt.sequence, receipt.version, receipt.timestampUs, receipt.recordedUs],
    [record.id, record.sequence, record.version, record.timestampUs, recordedUs],
  );
  assert.deepEqual(
    [receipt.contentHash, receipt.eventHash, receipt.previousHash],
    [record.contentHash, eventHash, record.previousHash],
  );
});

test("an event without more than it needs is empty, and takes the time of its batch", () => {
  const store = openStore("s");
  const receipt = store.append({ entity: "a", scope: "b", kind: 0x1001 });
  assert.equal(receipt.timestampUs, receipt.recordedUs);
  assert.ok(Math.abs(Number(receipt.recordedUs) / 1000 - Date.now()) < 60_000);
  assert.deepEqual([receipt.flags, receipt.isReplayed, receipt.isDurable], [0, false, false]);
  const record = store.get(receipt.id);
  assert.deepEqual(
    [record?.payload.length, record?.extensions.size, record?.correlation],
    [0, 0, null],
  );
});

test("an append of a durable store is on the disk when it returns", async () => {
  const store = openStore("s", { durability: Durability.DURABLE });
  assert.equal(store.append(event("a", "1")).flags, ReceiptFlag.DURABLE);
  assert.ok((await store.appendAsync(event("a", "2"))).isDurable);
  const [receipt] = await store.appendBatchAsync([event("a", "3")]);
  assert.deepEqual([receipt?.isDurable, receipt?.version], [true, 3n]);
  assert.equal(store.frontier().durable, 4n);
});

test("a batch is all or nothing, with receipts in its order", () => {
  const store = openStore("s");
  const receipts = store.appendBatch([
    event("a", "1"),
    event("b", "2"),
    event("a", "3", { causationItem: 1 }),
  ]);
  assert.deepEqual(
    receipts.map(({ sequence, version }) => [sequence, version]),
    [
      [2n, 1n],
      [3n, 1n],
      [4n, 2n],
    ],
  );
  assert.equal(store.query().at(2)?.causation, receipts[0]?.id);
  const error = refused(
    () => store.appendBatch([event("a", "4"), event("", "5")]),
    InvalidError,
    "ERR_INVALID_COORDINATE",
  );
  assert.equal(error.item, 1);
  assert.equal(store.frontier().visible, 4n);
  assert.deepEqual(store.appendBatch([]), []);
  assert.deepEqual(store.appendBatch([event("a", "6")], { receipts: false }), []);
  assert.equal(store.frontier().visible, 5n);
});

test("payloads of every size go through, in one call and in a batch", () => {
  const store = openStore("s");
  const sizes = [0, 1, 255, 256, 4095, 4096, 4097, 65536, 262144, 262145, 3_000_000];
  const payloads = sizes.map((size) => Buffer.alloc(size, size % 251));
  const receipts = store.appendBatch(payloads.map((payload) => ({ ...event("a", ""), payload })));
  receipts.push(...payloads.map((payload) => store.append({ ...event("a", ""), payload })));
  assert.deepEqual(
    receipts.map(({ contentHash }) => contentHash),
    [...payloads, ...payloads].map(contentHash),
  );
  const read = [...store.records()].map(({ payload }) => payload);
  assert.deepEqual(read, [...payloads, ...payloads]);
});

test("names of every length and alphabet go through", () => {
  const store = openStore("s");
  const names = [
    "a",
    "x".repeat(63),
    "x".repeat(64),
    "x".repeat(65),
    "x".repeat(1024),
    "ü".repeat(64),
    "𝄞".repeat(256),
  ];
  store.appendBatch(names.map((name) => event(name, name)));
  const read = [...store.records()];
  assert.deepEqual(
    read.map(({ entity }) => entity),
    names,
  );
  assert.deepEqual(
    read.map(({ payload }) => payload.toString()),
    names,
  );
});

test("a key makes a repeated append a replay, and other content a conflict", () => {
  const store = openStore("s");
  const key = operationKey("test", "1");
  const first = store.append(event("a", "1", { key }));
  const again = store.append(event("a", "1", { key }));
  assert.ok(again.isReplayed && !first.isReplayed);
  assert.deepEqual([again.id, again.sequence], [key, first.sequence]);
  refused(() => store.append(event("a", "2", { key })), ConflictError, "ERR_IDEMPOTENCY_CONFLICT");
});

test("expectations are checked against what the entity has", () => {
  const store = openStore("s");
  const conflict = (expect: Expect, expectedVersion = 0) =>
    refused(
      () => store.append(event("a", "x", { expect, expectedVersion })),
      ConflictError,
      "ERR_VERSION_CONFLICT",
    );
  conflict(Expect.PRESENT);
  conflict(Expect.VERSION, 1);
  store.append(event("a", "1", { expect: Expect.ABSENT }));
  store.append(event("a", "2", { expect: Expect.VERSION, expectedVersion: 1 }));
  store.append(event("a", "3", { expect: Expect.PRESENT }));
  store.append(event("a", "4", { expect: Expect.ANY }));
  conflict(Expect.ABSENT);
  assert.equal(conflict(Expect.VERSION, 3).actual, 4n);
});

test("what is not allowed is refused before anything is written, each with its own status", () => {
  const store = openStore("s");
  const bad: [Partial<EventInit>, Parameters<typeof refused>[2]][] = [
    [{ entity: "a/b" }, "ERR_INVALID_COORDINATE"],
    [{ scope: "" }, "ERR_INVALID_COORDINATE"],
    [{ entity: "a\ud800" }, "ERR_INVALID_UTF8"],
    [{ payload: "\udc00" }, "ERR_INVALID_UTF8"],
    [{ kind: 0x0001 }, "ERR_RESERVED_KIND"],
    [{ kind: 0xd001 }, "ERR_RESERVED_KIND"],
    [{ kind: 0x11001 }, "ERR_INVALID_ARGUMENT"],
    [{ kind: 1.5 }, "ERR_INVALID_ARGUMENT"],
    [{ kind: "1" as unknown as number }, "ERR_INVALID_ARGUMENT"],
    [{ entity: undefined as unknown as string }, "ERR_INVALID_ARGUMENT"],
    [{ payload: 7 as unknown as string }, "ERR_INVALID_ARGUMENT"],
    [{ payloadVersion: -1 }, "ERR_INVALID_ARGUMENT"],
    [{ flags: 2 ** 32 }, "ERR_INVALID_ARGUMENT"],
    [{ key: "00" as Id }, "ERR_INVALID_ARGUMENT"],
    [{ expect: 4 as Expect }, "ERR_INVALID_ARGUMENT"],
    [{ expect: Expect.VERSION, expectedVersion: 2n ** 64n }, "ERR_INVALID_ARGUMENT"],
    [{ expectedVersion: 1n }, "ERR_INVALID_ARGUMENT"],
    [{ timestampUs: 2n ** 63n }, "ERR_INVALID_ARGUMENT"],
    [{ timestampUs: 2 ** 53 }, "ERR_INVALID_ARGUMENT"],
    [{ causation: full.causation, causationItem: 1 }, "ERR_INVALID_ARGUMENT"],
    [{ causationItem: 1 }, "ERR_INVALID_ARGUMENT"],
    [{ extensions: [["nodot", "x"]] }, "ERR_INVALID_ARGUMENT"],
    [{ extensions: { "a.b": 7 } as unknown as [] }, "ERR_INVALID_ARGUMENT"],
    [{ extensions: Uint8Array.of(1) as unknown as [] }, "ERR_INVALID_ARGUMENT"],
    [{ extensions: ["ab"] as unknown as [] }, "ERR_INVALID_ARGUMENT"],
    [{ extensions: "a.b" as unknown as [] }, "ERR_INVALID_ARGUMENT"],
    [{ extensions: [["batpak.x", "x"]] }, "ERR_RESERVED_EXTENSION"],
    [{ extensions: [["a.b", Buffer.alloc(65537)]] }, "ERR_LIMIT_EXCEEDED"],
  ];
  for (const [member, status] of bad) {
    refused(() => store.append(event("a", "b", member)), InvalidError, status);
  }
  refused(() => store.appendBatch(7 as unknown as []), InvalidError, "ERR_INVALID_ARGUMENT");
  for (const none of [undefined, null, "a"]) {
    const thrown = refused(
      () => store.append(none as unknown as EventInit),
      InvalidError,
      "ERR_INVALID_ARGUMENT",
    );
    assert.match(thrown.message, /^event: an object is needed, not /);
  }
  assert.equal(store.frontier().visible, 1n);
});

test("a misspelt member of an event is refused, also behind events that are good", () => {
  const store = openStore("s");
  const wrong = { ...event("a", "b"), idempotencyKey: full.key } as EventInit;
  const alone = refused(() => store.append(wrong), InvalidError, "ERR_INVALID_ARGUMENT");
  assert.match(alone.message, /event: there is no 'idempotencyKey'/);
  assert.equal(alone.item, null);
  const batch = [
    event("a", "1"),
    event("a", "2", { key: full.key }),
    { entity: "a", scope: "b", kind: 0x1001 },
    wrong,
  ];
  const { item, message } = refused(
    () => store.appendBatch(batch),
    InvalidError,
    "ERR_INVALID_ARGUMENT",
  );
  assert.equal(item, 3);
  assert.match(message, /'idempotencyKey'/);
  refused(() => store.append(wrong), InvalidError, "ERR_INVALID_ARGUMENT");
  refused(
    () => store.appendBatch([], { reciepts: false } as object),
    InvalidError,
    "ERR_INVALID_ARGUMENT",
  );
  assert.equal(store.frontier().visible, 1n);
});

test("events of a class of the caller's, and members that are inherited, are good", () => {
  class Named implements EventInit {
    readonly entity = "a";
    readonly scope = "b";
    readonly kind = 0x1001;
    get payload() {
      return "named";
    }
  }
  const store = openStore("s");
  const derived = Object.assign(Object.create({ scope: "test", kind: 0x1001, own: "no event's" }), {
    entity: "b",
  });
  store.appendBatch([new Named(), derived, new Named()]);
  assert.deepEqual(
    [...store.records()].map(({ entity, payload }) => [entity, payload.toString()]),
    [
      ["a", "named"],
      ["b", ""],
      ["a", "named"],
    ],
  );
});

test("extensions are an object, a map or pairs", () => {
  const store = openStore("s");
  const given: EventInit["extensions"][] = [
    { "x.b": "1", "a.c": Buffer.of(2) },
    new Map<string, string | Uint8Array>([
      ["x.b", "1"],
      ["a.c", Buffer.of(2)],
    ]),
    [
      ["x.b", Buffer.from("1")],
      ["a.c", "\x02"],
    ],
  ];
  for (const extensions of given) {
    const { id } = store.append(event("a", "", { extensions }));
    assert.deepEqual(
      [...(store.get(id)?.extensions ?? [])],
      [
        ["x.b", Buffer.from("1")],
        ["a.c", Buffer.of(2)],
      ],
    );
  }
});

test("appends seen by a reader that has the store open", () => {
  const store = openStore("s");
  const reader = openStore("s", { mode: OpenMode.READ_ONLY });
  appendMany(store, 5);
  assert.equal(reader.query().length, 5);
});
