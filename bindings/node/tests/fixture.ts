/**
 * What the tests share: directories that are removed, stores in them, and the promise that nothing
 * stays behind.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "node:test";
import { fileURLToPath } from "node:url";
import {
  Durability,
  type EventInit,
  FbatError,
  liveHandles,
  type OpenOptions,
  Status,
  Store,
} from "fbat";

/** The top of the whole project, seen from dist/tests. */
export const projectRoot = fileURLToPath(new URL("../../../../", import.meta.url));

let directory: string | null = null;
const opened: Store[] = [];

/** A path in a directory that is removed after the test. */
export function scratch(name: string): string {
  directory ??= mkdtempSync(join(tmpdir(), "fbat-node-"));
  return join(directory, name);
}

/** A store that is closed after the test. */
export function openStore(name: string, options: OpenOptions = {}): Store {
  const store = Store.open(scratch(name), { durability: Durability.OS, ...options });
  opened.push(store);
  return store;
}

/** To be called once by each file of tests. */
export function checkEachTest(): void {
  afterEach(() => {
    for (const store of opened.splice(0)) {
      store.close();
    }
    if (directory !== null) {
      rmSync(directory, { recursive: true });
      directory = null;
    }
    assert.equal(liveHandles(), 0, "objects of the library are left");
  });
}

const packageRoot = join(projectRoot, "bindings/node");

/** Runs a module with the path of a store as its argument, in a process of its own. */
export function runProgram(program: string, name: string) {
  const flags = ["--input-type=module", "-e", program, scratch(name)];
  const options = { cwd: packageRoot, encoding: "utf8", timeout: 30_000 } as const;
  return spawnSync(process.execPath, flags, options);
}

/** Runs such a module while this process goes on; how it ended: its exit code, or its signal. */
export async function runBeside(program: string, name: string): Promise<number | string> {
  const flags = ["--input-type=module", "-e", program, scratch(name)];
  const stdio = ["ignore", "inherit", "inherit"] as const;
  const child = spawn(process.execPath, flags, { cwd: packageRoot, stdio: [...stdio] });
  const [status, signal] = await once(child, "exit");
  return status ?? signal;
}

/** Leaves a store with one event that was not closed. */
export function abandon(name: string): void {
  const { signal, stderr } = runProgram(
    `import { Store } from "fbat";
     Store.open(process.argv[1]).append({ entity: "thing:1", scope: "test", kind: 0x1001 });
     process.kill(process.pid, "SIGKILL");`,
    name,
  );
  assert.equal(signal, "SIGKILL", stderr);
}

export function event(entity: string, payload: string, more: Partial<EventInit> = {}): EventInit {
  return { entity, scope: "test", kind: 0x1001, payload, ...more };
}

/** Appends `count` events of one entity, with the payloads 0, 1, 2 … */
export function appendMany(store: Store, count: number, entity = "thing:1"): void {
  store.appendBatch(Array.from({ length: count }, (_, i) => event(entity, String(i))));
}

type StatusName = keyof typeof Status;
// biome-ignore lint/suspicious/noExplicitAny: classes with any constructor
type ErrorClass = abstract new (...values: any[]) => FbatError;

/** What `body` throws has to be of this class and have this status. */
export function refused(body: () => unknown, type: ErrorClass, status: StatusName): FbatError {
  const thrown = caught(body);
  checkError(thrown, type, status);
  return thrown;
}

export function checkError(
  thrown: unknown,
  type: ErrorClass,
  status: StatusName,
): asserts thrown is FbatError {
  assert.ok(thrown instanceof FbatError, `not an FbatError: ${String(thrown)}`);
  assert.equal(thrown.code, `FBAT_${status}`, thrown.message);
  assert.equal(thrown.status, Status[status]);
  assert.ok(thrown instanceof type, `${thrown.name} is not ${type.name}`);
  assert.ok(thrown.message.length > 0);
}

/** What `body` throws. */
export function caught(body: () => unknown): unknown {
  try {
    body();
  } catch (thrown) {
    return thrown;
  }
  return assert.fail("nothing was thrown");
}
