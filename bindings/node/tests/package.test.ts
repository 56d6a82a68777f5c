/** The package as others get it: packed, installed, and loaded in every way there is. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { checkEachTest, projectRoot, scratch } from "./fixture.js";

checkEachTest();

const here = join(projectRoot, "bindings/node");
const require = createRequire(import.meta.url);

/** Unpacks the package where `name` stands in a folder of its own; koffi is what is installed. */
function install(name: string): string {
  const pack = spawnSync(
    "npm",
    ["pack", "--silent", "--ignore-scripts", "--pack-destination", scratch(".")],
    { cwd: here, encoding: "utf8" },
  );
  assert.equal(pack.status, 0, pack.stderr);
  const modules = scratch(`${name}/node_modules`);
  mkdirSync(join(modules, "fbat"), { recursive: true });
  const flags = ["-xzf", scratch(pack.stdout.trim()), "--strip-components=1", "-C"];
  assert.equal(spawnSync("tar", [...flags, join(modules, "fbat")]).status, 0);
  for (const other of ["koffi", "@koromix"]) {
    symlinkSync(join(here, "node_modules", other), join(modules, other));
  }
  return scratch(name);
}

function bundle(): void {
  assert.equal(spawnSync(process.execPath, ["bundle.mjs"], { cwd: here }).status, 0);
}

/** A program in a folder, without the library of the tests. */
function run(folder: string, file: string, program: string) {
  writeFileSync(join(folder, file), program);
  const { FBAT_LIBRARY: _, ...env } = process.env;
  return spawnSync(process.execPath, [file], { cwd: folder, encoding: "utf8", env });
}

test("the package brings its library, its licences and its description", () => {
  mkdirSync(scratch("."), { recursive: true });
  bundle();
  const folder = install("a");
  for (const file of ["LICENSE-APACHE", "LICENSE-MIT", "README.md"]) {
    assert.ok(existsSync(join(folder, "node_modules/fbat", file)), file);
  }
  const { status, stdout, stderr } = run(
    folder,
    "use.cjs",
    `const { Store, versionString } = require("fbat");
     const { version, license, keywords } = require("fbat/package.json");
     const store = Store.open("s");
     store.append({ entity: "a", scope: "b", kind: 0x1001 });
     store.close();
     const isLicensed = license === "MIT OR Apache-2.0";
     console.log(versionString() === version, isLicensed, keywords.length > 0);`,
  );
  assert.deepEqual([status, stdout], [0, "true true true\n"], stderr);
});

test("import and require give one package", async () => {
  const required = require("fbat") as typeof import("fbat");
  const imported = await import("fbat");
  assert.equal(required.Store, imported.Store);
  assert.deepEqual(
    Object.keys(required).filter((name) => name !== "__esModule"),
    Object.keys(required).filter((name) => name in imported),
  );
  assert.equal(require("fbat/package.json").name, "fbat");
});

test("copies of the package and others who name types of koffi do not disturb each other", () => {
  mkdirSync(scratch("."), { recursive: true });
  bundle();
  const a = install("a");
  const other = join(install("b"), "node_modules/fbat/dist/src/index.js");
  const names = ["callback", "text", "id", "log", "record", "handle", "address", "chars", "filter"];
  const { status, stdout, stderr } = run(
    a,
    "use.cjs",
    `const koffi = require("koffi");
     for (const name of ${JSON.stringify(names)}) koffi.struct(name, { a: "int" });
     koffi.proto("int progress(void *a)");
     const one = require("fbat");
     for (const file of Object.keys(require.cache).filter((file) => file.includes("/fbat/")))
       delete require.cache[file];
     const two = require("fbat");
     const stores = [one, two, require(${JSON.stringify(other)})]
       .map(({ Store }) => Store);
     for (const [i, Store] of stores.entries()) Store.open("s" + i).close();
     koffi.proto("void LogCallback(int a)");
     console.log(new Set(stores).size);`,
  );
  assert.deepEqual([status, stdout], [0, "3\n"], stderr);
});

const flags = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,esnext.disposable"];

for (const module of ["node16", "nodenext"]) {
  for (const file of ["program.cts", "program.mts"]) {
    test(`${file} with TypeScript's module ${module} compiles`, () => {
      const modules = scratch("node_modules");
      mkdirSync(join(modules, "fbat"), { recursive: true });
      cpSync(join(here, "dist/src"), join(modules, "fbat/dist/src"), { recursive: true });
      cpSync(join(here, "package.json"), join(modules, "fbat/package.json"));
      for (const name of ["koffi", "@types", "undici-types"]) {
        symlinkSync(join(here, "node_modules", name), join(modules, name));
      }
      writeFileSync(
        scratch(file),
        `import { Store, type EventRecord } from "fbat";
         const length = (record: EventRecord): number => record.payload.length;
         console.log(Store.open("s").query().toArray().map(length));`,
      );
      const tsc = join(here, "node_modules/typescript/bin/tsc");
      const values = [tsc, ...flags, "--module", module, file];
      const { status, stdout } = spawnSync(process.execPath, values, {
        cwd: scratch("."),
        encoding: "utf8",
      });
      assert.deepEqual([status, stdout], [0, ""]);
    });
  }
}
