import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { test } from "node:test";
import { LogLevel, repairAsync, Store, setLogCallback } from "fbat";
import { abandon, checkEachTest, runProgram, scratch } from "./fixture.js";

checkEachTest();

test("the log goes to the function that was set last, and to none after null", () => {
  const lines: [number, string][] = [];
  setLogCallback(() => assert.fail("replaced"));
  setLogCallback((level, message) => lines.push([level, message]));
  abandon("s");
  const store = Store.open(scratch("s"));
  assert.ok(store.openReport.isUnclean);
  store.close();
  assert.deepEqual(lines, [
    [LogLevel.INFO, `${scratch("s")}: the last writer did not close the store`],
  ]);
  setLogCallback(null);
  abandon("t");
  Store.open(scratch("t")).close();
  assert.equal(lines.length, 1);
});

test("what a log function throws is an uncaught exception, not the caller's", () => {
  abandon("s");
  const { status, stdout, stderr } = runProgram(
    `import { setLogCallback, Store } from "fbat";
     setLogCallback(() => { throw new Error("no room for a line"); });
     Store.open(process.argv[1]).close();
     console.log("closed");`,
    "s",
  );
  assert.equal(stdout, "closed\n");
  assert.equal(status, 1);
  assert.match(stderr, /Error: no room for a line/);
});

test("lines of another thread come to the thread that asked for them", async () => {
  const lines: string[] = [];
  setLogCallback((_level, message) => lines.push(message));
  abandon("s");
  const damaged = scratch("damaged");
  cpSync(scratch("s"), damaged, { recursive: true });
  await repairAsync(damaged, scratch("new"));
  setLogCallback(null);
  assert.equal(lines.length, 1);
  assert.ok(lines[0]?.includes("repair"), lines[0]);
});

test("a worker may end at any time after it asked for the log", () => {
  abandon("s");
  const program = `
    import { Worker } from "node:worker_threads";
    import { repair, Store } from "fbat";
    const worker = new Worker(new URL("data:text/javascript," + encodeURIComponent(\`
      import { parentPort } from "node:worker_threads";
      const { setLogCallback } = await import(\${JSON.stringify(import.meta.resolve("fbat"))});
      setLogCallback((level, message) => parentPort.postMessage(message));
      parentPort.on("message", () => {});
      parentPort.postMessage("ready");\`)));
    const path = process.argv[1];
    const heard = [];
    let opened;
    await new Promise((resolve) => worker.on("message", (message) => {
      heard.push(message);
      if (message === "ready") {
        opened = Store.openAsync(path);
      } else {
        resolve();
      }
    }));
    await worker.terminate();
    (await opened).close();
    for (let i = 0; i < 3; i++) {
      repair(path, path + "-repaired" + i);
    }
    console.log(heard.length, heard[1].endsWith("did not close the store"));`;
  const { status, signal, stdout, stderr } = runProgram(program, "s");
  assert.deepEqual([status, signal, stdout], [0, null, "2 true\n"], stderr);
});
