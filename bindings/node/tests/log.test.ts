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
