/** What is forgotten is freed by the collector. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { Cancel, type Cursor, liveHandles, Store } from "fbat";
import { appendMany, checkEachTest, scratch } from "./fixture.js";

checkEachTest();

async function collect(): Promise<void> {
  assert.ok(globalThis.gc, "node runs with --expose-gc");
  globalThis.gc();
  await setTimeout(10);
}

async function collectAll(): Promise<void> {
  for (let i = 0; liveHandles() > 0 && i < 50; i++) {
    await collect();
  }
}

function forget(): void {
  const store = Store.open(scratch("s"));
  appendMany(store, 3);
  store.cursor();
  store.cursor({ signal: new AbortController().signal });
  new Cancel();
}

test("what nobody disposed of is freed when it is collected, a store is closed", async () => {
  forget();
  assert.equal(liveHandles(), 5);
  await collectAll();
  assert.equal(liveHandles(), 0);
  using again = Store.open(scratch("s"));
  assert.ok(!again.openReport.isUnclean);
});

test("a cursor keeps its store open", async () => {
  let cursor: Cursor | null = cursorOfForgotten();
  for (let pages = 1; cursor.nextPage() !== null; pages++) {
    assert.ok(pages <= 3);
    await collect();
  }
  cursor[Symbol.dispose]();
  cursor = null;
  await collectAll();
  assert.equal(liveHandles(), 0);
});

function cursorOfForgotten(): Cursor {
  const store = Store.open(scratch("s"));
  appendMany(store, 3);
  return store.cursor({ pageRows: 1 });
}
