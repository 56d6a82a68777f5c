// Puts what a package needs beside dist/ into this folder: the library for this platform, which
// `make lib` builds unless it is there or FBAT_LIBRARY names it, and the licences.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";

const here = (path) => new URL(path, import.meta.url);
const [, major, minor] = /^(\d+)\.(\d+)/.exec(
  JSON.parse(readFileSync(here("package.json"))).version,
);
const soname = `libfbat.so.${major}.${minor}`;
const library = process.env.FBAT_LIBRARY ?? here(`../../build/lib/${soname}`);
if (!existsSync(library)) {
  execFileSync("make", ["-C", here("../..").pathname, "lib"], { stdio: ["ignore", 2, 2] });
}
const folder = here(`lib/${process.platform}-${process.arch}/`);
mkdirSync(folder, { recursive: true });
rmSync(new URL(soname, folder), { force: true });
copyFileSync(library, new URL(soname, folder));
for (const licence of ["LICENSE-APACHE", "LICENSE-MIT"]) {
  copyFileSync(here(`../../${licence}`), here(licence));
}
