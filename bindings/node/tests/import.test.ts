import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type AsyncOptions,
  BusyError,
  Cancel,
  CancelledError,
  ClosedError,
  Column,
  ConflictError,
  type EventRecord,
  ImportDurability,
  ImportFlag,
  ImportIdentity,
  type ImportOptions,
  type ImportReport,
  ImportReportFlag,
  InvalidError,
  liveHandles,
  OnConflict,
  operationKey,
  parseHash,
  reportOf,
  SourceState,
} from "fbat";
import {
  appendMany,
  caught,
  checkEachTest,
  checkError,
  event,
  openStore,
  refused,
} from "./fixture.js";

checkEachTest();

const sourceNamespace = "test/source";

function pair(count = 10) {
  const source = openStore("source");
  const hub = openStore("hub");
  appendMany(source, count);
  return { source, hub };
}

test("every event arrives once, however often it is imported", () => {
  const { source, hub } = pair();
  assert.deepEqual(hub.importFrom(source, { sourceNamespace }), {
    imported: 10n,
    deduplicated: 0n,
    skippedReserved: 1n,
    skippedFiltered: 0n,
    skippedReimported: 0n,
    conflicts: 0n,
    overtaken: 0n,
    restored: 0n,
    conflictsKept: 0n,
    sourceHighWatermark: 11n,
    resumeAfter: 11n,
    sourceCeiling: 11n,
    destinationVisible: 13n,
    destinationDurable: 13n,
    sourcePosition: 11n,
    startedAfter: 0n,
    sourceState: SourceState.UNKNOWN,
    flags: 0,
    isSelectorChanged: false,
  });
  const again = hub.importFrom(source, { sourceNamespace });
  assert.deepEqual([again.imported, again.deduplicated], [0n, 10n]);
  const back = source.importFrom(hub, { sourceNamespace: "back", after: 0 });
  assert.equal(back.imported, 10n);
  const flags = ImportFlag.ALLOW_SELF;
  assert.equal(hub.importFrom(hub, { sourceNamespace, flags }).skippedReimported, 10n);
});

test("region, and where to go on, decide what is looked at", () => {
  const source = openStore("source");
  source.appendBatch([
    event("a", "0", { kind: 0x1001 }),
    event("a:b", "1", { kind: 0x1002, timestampUs: 1 }),
    event("c", "2", { kind: 0x2001, scope: "other" }),
    event("a", "3", { kind: 0x1001 }),
  ]);
  const expectations: [Partial<ImportOptions>, bigint][] = [
    [{ region: { entity: "a" } }, 3n],
    [{ region: { scope: "other" } }, 1n],
    [{ region: { kind: 0x1001 } }, 2n],
    [{ region: { category: 1 } }, 3n],
    [{ region: { versions: { first: 2, last: 2 } } }, 1n],
    [{ region: { timestampUs: { first: 1, last: 1 } } }, 1n],
    [{ after: 3 }, 2n],
  ];
  for (const [i, [options, expected]] of expectations.entries()) {
    const hub = openStore(`hub${i}`);
    assert.equal(
      hub.importFrom(source, { ...options, sourceNamespace }).imported,
      expected,
      JSON.stringify(options),
    );
  }
});

test("without a name, the source is known by its native namespace", async () => {
  const { source, hub } = pair();
  const { imported } = hub.importFrom(source);
  const again = hub.importFrom(source, { sourceNamespace: undefined });
  const later = await hub.importFromAsync(source);
  assert.deepEqual([imported, again.deduplicated, later.deduplicated], [10n, 10n, 10n]);
  const [record] = hub.query({ limit: 1 });
  assert.equal(record?.sourceNamespace, source.namespace);
});

test("options that are none are refused and leave nothing behind", () => {
  const { source, hub } = pair();
  const before = liveHandles();
  const bad: (Partial<ImportOptions> & { readonly names?: string })[] = [
    { sourceNamespace: "" },
    { sourceNamespace: "a".repeat(1025) },
    { sourceNamespace, durability: 2 as ImportDurability },
    { sourceNamespace, onConflict: 3 as OnConflict },
    { sourceNamespace, identity: 2 as ImportIdentity },
    { sourceNamespace, flags: 1 << 30 },
    { sourceNamespace, filterColumns: 16 },
    { sourceNamespace, chunkSize: -1 },
    { sourceNamespace, filter: "yes" as unknown as () => boolean },
    { names: "a" },
    "a" as never,
    null as never,
  ];
  for (const options of bad) {
    refused(
      () => hub.importFrom(source, options as ImportOptions),
      InvalidError,
      "ERR_INVALID_ARGUMENT",
    );
  }
  assert.equal(liveHandles(), before);
});

test("a filter sees the event with the columns that it asks for, and decides", () => {
  const { source, hub } = pair();
  const seen: [string, number][] = [];
  const report = hub.importFrom(source, {
    sourceNamespace,
    filterColumns: Column.PAYLOAD | Column.EXTENSIONS,
    filter(record) {
      seen.push([record.payload.toString(), record.extensions.size]);
      return record.payload.toString() < "5";
    },
  });
  assert.deepEqual(
    seen,
    Array.from({ length: 10 }, (_, i) => [String(i), 0]),
  );
  assert.deepEqual([report.imported, report.skippedFiltered], [5n, 5n]);
});

test("a filter's record has every member while the filter runs, and none afterwards", () => {
  const source = openStore("source");
  const hub = openStore("hub");
  const far = openStore("far");
  source.append(
    event("thing:ü", "payload", { extensions: [["a.b", "c"]], correlation: operationKey("x") }),
  );
  hub.importFrom(source, { sourceNamespace });
  let kept: EventRecord | undefined;
  let copy: ReturnType<EventRecord["toObject"]> | undefined;
  far.importFrom(hub, {
    sourceNamespace: "hub",
    filterColumns: Column.PAYLOAD | Column.EXTENSIONS | Column.PREVIOUS_HASH,
    filter(record) {
      kept = record;
      copy = record.toObject();
      assert.equal(record.provenance()?.sourceNamespace, sourceNamespace);
      return true;
    },
  });
  const all = Column.PAYLOAD | Column.EXTENSIONS | Column.PREVIOUS_HASH;
  assert.deepEqual(copy, hub.get(copy?.id ?? (parseHash("") as never), all)?.toObject());
  const members = [
    "entity",
    "kind",
    "payload",
    "extensions",
    "sequence",
    "id",
    "correlation",
  ] as const;
  for (const member of members) {
    refused(() => kept?.[member], ClosedError, "ERR_CLOSED");
  }
  refused(() => kept?.provenance(), ClosedError, "ERR_CLOSED");
});

test("what a filter throws arrives as it is, with the report of what was committed", () => {
  const { source, hub } = pair();
  const thrown = new RangeError("seven is too much");
  const found = caught(() =>
    hub.importFrom(source, {
      sourceNamespace,
      chunkSize: 2,
      flags: ImportFlag.ONE_THREAD,
      filterColumns: Column.PAYLOAD,
      filter(record) {
        if (record.payload.toString() === "7") {
          throw thrown;
        }
        return true;
      },
    }),
  );
  assert.equal(found, thrown);
  assert.equal(reportOf(thrown)?.imported, 6n);
  assert.equal(hub.query().length, 6);
  assert.equal(hub.importFrom(source, { sourceNamespace }).imported, 4n);
});

test("even undefined, null and a number arrive as they are when they are thrown", () => {
  const { source, hub } = pair();
  for (const value of [undefined, null, 0, -1, "text"]) {
    const found: unknown[] = [];
    try {
      hub.importFrom(source, {
        sourceNamespace,
        filter() {
          throw value;
        },
      });
    } catch (thrown) {
      found.push(thrown);
    }
    assert.deepEqual(found, [value]);
    assert.equal(reportOf(value), undefined);
  }
});

test("a filter that answers neither true nor false is a mistake, a promise too", () => {
  const { source, hub } = pair();
  for (const answer of [undefined, 1, "yes", Promise.resolve(false)]) {
    const error = refused(
      () => hub.importFrom(source, { sourceNamespace, filter: () => answer as unknown as boolean }),
      InvalidError,
      "ERR_INVALID_ARGUMENT",
    );
    assert.equal(error.report?.imported, 0n);
  }
  assert.equal(hub.query().length, 0);
});

test("progress is told after each chunk, and what it throws arrives as it is", () => {
  const { source, hub } = pair();
  const seen: ImportReport[] = [];
  hub.importFrom(source, {
    sourceNamespace,
    chunkSize: 4,
    durability: ImportDurability.CHUNK,
    progress: (r) => seen.push(r),
  });
  assert.deepEqual(
    seen.map(({ imported }) => imported),
    [4n, 8n, 10n],
  );
  assert.ok(
    seen.every(
      ({ destinationVisible, destinationDurable }) => destinationVisible === destinationDurable,
    ),
  );
  const other = openStore("other");
  const thrown = { any: "object" };
  const progress = () => {
    throw thrown;
  };
  assert.equal(
    caught(() =>
      other.importFrom(source, {
        sourceNamespace,
        chunkSize: 4,
        flags: ImportFlag.ONE_THREAD,
        progress,
      }),
    ),
    thrown,
  );
  assert.equal(reportOf(thrown)?.imported, 4n);
});

test("an event that is there with other content is a conflict, or counted", () => {
  const { source, hub } = pair(1);
  const [record] = source.query().toArray();
  hub.append(
    event("mine", "other", {
      key: operationKey("batpak.import", sourceNamespace, record?.id as string),
    }),
  );
  const error = refused(
    () => hub.importFrom(source, { sourceNamespace }),
    ConflictError,
    "ERR_IMPORT_CONFLICT",
  );
  assert.equal(error.report?.imported, 0n);
  assert.equal(reportOf(error), error.report);
  assert.equal(
    hub.importFrom(source, { sourceNamespace, onConflict: OnConflict.SKIP }).conflicts,
    1n,
  );
});

test("a filter may read both stores, append and import, and not close them", () => {
  const { source, hub } = pair(3);
  const far = openStore("far");
  const inner: bigint[] = [];
  const report = hub.importFrom(source, {
    sourceNamespace,
    filter(record) {
      assert.equal(source.get(record.id)?.sequence, record.sequence);
      hub.append(event("audit", record.entity));
      inner.push(
        far.importFrom(source, {
          sourceNamespace,
          filter: ({ version }) => version === record.version,
        }).imported,
      );
      refused(() => source.close(), BusyError, "ERR_BUSY");
      refused(() => hub.close(), BusyError, "ERR_BUSY");
      return record.version !== 2n; // still this filter's record
    },
  });
  assert.deepEqual(inner, [1n, 1n, 1n]);
  assert.equal(report.imported, 2n);
  assert.equal(hub.query({ region: { entity: "audit" } }).length, 3);
  assert.ok(!hub.isClosed);
});

test("a token ends the import, from within or before", () => {
  const { source, hub } = pair();
  using cancel = new Cancel();
  const progress = ({ imported }: ImportReport) => {
    if (imported === 4n) {
      cancel.trigger();
    }
  };
  const options = { sourceNamespace, chunkSize: 2, flags: ImportFlag.ONE_THREAD, cancel, progress };
  assert.ok(!cancel.isTriggered);
  const error = refused(() => hub.importFrom(source, options), CancelledError, "ERR_CANCELLED");
  assert.ok(cancel.isTriggered);
  assert.equal(error.report?.imported, 4n);
  refused(
    () => hub.importFrom(source, { sourceNamespace, cancel }),
    CancelledError,
    "ERR_CANCELLED",
  );
});

test("a signal ends an import that blocks when its own callback aborts", () => {
  const { source, hub } = pair();
  const controller = new AbortController();
  const reason = new Error("enough");
  const filter = ({ version }: EventRecord) => {
    if (version === 5n) {
      controller.abort(reason);
    }
    return true;
  };
  const { signal } = controller;
  const error = refused(
    () => hub.importFrom(source, { sourceNamespace, filter, signal }),
    CancelledError,
    "ERR_CANCELLED",
  );
  assert.equal(error.cause, reason);
  refused(
    () => hub.importFrom(source, { sourceNamespace, signal }),
    CancelledError,
    "ERR_CANCELLED",
  );
});

test("an asynchronous import leaves the event loop free, and its answer is the same", async () => {
  const { source, hub } = pair(20_000);
  let turns = 0;
  const ticking = setInterval(() => turns++, 1);
  const report = await hub.importFromAsync(source, {
    sourceNamespace,
    flags: ImportFlag.REHASH,
    chunkSize: 8,
  });
  clearInterval(ticking);
  assert.equal(report.imported, 20_000n);
  assert.ok(turns > 0);
  const filtered = {
    sourceNamespace,
    filter: () => true,
  } as unknown as AsyncOptions<ImportOptions>;
  checkError(
    await hub.importFromAsync(source, filtered).catch((e: unknown) => e),
    InvalidError,
    "ERR_INVALID_ARGUMENT",
  );
  const nameless = hub.importFromAsync(source, { sourceNamespace: "" });
  checkError(await nameless.catch((e: unknown) => e), InvalidError, "ERR_INVALID_ARGUMENT");
});

test("a signal ends an asynchronous import", async () => {
  const { source, hub } = pair(50_000);
  const controller = new AbortController();
  const { signal } = controller;
  const importing = hub.importFromAsync(source, { sourceNamespace, chunkSize: 1, signal });
  const poll = setInterval(() => hub.frontier().visible > 20n && controller.abort("stop"), 0);
  const error = await importing.catch((thrown: unknown) => thrown);
  clearInterval(poll);
  checkError(error, CancelledError, "ERR_CANCELLED");
  assert.equal(error.cause, "stop");
  const committed = error.report?.imported ?? 0n;
  assert.ok(committed > 0n && committed < 50_000n);
  assert.equal(hub.frontier().visible, committed + 3n);
  assert.equal(
    (await hub.importFromAsync(source, { sourceNamespace })).imported,
    50_000n - committed,
  );
});

test("a store that is closed while an asynchronous import runs ends it", async () => {
  const { source, hub } = pair(50_000);
  const importing = hub.importFromAsync(source, { sourceNamespace, chunkSize: 1 });
  while (hub.frontier().visible < 20n) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  hub.close();
  checkError(await importing.catch((thrown: unknown) => thrown), ClosedError, "ERR_CLOSED");
});

test("imports of one name go on from each other", () => {
  const { source, hub } = pair();
  const nightly = { sourceNamespace, name: "nightly" };
  const first = hub.importFrom(source, nightly);
  assert.deepEqual([first.startedAfter, first.sourceState], [0n, SourceState.UNKNOWN]);
  appendMany(source, 1);
  const second = hub.importFrom(source, nightly);
  assert.deepEqual([second.imported, second.deduplicated], [1n, 0n]);
  assert.equal(second.startedAfter, first.sourceCeiling);
  assert.equal(second.sourceState, SourceState.GOES_ON);
  const flags = ImportFlag.NO_RESUME;
  assert.equal(hub.importFrom(source, { ...nightly, flags }).deduplicated, 11n);
  const other = hub.importFrom(source, { ...nightly, region: { entity: "other" } });
  assert.equal(other.flags, ImportReportFlag.SELECTOR_CHANGED);
});

test("stores that feed each other by origin have every event once", () => {
  const stores = [openStore("one"), openStore("two"), openStore("hub")] as const;
  appendMany(stores[0], 2);
  appendMany(stores[1], 3);
  let last = 0n;
  for (let round = 0; round < 2; round++) {
    last = 0n;
    for (const from of stores) {
      for (const to of stores) {
        last += to.importFrom(from, { identity: ImportIdentity.ORIGIN }).imported;
      }
    }
  }
  assert.equal(last, 0n);
  for (const store of stores) assert.equal(store.count(), 5n);
  refused(
    () => stores[2].importFrom(stores[0], { sourceNamespace }),
    InvalidError,
    "ERR_INVALID_ARGUMENT",
  );
});
