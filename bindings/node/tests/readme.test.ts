/**
 * What README.md shows is run as it stands, each example in a directory and a process of its own.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { checkEachTest, projectRoot, scratch } from "./fixture.js";

checkEachTest();

const examples = fileURLToPath(new URL("../generated/", import.meta.url));

/** What runs a program, and what has to be on PATH for it. */
const runtimes: readonly (readonly [string, ...string[]])[] = [
  [process.execPath],
  ["bun"],
  ["deno", "run", "-A"],
];

for (const [runtime, ...flags] of runtimes) {
  const { status: missing } = spawnSync(runtime, ["--version"]);
  const skip = missing === 0 ? false : `there is no ${runtime}`;
  for (const name of readdirSync(examples).filter((file) => file.endsWith(".js"))) {
    test(`example ${name} of README.md does what it says with ${runtime}`, { skip }, () => {
      mkdirSync(scratch("cwd"), { recursive: true });
      const { status, stdout, stderr } = spawnSync(runtime, [...flags, join(examples, name)], {
        cwd: scratch("cwd"),
        encoding: "utf8",
      });
      assert.equal(status, 0, stderr);
      assert.equal(stderr, "");
      assert.equal(stdout, name === "readme-01.js" ? "lamp:kitchen on\n" : "");
    });
  }
}

test("the first program of README.md is examples/first.ts", () => {
  const folder = join(projectRoot, "bindings/node");
  const first = readFileSync(join(folder, "generated/readme-01.ts"), "utf8");
  assert.equal(first, readFileSync(join(folder, "examples/first.ts"), "utf8"));
});
