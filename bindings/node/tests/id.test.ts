import assert from "node:assert/strict";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import {
  contentHash,
  hashFromBytes,
  hashToBytes,
  type Id,
  InvalidError,
  idFromBytes,
  idToBytes,
  kind,
  kindCategory,
  kindType,
  NotFoundError,
  namespaceFromPath,
  operationKey,
  parseHash,
  parseId,
} from "fbat";
import { checkEachTest, openStore, refused, scratch } from "./fixture.js";
import { vectors } from "./vectors.js";

checkEachTest();

const digits = "0123456789abcdeffedcba9876543210";

test("ids and hashes have one text form, and come from either case", () => {
  assert.equal(parseId(digits.toUpperCase()), digits);
  assert.equal(parseHash(digits.toUpperCase() + digits), digits + digits);
  assert.deepEqual(idToBytes(parseId(digits)), Buffer.from(digits, "hex"));
  assert.deepEqual(hashToBytes(parseHash(digits + digits)), Buffer.from(digits + digits, "hex"));
  assert.equal(idFromBytes(Buffer.from(digits, "hex")), digits);
  assert.equal(hashFromBytes(Buffer.from(digits + digits, "hex")), digits + digits);
});

test("what is no id is refused, wherever one is needed", () => {
  for (const text of ["", "12", `${digits}0`, `g${digits.slice(1)}`, `é${digits.slice(2)}`]) {
    refused(() => parseId(text), InvalidError, "ERR_INVALID_ARGUMENT");
    refused(() => parseHash(text), InvalidError, "ERR_INVALID_ARGUMENT");
    refused(() => idToBytes(text as Id), InvalidError, "ERR_INVALID_ARGUMENT");
  }
  refused(() => idFromBytes(new Uint8Array(15)), InvalidError, "ERR_INVALID_ARGUMENT");
  refused(() => hashFromBytes(new Uint8Array(16)), InvalidError, "ERR_INVALID_ARGUMENT");
  refused(() => parseId(7 as unknown as string), InvalidError, "ERR_INVALID_ARGUMENT");
  const store = openStore("s");
  refused(() => store.get("xyz" as Id), InvalidError, "ERR_INVALID_ARGUMENT");
});

test("an id, a hash and any text are not taken for each other by the compiler", () => {
  const store = openStore("s");
  // @ts-expect-error a hash is no id
  refused(() => store.get(contentHash("")), InvalidError, "ERR_INVALID_ARGUMENT");
  // @ts-expect-error text is no id
  assert.equal(store.get("0123456789abcdeffedcba9876543210"), null);
});

test("a kind is a category and a type", () => {
  assert.equal(kind(1, 1), 0x1001);
  assert.equal(kind(15, 4095), 0xffff);
  assert.equal(kindCategory(0xf081), 15);
  assert.equal(kindType(0xf081), 0x81);
  refused(() => kind(16, 0), InvalidError, "ERR_INVALID_ARGUMENT");
  refused(() => kind(0, 4096), InvalidError, "ERR_INVALID_ARGUMENT");
  refused(() => kind(-1, 0), InvalidError, "ERR_INVALID_ARGUMENT");
  refused(() => kindType(0x10000), InvalidError, "ERR_INVALID_ARGUMENT");
});

test("operation keys equal the golden ones, from text and from bytes", () => {
  assert.ok(vectors.operation_keys.length > 10);
  for (const { domain, parts, key } of vectors.operation_keys) {
    assert.equal(operationKey(domain, ...parts), key);
    assert.equal(operationKey(Buffer.from(domain), ...parts.map((part) => Buffer.from(part))), key);
  }
});

test("content hashes equal the golden ones", () => {
  for (const { bytes_hex, content_hash, name } of vectors.content_hashes) {
    assert.equal(contentHash(Buffer.from(bytes_hex, "hex")), content_hash, name);
  }
  assert.equal(contentHash("abc"), contentHash(Buffer.from("abc")));
});

test("namespaces of directories equal the golden ones, from text, bytes and a URL", () => {
  for (const { path, namespace } of vectors.data_dir_namespaces) {
    assert.equal(namespaceFromPath(path), namespace);
    assert.equal(namespaceFromPath(Buffer.from(path)), namespace);
    assert.equal(namespaceFromPath(pathToFileURL(path)), namespace);
  }
  refused(() => namespaceFromPath(scratch("nothing")), NotFoundError, "ERR_NOT_FOUND");
  refused(() => namespaceFromPath(""), InvalidError, "ERR_INVALID_ARGUMENT");
});
