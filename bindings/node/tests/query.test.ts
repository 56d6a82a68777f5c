import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import {
  Column,
  decodeEntity,
  type EventRecord,
  encodeEntity,
  InvalidError,
  liveHandles,
  operationKey,
  type Query,
  QueryFlag,
} from "fbat";
import { appendMany, checkEachTest, event, openStore, refused } from "./fixture.js";

checkEachTest();

/** Sequences 2 to 13: events of three entities, two scopes, kinds 0x1000 to 0x1003 and 0x2000. */
function filled() {
  const store = openStore("s");
  store.appendBatch(
    Array.from({ length: 12 }, (_, i) =>
      event(["a", "a:b", "ab"][i % 3] as string, String(i), {
        scope: i < 6 ? "early" : "late",
        kind: i === 11 ? 0x2000 : 0x1000 + (i % 4),
        extensions: [["test.index", String(i)]],
      }),
    ),
  );
  return store;
}

const payloads = (records: Iterable<EventRecord>) =>
  [...records].map(({ payload }) => payload.toString()).join(" ");

test("each part of a query leaves out what it is to leave out", () => {
  const store = filled();
  const expectations: [Query, string][] = [
    [{}, "0 1 2 3 4 5 6 7 8 9 10 11"],
    [{ region: { entity: "a" } }, "0 1 3 4 6 7 9 10"],
    [{ region: { entity: "a:b" } }, "1 4 7 10"],
    [{ region: { scope: "late" } }, "6 7 8 9 10 11"],
    [{ region: { kind: 0x1001 } }, "1 5 9"],
    [{ region: { category: 2 } }, "11"],
    [{ region: { kind: [0x1001, 0x1002], category: [2] } }, "1 2 5 6 9 10 11"],
    [{ region: { scope: ["none", "early"] } }, "0 1 2 3 4 5"],
    [{ limit: 3 }, "0 1 2"],
    [{ region: { versions: { first: 2, last: 3n } } }, "3 4 5 6 7 8"],
    [{ after: 11n }, "10 11"],
    [{ until: 4 }, "0 1 2"],
    [{ pageRows: 2 }, "0 1"],
    [{ flags: QueryFlag.BACKWARD }, "11 10 9 8 7 6 5 4 3 2 1 0"],
    [
      {
        region: { entity: "a", scope: "early", category: 1 },
        after: 2,
        flags: QueryFlag.BACKWARD,
      },
      "4 3 1",
    ],
    [{ region: { entity: "none" } }, ""],
  ];
  for (const [query, expected] of expectations) {
    assert.equal(payloads(store.query(query)), expected, inspect(query));
  }
});

test("counts and lists are those of a scan", () => {
  const store = filled();
  assert.equal(store.count(), 12n);
  assert.equal(store.count({ region: { entity: "a" }, limit: 7 }), 7n);
  const first = store.entities({ entity: "a", pageRows: 1 });
  assert.deepEqual([first.rows[0]?.name, first.rows[0]?.events, first.isEnd], ["a", 4n, false]);
  const rest = store.entities({ entity: "a", after: "a" });
  assert.deepEqual([rest.rows.length, rest.rows[0]?.name, rest.isEnd], [1, "a:b", true]);
  const scopes = store.scopes().rows.map(({ name, events }) => `${name} ${events}`);
  assert.deepEqual(scopes, ["early 6", "late 6"]);
  assert.equal(store.stats().events - store.stats().systemEvents, 12n);
});

test("any text is an entity once it is encoded", () => {
  const entity = encodeEntity("a/b=c..%");
  assert.equal(entity, "a%2Fb%3Dc.%2E%25");
  assert.equal(decodeEntity(entity), "a/b=c..%");
  refused(() => decodeEntity("a%2"), InvalidError, "ERR_INVALID_ARGUMENT");
});

test("the library's own events come when they are asked for", () => {
  const page = filled().query({ flags: QueryFlag.SYSTEM });
  assert.equal(page.length, 13);
  assert.equal(page.at(0)?.sequence, 1n);
  assert.equal((page.at(0)?.kind ?? 0) >> 12, 0);
});

test("parts that are none are refused and leave nothing behind", () => {
  const store = filled();
  const before = liveHandles();
  const bad: (Query & { readonly sort?: string })[] = [
    { pageRows: 65537 },
    { region: { entity: "" } },
    { region: { scope: "" } },
    { region: { scope: [] } },
    { region: { kind: [] } },
    { region: { category: 16 } },
    { columns: 16 },
    { flags: 4 },
    { after: -1 },
    { until: 2n ** 64n },
    { sort: "sequence" },
  ];
  for (const query of bad) {
    refused(() => store.query(query), InvalidError, "ERR_INVALID_ARGUMENT");
    refused(() => store.cursor(query), InvalidError, "ERR_INVALID_ARGUMENT");
  }
  refused(
    () => store.query({ region: { entity: "a".repeat(1025) } }),
    InvalidError,
    "ERR_INVALID_COORDINATE",
  );
  refused(() => store.query({ region: { scope: "\ud800" } }), InvalidError, "ERR_INVALID_UTF8");
  refused(() => store.query(null as unknown as Query), InvalidError, "ERR_INVALID_ARGUMENT");
  assert.equal(liveHandles(), before);
});

for (const [name, flags] of [
  ["forward", 0],
  ["backward", QueryFlag.BACKWARD],
] as const) {
  test(`pages go on where the last one ended, ${name}`, () => {
    const store = openStore("s");
    appendMany(store, 2500);
    const expected = Array.from({ length: 2500 }, (_, i) => String(flags ? 2499 - i : i)).join(" ");
    const found: string[] = [];
    let query: Query = { flags, pageRows: 700 };
    for (let end = false; !end; ) {
      const page = store.query(query);
      found.push(payloads(page));
      end = page.isEnd;
      query = { ...query, [flags ? "until" : "after"]: page.resume };
    }
    assert.equal(found.length, 4);
    assert.equal(found.join(" "), expected);
    assert.equal(payloads(store.records({ flags, pageRows: 700 })), expected);
    using cursor = store.cursor({ flags, pageRows: 700 });
    assert.equal([...cursor].map(payloads).join(" "), expected);
  });
}

test("a forward cursor that is at the end goes on with what was appended since", () => {
  const store = filled();
  using cursor = store.cursor({ pageRows: 5 });
  assert.deepEqual(
    [...cursor].map(({ length }) => length),
    [5, 5, 2],
  );
  assert.equal(cursor.nextPage(), null);
  store.append(event("new", "x"));
  assert.equal(payloads(cursor.records()), "x");
  assert.equal(cursor.nextPage(), null);
});

test("a loop over records that is left early frees its cursor", () => {
  const store = filled();
  const before = liveHandles();
  for (const record of store.records({ pageRows: 3 })) {
    if (record.payload.toString() === "4") {
      break;
    }
  }
  assert.throws(() => {
    for (const _ of store.records()) {
      throw new Error("enough");
    }
  }, /enough/);
  assert.equal(liveHandles(), before);
});

test("records outlive their store, and say what they are when they are printed", () => {
  const store = filled();
  const page = store.query({ region: { entity: "ab" } });
  store.close();
  assert.equal(page.length, 4);
  assert.equal(page.at(-1)?.payload.toString(), "11");
  assert.equal(page.at(-1)?.extensions.get("test.index")?.toString(), "11");
  assert.deepEqual([page.at(4), page.at(-5), page.at(0.5)], [undefined, undefined, undefined]);
  assert.equal(page.toArray().length, 4);
  assert.match(inspect(page.at(0)), /entity: 'ab'/);
});

test("columns decide what is read", () => {
  const store = filled();
  const id = store.query().at(3)?.id;
  assert.ok(id);
  const read = (columns?: number) => {
    const record = store.get(id, columns);
    assert.ok(record);
    return [
      record.payload.length,
      record.extensions.size,
      record.previousHash !== null,
      record.storedPayloadLen,
    ];
  };
  assert.deepEqual(read(), [1, 1, false, 1]);
  assert.deepEqual(read(0), [1, 1, false, 1]);
  assert.deepEqual(read(Column.FIXED), [0, 0, false, 1]);
  assert.deepEqual(read(Column.EXTENSIONS), [0, 1, false, 1]);
  assert.deepEqual(read(Column.PREVIOUS_HASH), [0, 0, true, 1]);
  refused(() => store.get(id, 16), InvalidError, "ERR_INVALID_ARGUMENT");
  assert.equal(store.get(operationKey("no", "such")), null);
});

test("rows are the same whatever lies between them in memory", () => {
  const store = openStore("s");
  const size = (i: number) => (i * 7919) % 9000;
  store.appendBatch(
    Array.from({ length: 900 }, (_, i) =>
      event(`thing:${i % 13}`, "", {
        scope: i % 50 === 0 ? "rare" : "common",
        payload: Buffer.alloc(size(i), i),
        extensions: i % 3 === 0 ? [[`x.y${i}`, Buffer.alloc(i % 300, i)]] : [],
      }),
    ),
  );
  let i = 0;
  for (const record of store.records({ pageRows: 333 })) {
    assert.deepEqual(
      [record.entity, record.scope],
      [`thing:${i % 13}`, i % 50 === 0 ? "rare" : "common"],
    );
    assert.ok(record.payload.equals(Buffer.alloc(size(i), i)));
    const value = record.extensions.get(`x.y${i}`);
    assert.ok(i % 3 === 0 ? value?.equals(Buffer.alloc(i % 300, i)) : value === undefined);
    i += 1;
  }
  assert.equal(i, 900);
});
