/** The library is bound once for each copy of the package, beside other users of koffi. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { abiVersion } from "fbat";
import koffi from "koffi";
import { checkEachTest } from "./fixture.js";

checkEachTest();

test("a second copy of the package, and types of others, have names of their own", async () => {
  koffi.struct("fbat_str", { data: "void *", len: "size_t" });
  koffi.proto("int32_t callback(void *user_data, void *record)");
  const [load, library] = ["../src/load.js?copy", "../src/library.js?copy"];
  const copies = [await import(load), await import(library)];
  assert.ok(copies.every((copy) => copy !== undefined));
  assert.equal(copies[1].fbat.fbat_abi_version(), abiVersion());
});
