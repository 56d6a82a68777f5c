/** Who follows a store has each of its events once, those that are there and those that come. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import {
  CancelledError,
  ClosedError,
  type EventRecord,
  type FollowOptions,
  InvalidError,
  liveHandles,
  OpenMode,
  type Page,
} from "fbat";
import { appendMany, checkEachTest, checkError, event, openStore, runBeside } from "./fixture.js";

checkEachTest();

const limit = { timeout: 30_000 };
const ASLEEP_MS = 50;

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));
const descriptors = () => readdirSync("/proc/self/fd").length;
const payloadOf = ({ payload }: EventRecord) => payload.toString();

/** The payloads of so many events. */
async function take(events: AsyncIterable<EventRecord>, count: number): Promise<string[]> {
  const found: string[] = [];
  for await (const record of events) {
    if (found.push(payloadOf(record)) === count) {
      break;
    }
  }
  return found;
}

const rejected = (promise: Promise<unknown>) =>
  promise.then(
    () => assert.fail("it was not rejected"),
    (thrown: unknown) => thrown,
  );

/** Appends 2,000 events of two entities, one by one. */
const appends = `
  import { Durability, Store } from "fbat";
  const store = Store.open(process.argv[1], { durability: Durability.OS });
  for (let i = 0; i < 2000; i++) {
    const entity = i % 2 === 0 ? "even:" + i : "odd:" + i;
    store.append({ entity, scope: "test", kind: 0x1001, payload: String(i) });
    if (i % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  store.close();`;

test("2,000 events of another process are followed, each once", limit, async () => {
  openStore("s").close();
  const reader = openStore("s", { mode: OpenMode.READ_ONLY });
  const all = take(reader.follow(), 2000);
  const odd = take(reader.follow({ region: { entity: "odd" }, pageRows: 7 }), 1000);
  const paged = (async () => {
    const found: string[] = [];
    for await (const page of reader.followPages({ pageRows: 64 })) {
      found.push(...page.toArray().map(payloadOf));
      if (found.length === 2000) {
        break;
      }
    }
    return found;
  })();
  assert.equal(await runBeside(appends, "s"), 0);
  assert.deepEqual(await all, numbers(2000));
  assert.deepEqual(await paged, numbers(2000));
  assert.deepEqual(
    await odd,
    numbers(2000).filter((n) => Number(n) % 2 === 1),
  );
});

test("writers that are killed, and others that follow, are followed", limit, async () => {
  openStore("s").close();
  const reader = openStore("s", { mode: OpenMode.READ_ONLY });
  const all = take(reader.follow(), 400);
  for (const first of [0, 100, 200, 300]) {
    const program = `
      import { Durability, Store } from "fbat";
      const options = { durability: Durability.OS, segmentBytes: 65536 };
      const store = Store.open(process.argv[1], options);
      for (let i = ${first}; i < ${first + 100}; i++) {
        const payload = Buffer.alloc(1500, " ").fill(String(i), 0, String(i).length);
        store.append({ entity: "a", scope: "test", kind: 0x1001, payload });
      }
      process.kill(process.pid, "SIGKILL");`;
    assert.equal(await runBeside(program, "s"), "SIGKILL");
  }
  assert.deepEqual(
    (await all).map((payload) => payload.trim()),
    numbers(400),
  );
  assert.ok(reader.stats().segments > 1n);
});

test("from now on is behind what is there", limit, async () => {
  const store = openStore("s");
  appendMany(store, 10);
  const events = store.follow({ after: store.frontier().visible });
  const first = events.next();
  await pause(ASLEEP_MS);
  store.append(event("a", "new"));
  const { value } = await first;
  assert.equal(value && payloadOf(value), "new");
  await events.return?.();
  assert.deepEqual(await take(store.follow({ after: 9 }), 3), ["8", "9", "new"]);
});

test("an end that the query has is the end", limit, async () => {
  const store = openStore("s");
  appendMany(store, 10);
  assert.deepEqual(await take(store.follow({ limit: 4, pageRows: 3 }), 99), numbers(4));
  assert.deepEqual(await take(store.follow({ until: 6 }), 99), numbers(5));
  const later = take(store.follow({ after: 9, until: 13 }), 99);
  await pause(ASLEEP_MS);
  appendMany(store, 5);
  assert.deepEqual(await later, ["8", "9", "0", "1"]);
});

test("only what is durable is followed where that is wanted", limit, async () => {
  const writer = openStore("s");
  const reader = openStore("s", { mode: OpenMode.READ_ONLY });
  const [ours, theirs] = [writer, reader].map((store) => take(store.follow({ durable: true }), 5));
  appendMany(writer, 3);
  await pause(ASLEEP_MS);
  appendMany(writer, 2);
  assert.deepEqual(await theirs, ["0", "1", "2", "0", "1"]);
  writer.sync();
  assert.deepEqual(await ours, ["0", "1", "2", "0", "1"]);
});

test("50 followers sleep without a thread, and all hear of an event", limit, async () => {
  const writer = openStore("s");
  const stores = Array.from({ length: 25 }, () => openStore("s", { mode: OpenMode.READ_ONLY }));
  const controller = new AbortController();
  const followers = [...stores, ...Array(25).fill(writer)].map((store) =>
    store.follow({ after: 1, signal: controller.signal }),
  );
  for (const payload of ["first", "second"]) {
    const heard = followers.map((events) => events.next());
    await pause(ASLEEP_MS);
    // Four threads are all that the files of this process have.
    const files = Array.from({ length: 40 }, () => readFile("/proc/self/stat"));
    assert.equal((await Promise.all(files)).length, 40);
    assert.ok((await writer.syncAsync()).visible > 0n);
    writer.append(event("a", payload));
    const found = (await Promise.all(heard)).map(({ value }) => value && payloadOf(value));
    assert.deepEqual(found, Array(50).fill(payload));
  }
  const ended = followers.map((events) => rejected(events.next()));
  await pause(ASLEEP_MS);
  controller.abort("enough");
  for (const error of await Promise.all(ended)) {
    checkError(error, CancelledError, "ERR_CANCELLED");
    assert.equal(error.cause, "enough");
  }
  assert.equal(liveHandles(), 26);
});

test("a signal ends a loop within a page, too", limit, async () => {
  const store = openStore("s");
  appendMany(store, 10);
  const controller = new AbortController();
  const found: string[] = [];
  const loop = async () => {
    for await (const record of store.follow({ signal: controller.signal })) {
      if (found.push(payloadOf(record)) === 3) {
        controller.abort();
      }
    }
  };
  checkError(await rejected(loop()), CancelledError, "ERR_CANCELLED");
  assert.deepEqual(found, numbers(3));
  const late = store.follow({ signal: controller.signal });
  checkError(await rejected(late.next()), CancelledError, "ERR_CANCELLED");
  assert.deepEqual(await late.next(), { done: true, value: undefined });
  assert.equal(liveHandles(), 1);
});

test("who ends it while it waits is answered at once, and nothing is left", limit, async () => {
  const store = openStore("s");
  const kinds: ((options: FollowOptions) => AsyncIterableIterator<EventRecord | Page>)[] = [
    (options) => store.follow(options),
    (options) => store.followPages(options),
  ];
  const { signal } = new AbortController();
  const round = async (follow: (typeof kinds)[number]) => {
    const before = descriptors();
    const events = follow({ signal });
    const pending = events.next();
    while (descriptors() === before) {
      await pause(1); // until it sleeps
    }
    const over = { done: true, value: undefined };
    assert.deepEqual(await Promise.all([events.return?.(), pending]), [over, over]);
    assert.deepEqual(await events.next(), over);
    await follow({ signal }).return?.(); // one that never began
    assert.equal(liveHandles(), 1);
    return descriptors() - before;
  };
  await round(kinds[0] as (typeof kinds)[number]); // from now on the store has its descriptor
  for (const follow of kinds) {
    assert.equal(await round(follow), 0);
  }
});

test("a store that is closed ends it with an error", limit, async () => {
  const store = openStore("s");
  appendMany(store, 1);
  const events = store.follow();
  assert.ok(!(await events.next()).done);
  const next = rejected(events.next());
  await pause(ASLEEP_MS);
  store.close();
  const error = await next;
  checkError(error, ClosedError, "ERR_CLOSED");
  assert.equal(error.path, store.path);
  checkError(await rejected(store.follow().next()), ClosedError, "ERR_CLOSED");
  assert.equal(liveHandles(), 0);
});

test("what cannot be followed is refused when it begins", limit, async () => {
  const store = openStore("s");
  const wrong: unknown[] = [
    null,
    "all",
    { flags: 1 },
    { after: -1 },
    { after: 1, region: { entity: "" } },
    { after: 1, durable: true, region: { scopes: "a" } },
    { signal: {} },
    { cancel: null },
  ];
  for (const options of wrong) {
    const events = store.follow(options as FollowOptions);
    checkError(await rejected(events.next()), InvalidError, "ERR_INVALID_ARGUMENT");
  }
  assert.equal(liveHandles(), 1);
});
