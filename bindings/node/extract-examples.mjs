// Writes every TypeScript block of README.md into a module of its own, to be checked and run.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const folder = new URL("generated/", import.meta.url);
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
const readme = readFileSync(new URL("README.md", import.meta.url), "utf8");
const blocks = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)];
for (const [i, [, text]] of blocks.entries()) {
  writeFileSync(new URL(`readme-${String(i + 1).padStart(2, "0")}.ts`, folder), text);
}
