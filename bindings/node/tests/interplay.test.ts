/** The program that all languages have: what it writes, it reads, imports and decodes. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { contentHash, operationKey } from "fbat";
import { checkEachTest, scratch } from "./fixture.js";

checkEachTest();

const program = fileURLToPath(new URL("../examples/interplay.js", import.meta.url));

function run(values: readonly string[], input = ""): string[] {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...values], {
    input,
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  return stdout.split("\n").slice(0, -1);
}

test("a store is written, read, imported, and its frames are decoded", () => {
  mkdirSync(scratch(""), { recursive: true });
  const [source, hub] = [scratch("source"), scratch("hub")];
  assert.deepEqual(run(["write", source]), []);
  const lines = run(["read", source]);
  assert.equal(lines.length, 300);
  const payload = Buffer.from(Array.from({ length: 8 }, (_, i) => i));
  const [id, correlation] = [
    operationKey("interplay", "8"),
    operationKey("interplay-correlation", "0"),
  ];
  assert.equal(
    lines[8],
    [
      `10 sensor:1 plant 0x1003 2 2 1700000000000008 ${id} ${correlation}`,
      `- ${payload.toString("hex")} test.index=38 ${contentHash(payload)} -`,
    ].join(" "),
  );
  assert.equal(lines[13]?.split(" ")[9], operationKey("interplay", "0"), "item 1 caused it");
  const counts = "filtered 120 reserved 1 conflicts 0 watermark 301";
  assert.deepEqual(run(["import", source, hub]), [`imported 180 deduplicated 0 ${counts}`]);
  assert.deepEqual(run(["import", source, hub]), [`imported 0 deduplicated 180 ${counts}`]);
  const frames = run(["frame", hub]);
  assert.equal(frames.length, 180);
  const decoded = run(["decode"], `${frames.join("\n")}\n`);
  const kept = lines.map((line) => line.split(" ")).filter((fields) => Number(fields[3]) % 2 === 0);
  assert.deepEqual(
    decoded,
    kept.map((fields) => `interplay/source ${fields[7]} ${fields[0]} ${fields[3]} ${fields[12]}`),
  );
  const imported = run(["read", hub]);
  assert.deepEqual(
    imported.map((line) => line.split(" ").at(-1)),
    kept.map((fields) => `interplay/source/${fields[0]}/${fields[7]}`),
  );
});
