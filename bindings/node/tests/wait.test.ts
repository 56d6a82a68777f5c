/** Who waits is told of what comes, by whomever it is appended, and takes no thread for it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { CancelledError, ClosedError, InvalidError, liveHandles, News, OpenMode } from "fbat";
import {
  appendMany,
  checkEachTest,
  checkError,
  event,
  openStore,
  runBeside,
  runProgram,
} from "./fixture.js";
import type { Work } from "./worker.js";

checkEachTest();

/** What does not end by then never does. */
const limit = { timeout: 30_000 };
/** Long enough that a wait sleeps, as a rule. */
const ASLEEP_MS = 50;

const rejected = (promise: Promise<unknown>) =>
  promise.then(
    () => assert.fail("it was not rejected"),
    (thrown: unknown) => thrown,
  );

/** A store, and a handle that waits for its events: the one that writes, or one that reads. */
function both(reads: boolean) {
  const writer = openStore("s");
  return { writer, waiter: reads ? openStore("s", { mode: OpenMode.READ_ONLY }) : writer };
}

/** Starts a worker: when it has said something first, and what it has said last. */
function startWorker(work: Work) {
  const worker = new Worker(new URL("./worker.js", import.meta.url), { workerData: work });
  let last = "nothing";
  worker.on("message", (message: string) => {
    last = message;
  });
  return { ready: once(worker, "message"), answer: once(worker, "exit").then(() => last) };
}

for (const reads of [false, true]) {
  const who = reads ? "a handle that reads" : "a handle that writes";

  test(`${who} waits for the next event, and for nothing that is there`, limit, async () => {
    const { writer, waiter } = both(reads);
    assert.equal(waiter.stats().news, News.NONE);
    assert.equal((await waiter.wait(0)).visible, 1n);
    let isDone = false;
    const waiting = waiter.wait(2).finally(() => {
      isDone = true;
    });
    const tellers: number[] = reads ? [News.KERNEL, News.POLL] : [News.PROCESS];
    while (!tellers.includes(waiter.stats().news)) {
      await pause(1); // until it sleeps
    }
    appendMany(writer, 1);
    await pause(ASLEEP_MS);
    assert.ok(!isDone, "one event is not enough");
    appendMany(writer, 1);
    assert.equal((await waiting).visible, 3n);
  });

  test(`${who} that is out of time says how far it came`, limit, async () => {
    const { writer, waiter } = both(reads);
    appendMany(writer, 1);
    const error = await rejected(waiter.wait(7, { timeoutMs: 20 }));
    checkError(error, CancelledError, "ERR_TIMEOUT");
    assert.deepEqual([error.actual, error.allowed], [2n, 7n]);
    const long = waiter.wait(2, { timeoutMs: 2 ** 40 });
    await pause(ASLEEP_MS);
    appendMany(writer, 1);
    assert.equal((await long).visible, 3n);
  });

  test(`${who} is ended by a signal, and by nothing else of it`, limit, async () => {
    const { writer, waiter } = both(reads);
    const [one, other] = [new AbortController(), new AbortController()];
    const ended = rejected(waiter.wait(1, { signal: one.signal }));
    const goesOn = waiter.wait(1, { signal: other.signal });
    await pause(ASLEEP_MS);
    one.abort("enough");
    const error = await ended;
    checkError(error, CancelledError, "ERR_CANCELLED");
    assert.equal(error.cause, "enough");
    const again = await rejected(waiter.wait(1, { signal: one.signal }));
    checkError(again, CancelledError, "ERR_CANCELLED");
    appendMany(writer, 1);
    assert.equal((await goesOn).visible, 2n);
  });

  test(`${who} is ended by a close`, limit, async () => {
    const { waiter } = both(reads);
    const ended = [waiter.wait(1), waiter.wait(9, { timeoutMs: 100_000 })].map(rejected);
    await pause(ASLEEP_MS);
    waiter.close();
    for (const error of await Promise.all(ended)) {
      checkError(error, ClosedError, "ERR_CLOSED");
      assert.equal(error.path, waiter.path);
    }
    checkError(await rejected(waiter.wait(0)), ClosedError, "ERR_CLOSED");
  });

  test(`${who} loses no news to a look at the frontier`, limit, async () => {
    const { writer, waiter } = both(reads);
    for (let sequence = 1n; sequence < 200n; sequence++) {
      const waiting = waiter.wait(sequence);
      if (sequence % 20n === 0n) {
        await pause(ASLEEP_MS);
      }
      appendMany(writer, 1);
      assert.equal(waiter.frontier().visible, sequence + 1n); // takes the news from the event loop
      assert.equal((await waiting).visible, sequence + 1n);
    }
  });

  test(`${who} leaves neither objects nor descriptors behind`, limit, async () => {
    const { writer, waiter } = both(reads);
    const counts = () => [liveHandles(), readdirSync("/proc/self/fd").length];
    const round = async () => {
      const { signal, abort } = withAbort();
      const { visible } = waiter.frontier();
      const waiting = [waiter.wait(visible), waiter.wait(visible, { timeoutMs: 100_000 })];
      const ended = rejected(waiter.wait(visible, { signal }));
      const [, awake] = counts();
      while (counts()[1] === awake) {
        await pause(1); // until they sleep
      }
      abort();
      await ended;
      appendMany(writer, 1);
      await Promise.all(waiting);
      await rejected(waiter.wait(visible + 1n, { timeoutMs: 1 }));
    };
    await round();
    const before = counts();
    await round();
    await round();
    assert.deepEqual(counts(), before);
  });
}

function withAbort() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

test("a wait is over when another process has appended", limit, async () => {
  openStore("s").close();
  const reader = openStore("s", { mode: OpenMode.READ_ONLY });
  const waiting = reader.wait(3);
  const program = `
    import { Store } from "fbat";
    const store = Store.open(process.argv[1]);
    for (const n of [1, 2, 3]) store.append({ entity: "a", scope: "b", kind: 0x1001 });
    store.close();`;
  assert.equal(await runBeside(program, "s"), 0);
  assert.equal((await waiting).visible, 4n);
});

test("a wait is over when another thread has appended", limit, async () => {
  const store = openStore("s");
  const waiting = store.wait(1);
  const { answer } = startWorker({ task: "append", name: "a", count: 1, store: store.share() });
  assert.equal((await waiting).visible, 2n);
  assert.equal(await answer, "done");
});

test("another thread's look at the frontier takes away no news for good", limit, async () => {
  const store = openStore("s");
  const steps = new Int32Array(new SharedArrayBuffer(8));
  const waiting = store.wait(1);
  const work: Work = { task: "look", name: "", count: 0, store: store.share(), steps };
  const { ready, answer } = startWorker(work);
  await ready;
  await pause(ASLEEP_MS);
  Atomics.store(steps, 0, 1);
  Atomics.notify(steps, 0);
  Atomics.wait(steps, 1, 0); // the event loop hears nothing of the append
  assert.equal((await waiting).visible, 2n);
  assert.equal(await answer, "2");
});

test("a worker waits with a store that was sent to it, until that is closed", limit, async () => {
  for (const closes of [false, true]) {
    const store = openStore(String(closes));
    const work: Work = { task: "wait", name: "", count: 0, store: store.share() };
    const { ready, answer } = startWorker(work);
    await ready;
    await pause(ASLEEP_MS);
    if (closes) {
      store.close();
      assert.match(await answer, /^FBAT_ERR_(CLOSED|INVALID_HANDLE)$/);
    } else {
      appendMany(store, 1);
      assert.equal(await answer, "2");
    }
  }
});

test("a worker may be terminated while it waits", limit, () => {
  const program = `
    import { Worker } from "node:worker_threads";
    import { Store } from "fbat";
    const store = Store.open(process.argv[1]);
    const worker = new Worker(new URL("data:text/javascript," + encodeURIComponent(\`
      import { parentPort, workerData } from "node:worker_threads";
      const { Store } = await import(\${JSON.stringify(import.meta.resolve("fbat"))});
      const store = Store.attach(workerData);
      setTimeout(() => parentPort.postMessage("waits"), 50);
      await store.wait(1);\`)), { workerData: store.share() });
    await new Promise((resolve) => worker.on("message", resolve));
    await worker.terminate();
    const waiting = store.wait(1);
    store.append({ entity: "a", scope: "b", kind: 0x1001 });
    console.log((await waiting).visible);
    store.close();`;
  const { status, signal, stdout, stderr } = runProgram(program, "s");
  assert.deepEqual([status, signal, stdout], [0, null, "2n\n"], stderr);
});

test("a store that can't be appended to any more ends those who wait", limit, () => {
  const program = `
    import { closeSync, readdirSync, readlinkSync } from "node:fs";
    import { Store } from "fbat";
    const store = Store.open(process.argv[1]);
    const follower = store.follow({ after: 1 });
    const ended = [store.wait(1), follower.next()].map((call) => call.catch(({ code }) => code));
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (const fd of readdirSync("/proc/self/fd").map(Number)) {
      try {
        if (readlinkSync("/proc/self/fd/" + fd).endsWith(".log")) closeSync(fd);
      } catch {} // that of the directory that was listed
    }
    try {
      store.append({ entity: "a", scope: "b", kind: 0x1001 });
    } catch ({ code }) {
      console.log(code);
    }
    console.log(...(await Promise.all(ended)));
    process.exit();`;
  const { stdout, stderr } = runProgram(program, "s");
  assert.equal(stdout, "FBAT_ERR_IO\nFBAT_ERR_POISONED FBAT_ERR_POISONED\n", stderr);
});

test("a process that waits is not kept from ending", limit, () => {
  const program = `
    import { Store } from "fbat";
    const store = Store.open(process.argv[1]);
    store.wait(1).then(() => console.log("woken"));
    setTimeout(() => process.exit(7), 50);`;
  const { status, stdout, stderr } = runProgram(program, "s");
  assert.deepEqual([status, stdout], [7, ""], stderr);
});

test("a process that waits does nothing meanwhile", limit, async () => {
  const { writer, waiter } = both(true);
  const waiting = [waiter.wait(1), writer.wait(1)];
  await pause(4 * ASLEEP_MS);
  const { user, system } = process.cpuUsage();
  await pause(1000);
  const used = process.cpuUsage({ user, system });
  const busy = (used.user + used.system) / 1e6;
  appendMany(writer, 1);
  await Promise.all(waiting);
  assert.ok(busy < 0.5, `${busy} s of 1 s`);
});

test("where no descriptor can be polled, who waits looks by itself", limit, async () => {
  const { node } = createRequire(import.meta.url)("koffi");
  const { poll } = node;
  let asked = 0;
  node.poll = () => {
    asked += 1;
    throw new Error("not here");
  };
  try {
    const { writer, waiter } = both(true);
    const waiting = waiter.wait(2);
    while (asked === 0) {
      await pause(1); // until it sleeps
    }
    appendMany(writer, 2);
    assert.equal((await waiting).visible, 3n);
    const { signal, abort } = withAbort();
    const ended = rejected(waiter.wait(3, { signal }));
    await pause(ASLEEP_MS);
    abort();
    checkError(await ended, CancelledError, "ERR_CANCELLED");
  } finally {
    node.poll = poll;
  }
});

test("what is durable can be waited for", limit, async () => {
  const { writer, waiter } = both(true);
  appendMany(writer, 3);
  const waiting = writer.wait(3, { durable: true });
  await pause(ASLEEP_MS);
  assert.deepEqual(writer.sync(), { visible: 4n, durable: 4n });
  assert.equal((await waiting).durable, 4n);
  appendMany(writer, 3);
  assert.equal((await waiter.wait(6, { durable: true })).durable, 7n); // it syncs by itself
  const next = waiter.wait(7, { durable: true });
  await pause(ASLEEP_MS);
  writer.append(event("a", "b"));
  assert.equal((await next).durable, 8n);
});

test("what is no wait is refused, by its promise", limit, async () => {
  const store = openStore("s");
  const wrong: [unknown, unknown?][] = [
    [-1],
    [1.5],
    [undefined],
    ["1"],
    [0, null],
    [0, { timeoutMs: -1 }],
    [0, { timeoutMs: "1" }],
    [0, { signal: {} }],
    [0, { timeout: 1 }],
  ];
  for (const [after, options] of wrong) {
    const error = await rejected(store.wait(after as number, options as object));
    checkError(error, InvalidError, "ERR_INVALID_ARGUMENT");
  }
});
