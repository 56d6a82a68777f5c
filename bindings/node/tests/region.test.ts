/** Regions select the same events in a query, an import and a verification. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { InvalidError, liveHandles, type Range, type Region, type Store } from "fbat";
import { checkEachTest, event, openStore, refused } from "./fixture.js";

checkEachTest();

const I64_MAX = 2n ** 63n - 1n;

/** Events 0 to 7: times -3 to 4, versions of two entities, kinds of two categories. */
function filled(): Store {
  const store = openStore("s");
  for (let i = 0; i < 8; i++) {
    store.append(
      event(["a", "a:b"][i % 2] as string, String(i), {
        scope: i < 4 ? "early" : "late",
        kind: 0x1000 * (1 + Math.floor(i / 6)) + i,
        timestampUs: i - 3,
      }),
    );
  }
  return store;
}

function select(store: Store, region: Region): string {
  return [...store.records({ region })].map(({ payload }) => payload.toString()).join("");
}

const timestamps = (timestampUs: Range): Region => ({ timestampUs });
const versions = (range: Range): Region => ({ versions: range });

const selections: [Region, string][] = [
  [{}, "01234567"],
  [{ entity: "a:b" }, "1357"],
  [{ entity: "a" }, "01234567"],
  [{ entity: "b" }, ""],
  [{ scope: "late" }, "4567"],
  [{ kind: 0x1001 }, "1"],
  [{ category: 2 }, "67"],
  [versions({ first: 4 }), "67"],
  [versions({ last: 1 }), "01"],
  [versions({ first: 2, last: 3n }), "2345"],
  [versions({}), "01234567"],
  [versions({ first: 3, last: 2 ** 40 }), "4567"],
  [timestamps({ first: 0n }), "34567"],
  [timestamps({ last: 0 }), "0123"],
  [timestamps({ last: -1n }), "012"],
  [timestamps({ first: -1, last: 1 }), "234"],
  [timestamps({ first: I64_MAX }), ""],
  [timestamps({}), "01234567"],
  [{ recordedUs: { last: 0 } }, ""],
  [{ recordedUs: { first: 1 } }, "01234567"],
  [{ entity: "a:b", scope: "early", category: 1, timestampUs: { first: -2 } }, "13"],
  [{ entity: null, scope: null, kind: null, category: null, versions: null }, "01234567"],
  [{ timestampUs: null, recordedUs: null }, "01234567"],
];

test("each part of a region leaves out what it is to leave out, in queries and imports", () => {
  const store = filled();
  for (const [i, [region, expected]] of selections.entries()) {
    assert.equal(select(store, region), expected, inspect(region));
    const hub = openStore(`hub${i}`);
    const { imported } = hub.importFrom(store, { sourceNamespace: "s", region });
    assert.equal(Number(imported), expected.length, inspect(region));
  }
});

test("the time at which an event was written selects it", () => {
  const store = filled();
  const [first, , third] = store.query().toArray();
  assert.ok(first && third);
  const found = select(store, { recordedUs: { first: first.recordedUs, last: third.recordedUs } });
  assert.ok(found.startsWith("012"), found);
  assert.equal(select(store, { recordedUs: { last: first.recordedUs - 1n } }), "");
});

test("a verification of a region finds nothing wrong with a sound store", () => {
  const store = filled();
  for (const [region] of selections) {
    const { report, findings } = store.verify({ region });
    assert.deepEqual([findings, report.findings], [[], 0n], inspect(region));
  }
});

test("a region that is none is refused wherever it is given, and nothing is left behind", () => {
  const store = filled();
  const before = liveHandles();
  const bad: Region[] = [
    { entity: "" },
    { scope: "" },
    { kind: -1 },
    { kind: 65536 },
    { category: 16 },
    { category: 1.5 },
    { versions: { first: 2, last: 1 } },
    { versions: { first: 2n ** 64n } },
    { timestampUs: { first: 2, last: 1 } },
    { timestampUs: { last: 2n ** 63n } },
    { recordedUs: { first: 1, end: 2 } as Range },
    { entities: "a" } as Region,
    "a" as Region,
  ];
  for (const region of bad) {
    const uses = [
      () => store.query({ region }),
      () => store.cursor({ region }),
      () => store.verify({ region }),
      () => store.importFrom(store, { sourceNamespace: "s", region }),
    ];
    for (const use of uses) {
      refused(use, InvalidError, "ERR_INVALID_ARGUMENT");
    }
  }
  assert.equal(liveHandles(), before);
});
