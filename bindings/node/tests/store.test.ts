import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import {
  BusyError,
  ClosedError,
  ConflictError,
  Durability,
  FbatError,
  InvalidError,
  NotFoundError,
  OpenMode,
  type OpenOptions,
  OpenReportFlag,
  operationKey,
  Store,
  setMappedReads,
} from "fbat";
import {
  abandon,
  appendMany,
  caught,
  checkEachTest,
  checkError,
  event,
  openStore,
  refused,
  scratch,
} from "./fixture.js";

checkEachTest();

test("each open mode accepts the stores that it is for", () => {
  refused(
    () => openStore("s", { mode: OpenMode.MUST_EXIST }),
    NotFoundError,
    "ERR_STORE_NOT_FOUND",
  );
  refused(() => openStore("s", { mode: OpenMode.READ_ONLY }), NotFoundError, "ERR_STORE_NOT_FOUND");
  assert.ok(!existsSync(scratch("s")));
  const made = openStore("s", { mode: OpenMode.MUST_BE_NEW });
  assert.equal(made.openReport.flags, OpenReportFlag.CREATED);
  assert.ok(made.openReport.isCreated && !made.openReport.isUnclean && !made.isReadOnly);
  const busy = refused(() => openStore("s"), BusyError, "ERR_BUSY");
  assert.equal(busy.actual, BigInt(process.pid));
  const reader = openStore("s", { mode: OpenMode.READ_ONLY });
  assert.ok(reader.isReadOnly && !reader.openReport.isCreated);
  refused(() => reader.append(event("thing:1", "a")), ClosedError, "ERR_READ_ONLY");
  made.close();
  refused(() => openStore("s", { mode: OpenMode.MUST_BE_NEW }), ConflictError, "ERR_STORE_EXISTS");
  assert.equal(openStore("s", { mode: OpenMode.MUST_EXIST }).id, made.id);
});

test("an open report of a sound store reports nothing that was repaired", () => {
  const { openReport } = openStore("s");
  const { flags, isCreated, isUnclean, droppedPath, droppedPathBytes, ...figures } = openReport;
  assert.deepEqual(
    [flags, isCreated, isUnclean, droppedPath, droppedPathBytes],
    [1, true, false, null, null],
  );
  assert.deepEqual(Object.keys(figures).sort(), [
    "clockBehindUs",
    "droppedBatches",
    "droppedBytes",
    "droppedEvents",
    "droppedOffset",
    "gapFirst",
    "gapLast",
    "indexesRebuilt",
  ]);
  assert.ok(Object.values(figures).every((figure) => figure === 0n));
});

test("a store knows its id, namespace, label and path, also when it is closed", () => {
  const store = openStore("s", { label: "Gerät 1" });
  store.close();
  assert.match(store.id, /^[0-9a-f]{32}$/);
  assert.equal(store.namespace, `store:${store.id}`);
  assert.deepEqual(
    [store.label, store.path, store.pathBytes.toString()],
    ["Gerät 1", scratch("s"), scratch("s")],
  );
  assert.equal(openStore("s", { label: "another" }).label, "Gerät 1");
});

test("a path is text, bytes that need not be UTF-8, or a URL", () => {
  mkdirSync(scratch(""), { recursive: true });
  const bytes = Buffer.concat([Buffer.from(scratch("")), Buffer.from([0x2f, 0xff, 0x61])]);
  using odd = Store.open(bytes);
  assert.deepEqual(odd.pathBytes, bytes);
  using url = Store.open(pathToFileURL(scratch("u ü")));
  assert.equal(url.path, scratch("u ü"));
  refused(() => Store.open(`${scratch("n")}\0x`), InvalidError, "ERR_INVALID_ARGUMENT");
  refused(() => Store.open(""), InvalidError, "ERR_INVALID_ARGUMENT");
  refused(() => Store.open(7 as unknown as string), InvalidError, "ERR_INVALID_ARGUMENT");
});

test("open options set limits, and open more than one store", () => {
  const options: OpenOptions = {
    mode: OpenMode.MUST_BE_NEW,
    durability: Durability.OS,
    label: "a",
    payloadBytesMax: 10,
    batchEventsMax: 2,
    batchBytesMax: 1000,
    segmentBytes: 65536,
  };
  using first = Store.open(scratch("a"), options);
  using second = Store.open(scratch("b"), options);
  assert.notEqual(first.id, second.id);
  refused(() => first.append(event("thing:1", "a".repeat(11))), InvalidError, "ERR_LIMIT_EXCEEDED");
  refused(() => appendMany(first, 3), InvalidError, "ERR_LIMIT_EXCEEDED");
});

test("options that are none, or out of range, are refused and leave nothing behind", () => {
  const bad = [
    { mode: 4 },
    { mode: -1 },
    { mode: 2 ** 32 },
    { durability: 2 },
    { label: "a".repeat(1025) },
    { label: "a\0" },
    { payloadBytesMax: -1 },
    { label: "" },
    { batchEventsMax: 65537 },
    { batchBytesMax: 2 ** 26 + 1 },
    { segmentBytes: 65535 },
    { segmentBytes: 1.5 },
    { modus: 1 },
  ];
  for (const options of bad) {
    refused(
      () => Store.open(scratch("s"), options as OpenOptions),
      InvalidError,
      "ERR_INVALID_ARGUMENT",
    );
  }
  const misspelt = caught(() => Store.open(scratch("s"), { modus: 1 } as object));
  assert.match((misspelt as Error).message, /^open options: there is no 'modus'/);
});

test("figures, frontier, head and log hash follow the log", () => {
  const store = openStore("s");
  assert.equal(store.head("thing:1"), null);
  const before = store.logHash();
  appendMany(store, 3);
  assert.equal(store.frontier().visible, 4n);
  assert.deepEqual(store.sync(), { visible: 4n, durable: 4n });
  const { events, segments, logBytes, unindexedEvents, memoryBytes, indexBytes } = store.stats();
  assert.deepEqual([events, segments, unindexedEvents, indexBytes], [4n, 1n, 4n, 0n]);
  assert.ok(logBytes > 0n && memoryBytes > 0n);
  const last = store.query({ after: 3 }).at(0);
  assert.deepEqual(store.head("thing:1"), {
    version: 3n,
    sequence: 4n,
    eventId: last?.id,
    eventHash: last?.eventHash,
  });
  assert.match(store.logHash(), /^[0-9a-f]{64}$/);
  assert.notEqual(store.logHash(), before);
  refused(() => store.head("a".repeat(1025)), InvalidError, "ERR_INVALID_COORDINATE");
});

test("a log hash of the past can be compared with one that was kept", () => {
  const store = openStore("s");
  const anchors = [store.logHash()];
  for (let i = 0; i < 3; i++) {
    appendMany(store, 1);
    anchors.push(store.logHash());
  }
  assert.deepEqual(
    [1, 2, 3n, 4n].map((sequence) => store.logHashAt(sequence)),
    anchors,
  );
  const above = refused(() => store.logHashAt(5), NotFoundError, "ERR_NOT_FOUND");
  assert.equal(above.allowed, 4n);
  refused(() => store.logHashAt(0), InvalidError, "ERR_INVALID_ARGUMENT");
  for (const none of [-1, 1.5, "1", undefined] as number[]) {
    refused(() => store.logHashAt(none), InvalidError, "ERR_INVALID_ARGUMENT");
  }
});

test("another process's store that was not closed says so", () => {
  abandon("s");
  const store = openStore("s");
  assert.ok(store.openReport.isUnclean);
  assert.equal(store.query().length, 1);
});

test("every use of a closed store is an error, and closing it again is none", async () => {
  const store = openStore("s");
  const other = openStore("o");
  const cursor = store.cursor();
  store.close();
  store.close();
  store[Symbol.dispose]();
  assert.ok(store.isClosed);
  const id = operationKey("a");
  const uses: (() => unknown)[] = [
    () => store.append(event("a", "b")),
    () => store.appendBatch([]),
    () => store.get(id),
    () => store.query(),
    () => store.cursor(),
    () => [...store.records()],
    () => store.frontier(),
    () => store.sync(),
    () => store.head("a"),
    () => store.stats(),
    () => store.logHash(),
    () => store.verify(),
    () => store.backup(scratch("copy")),
    () => store.importFrom(other, { sourceNamespace: "n" }),
    () => other.importFrom(store, { sourceNamespace: "n" }),
    () => store.share(),
    () => cursor.nextPage(),
  ];
  for (const use of uses) {
    refused(use, ClosedError, "ERR_CLOSED");
  }
  for (const promise of [
    store.syncAsync(),
    store.verifyAsync(),
    store.appendAsync(event("a", "b")),
  ]) {
    checkError(await promise.catch((thrown: unknown) => thrown), ClosedError, "ERR_CLOSED");
  }
  cursor[Symbol.dispose]();
  cursor[Symbol.dispose]();
  refused(() => cursor.nextPage(), ClosedError, "ERR_CLOSED");
});

test("a sync of another thread makes everything durable", async () => {
  const store = openStore("s");
  appendMany(store, 10);
  assert.deepEqual(await store.syncAsync(), { visible: 11n, durable: 11n });
});

test("small reads work without mapped files too", () => {
  setMappedReads(false);
  const store = openStore("s");
  const { id } = store.append(event("a", "b"));
  assert.equal(store.get(id)?.payload.toString(), "b");
  setMappedReads(true);
});

test("a number that is no store's is refused, not followed", () => {
  const thrown = caught(() => Store.attach({ store: 123456789n }));
  assert.ok(thrown instanceof FbatError);
  assert.equal(thrown.code, "FBAT_ERR_INVALID_HANDLE");
});
