/** What the compiler accepts and refuses of a caller; with `exactOptionalPropertyTypes`. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  type AsyncOptions,
  Durability,
  type EventInit,
  Expect,
  type ImportOptions,
  type OpenOptions,
  type ProvenanceInit,
  type Query,
} from "fbat";
import { checkEachTest, projectRoot, scratch } from "./fixture.js";

checkEachTest();

test("every option may be undefined, a value of another group or any number is no choice", () => {
  const none = undefined;
  const open: OpenOptions = { mode: none, durability: none, label: none, segmentBytes: none };
  const query: Query = { region: none, after: none, until: none, limit: none, pageRows: none };
  query.region = { entity: none, kind: none, versions: none, timestampUs: { first: none } };
  const sourceNamespace = "n";
  const imported: ImportOptions = { sourceNamespace, chunkSize: none, filter: none, cancel: none };
  const later: AsyncOptions<ImportOptions> = { sourceNamespace, filter: none, onConflict: none };
  const event: EventInit = { entity: "a", scope: "b", kind: 1, expect: none, extensions: none };
  const durability: Durability = Durability.OS;
  // @ts-expect-error a number that is none of Durability
  open.durability = 99;
  // @ts-expect-error a number that is none of OpenMode
  open.mode = 99;
  // @ts-expect-error a number that is none of ImportDurability
  imported.durability = 99;
  // @ts-expect-error a number that is none of OnConflict
  later.onConflict = 99;
  // @ts-expect-error a number that is none of Expect
  const unexpected: EventInit = { ...event, expect: 99 };
  const nameless: ImportOptions = { chunkSize: 5 };
  // @ts-expect-error all parts but the version are needed
  const provenance: ProvenanceInit = { sourceNamespace };
  // @ts-expect-error a filter is none of a call on another thread
  later.filter = () => true;
  const expected: Expect = Expect.VERSION;
  assert.ok(
    [open, query, later, provenance, unexpected, nameless].every(
      (value) => typeof value === "object",
    ),
  );
  assert.deepEqual([durability, expected], [1, 3]);
});

const program = `import { Store, type EventRecord } from "fbat";
const of = (record: EventRecord): string => record.payload.toString("utf8");
// @ts-expect-error a payload is a Buffer, not any
const not = (record: EventRecord): boolean => record.payload;
console.log(Store.open, of, not);
`;

/** Compiles a program that uses the package, in a folder where this is installed. */
function compile(withNodeTypes: boolean): string {
  const here = join(projectRoot, "bindings/node");
  const modules = scratch("node_modules");
  mkdirSync(join(modules, "fbat"), { recursive: true });
  cpSync(join(here, "dist/src"), join(modules, "fbat/dist/src"), { recursive: true });
  cpSync(join(here, "package.json"), join(modules, "fbat/package.json"));
  for (const name of withNodeTypes ? ["koffi", "@types"] : ["koffi"]) {
    symlinkSync(join(here, "node_modules", name), join(modules, name));
  }
  writeFileSync(scratch("program.mts"), program);
  const flags = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,esnext.disposable"];
  const values = [
    join(here, "node_modules/typescript/bin/tsc"),
    ...flags,
    "--module",
    "nodenext",
    "program.mts",
  ];
  return spawnSync(process.execPath, values, { cwd: scratch("."), encoding: "utf8" }).stdout;
}

test("the types of Node.js are found where they are installed, without being listed", () => {
  assert.equal(compile(true), "");
});

test("a program without the types of Node.js is told which package to install", () => {
  assert.match(compile(false), /Cannot find name 'Buffer'\. .*npm i --save-dev @types\/node/);
});
