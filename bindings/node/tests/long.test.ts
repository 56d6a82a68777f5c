/** Every call that can take long says how far it is, and ends when it is told to. */
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { test } from "node:test";
import {
  BusyError,
  type CallOptions,
  Cancel,
  CancelledError,
  InvalidError,
  liveHandles,
  type Progress,
  repair,
  repairAsync,
  Store,
} from "fbat";
import {
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

const sourceNamespace = "n";

type Options = CallOptions<never> & { readonly progress?: never };
/** Calls with options that a test adds to their own. */
const calls: { readonly [name: string]: (store: Store, options: Options, to: string) => unknown } =
  {
    open: (store, options, to) => {
      cpSync(store.path, scratch(to), { recursive: true }); // one that nobody closed
      Store.open(scratch(to), options).close();
    },
    query: (store, options) => store.query(options).length,
    cursor: (store, options) => {
      using cursor = store.cursor(options);
      return [...cursor.records()].length;
    },
    records: (store, options) => [...store.records(options)].length,
    importFrom: (store, options, to) => {
      using hub = Store.open(scratch(to));
      return hub.importFrom(store, { sourceNamespace, chunkSize: 100, ...options });
    },
    verify: (store, options) => store.verify(options),
    backup: (store, options, to) => store.backup(scratch(to), options),
    repair: (store, options, to) => {
      store.close();
      return repair(store.path, scratch(to), options);
    },
  };

/** A recovery that reads less says nothing. */
const RECOVERY_STEP_BYTES = 4 << 20;

function filled(): Store {
  const store = openStore("s");
  appendMany(store, 1000);
  store.append(event("large", "", { payload: Buffer.alloc(RECOVERY_STEP_BYTES) }));
  return store;
}

for (const [name, call] of Object.entries(calls)) {
  test(`${name} ends before it begins where its token or signal was triggered`, () => {
    const store = filled();
    const before = liveHandles();
    using cancel = new Cancel();
    cancel.trigger();
    refused(() => call(store, { cancel }, "a"), CancelledError, "ERR_CANCELLED");
    const reason = new Error("enough");
    const again = store.isClosed ? openStore("s") : store;
    const aborted = { signal: AbortSignal.abort(reason) };
    const error = refused(() => call(again, aborted, "b"), CancelledError, "ERR_CANCELLED");
    assert.equal(error.cause, reason);
    again.close();
    assert.ok(liveHandles() <= before);
  });

  test(`${name} takes a token and a signal that nobody triggers, null and undefined`, () => {
    const controller = new AbortController();
    using cancel = new Cancel();
    const harmless: Options[] = [
      { cancel, signal: null },
      { signal: controller.signal, cancel: undefined },
    ];
    for (const [i, options] of harmless.entries()) {
      const store = openStore("s");
      call(store, options, String(i));
      store.close();
    }
    controller.abort(); // nobody listens any more
    assert.equal(liveHandles(), 1);
  });

  test(`${name} refuses a token, a signal and a progress function that is none`, () => {
    using cancel = new Cancel();
    const { signal } = new AbortController();
    const bad = [{ cancel: signal }, { signal: cancel }, { cancel, signal }, { progress: 7 }];
    for (const [i, options] of bad.entries()) {
      const store = openStore("s");
      const use = () => call(store, options as unknown as Options, String(i));
      refused(use, InvalidError, "ERR_INVALID_ARGUMENT");
      store.close();
    }
  });

  test(`${name} says how far it is, and ends with what its progress function throws`, () => {
    const seen: Progress[] = [];
    const progress = (of: Progress) => seen.push({ ...of });
    let store = filled();
    call(store, { progress: progress as never }, "a");
    assert.ok(seen.length > 0);
    if (name !== "importFrom") {
      assert.ok(seen.every(({ done, total }) => done <= total));
    }
    if (name === "verify" || name === "backup" || name === "repair") {
      assert.deepEqual(
        seen.map(({ done }) => Number(done)),
        seen.map(({ done }) => Number(done)).sort((a, b) => a - b),
      );
    }
    const thrown = new RangeError("too far");
    store = store.isClosed ? openStore("s") : store;
    const throws = () => {
      throw thrown;
    };
    assert.equal(
      caught(() => call(store, { progress: throws as never }, "b")),
      thrown,
    );
  });
}

const asynchronous: {
  readonly [name: string]: (store: Store, signal: AbortSignal) => Promise<unknown>;
} = {
  openAsync: (store, signal) => {
    store.close();
    return Store.openAsync(store.path, { signal });
  },
  queryAsync: (store, signal) => store.queryAsync({ signal }),
  importFromAsync: (store, signal) => openStore("hub").importFromAsync(store, { signal }),
  verifyAsync: (store, signal) => store.verifyAsync({ signal }),
  backupAsync: (store, signal) => store.backupAsync(scratch("copy"), { signal }),
  repairAsync: (store, signal) => {
    store.close();
    return repairAsync(store.path, scratch("copy"), { signal });
  },
};

for (const [name, call] of Object.entries(asynchronous)) {
  test(`${name} ends by a signal, whose reason is the cause`, async () => {
    const signal = AbortSignal.abort("enough");
    const error = await call(filled(), signal).catch((thrown: unknown) => thrown);
    checkError(error, CancelledError, "ERR_CANCELLED");
    assert.equal(error.cause, "enough");
  });
}

test("asynchronous calls give what those that block give", async () => {
  const store = await Store.openAsync(scratch("s"));
  appendMany(store, 10);
  const page = await store.queryAsync({ pageRows: 3 });
  assert.deepEqual([page.length, page.resume, page.isEnd], [3, 4n, false]);
  store.close();
});

test("a progress function may use the library, also for a call of the same kind", () => {
  const store = filled();
  let inner = 0n;
  store.verify({
    progress: () => {
      inner += store.verify({ progress: ({ done }) => assert.ok(done > 0n) }).report.events;
    },
  });
  assert.ok(inner >= 1002n);
});

test("a progress function cannot use the cursor that calls it", () => {
  const store = filled();
  const refusals: unknown[] = [];
  const cursor = store.cursor({
    progress: () => {
      refusals.push(caught(() => cursor.nextPage()));
      refusals.push(caught(() => cursor[Symbol.dispose]()));
    },
  });
  cursor.nextPage();
  assert.ok(refusals.length > 0);
  for (const refusal of refusals) {
    checkError(refusal, BusyError, "ERR_BUSY");
  }
  cursor[Symbol.dispose]();
});

test("a cursor's function is called for each page, and may fail without harm", () => {
  const store = filled();
  let isBroken = true;
  using cursor = store.cursor({
    pageRows: 400,
    progress: () => {
      if (isBroken) {
        throw new Error("not yet");
      }
    },
  });
  assert.throws(() => cursor.nextPage(), /not yet/);
  isBroken = false;
  assert.deepEqual(
    [...cursor].map(({ length }) => length),
    [400, 400, 201],
  );
});
