import assert from "node:assert/strict";
import { test } from "node:test";
import {
  contentHash,
  FbatError,
  InvalidError,
  NotFoundError,
  operationKey,
  PROVENANCE_MAGIC,
  Provenance,
  parseHash,
  parseId,
  UnsupportedError,
  WireFlag,
} from "fbat";
import { caught, checkEachTest, event, openStore, refused } from "./fixture.js";
import { type Fields, vectors } from "./vectors.js";

checkEachTest();

const HEADER_BYTES = 12;
const flagsOf = { strict: 0, lenient: WireFlag.LENIENT } as const;

function fields(provenance: Provenance): Fields {
  return {
    schema_version: provenance.schemaVersion,
    source_namespace_hex: Buffer.from(provenance.namespace).toString("hex"),
    source_event_id: provenance.eventId,
    source_global_sequence: provenance.sequence.toString(),
    source_kind: provenance.kind,
    source_content_hash: provenance.contentHash,
  };
}

/** Vectors may have a member twice, as text and as hex. */
function checkFields(provenance: Provenance, expected: Fields, name: string): void {
  const found = Object.entries({ ...fields(provenance), source_event_id_hex: provenance.eventId });
  const known = found.filter(([member]) => member in expected);
  assert.ok(known.length >= 6, name);
  for (const [member, value] of known) {
    assert.equal(value, expected[member as keyof Fields], `${name}: ${member}`);
  }
}

function provenanceOf(of: Fields): Provenance {
  return new Provenance({
    schemaVersion: of.schema_version,
    namespace: Buffer.from(of.source_namespace_hex, "hex").toString(),
    eventId: parseId(of.source_event_id ?? (of.source_event_id_hex as string)),
    sequence: BigInt(of.source_global_sequence),
    kind: of.source_kind,
    contentHash: parseHash(of.source_content_hash),
  });
}

/** Checks a decoder against what a vector says, and gives what was decoded. */
function decodeAs(body: () => Provenance, expected: string, name: string): Provenance | FbatError {
  if (expected === "OK") {
    return body();
  }
  const thrown = caught(body);
  assert.ok(thrown instanceof FbatError, name);
  assert.equal(thrown.code, `FBAT_ERR_${expected}`, name);
  return thrown;
}

for (const mode of ["strict", "lenient"] as const) {
  test(`golden frames and bodies decode to their fields, ${mode}`, () => {
    assert.ok(vectors.frames.length > 10);
    for (const vector of vectors.frames) {
      const frame = Buffer.from(vector.frame_hex, "hex");
      for (const decode of [
        () => Provenance.decode(frame, flagsOf[mode]),
        () => Provenance.fromExtension(frame.subarray(HEADER_BYTES), flagsOf[mode]),
      ]) {
        const decoded = decodeAs(decode, vector[mode], vector.name);
        if (decoded instanceof Provenance) {
          checkFields(decoded, vector.fields, vector.name);
          decoded[Symbol.dispose]();
        } else {
          assert.deepEqual([decoded.found, decoded.supported], [BigInt(vector.fields.schema_version), 1n], vector.name);
        }
      }
    }
  });

  test(`damaged frames are refused, each with its own status, ${mode}`, () => {
    assert.ok(vectors.damaged_frames.length > 30);
    for (const vector of vectors.damaged_frames) {
      const frame = Buffer.from(vector.frame_hex, "hex");
      const decoded = decodeAs(() => Provenance.decode(frame, flagsOf[mode]), vector[mode], vector.name);
      if (decoded instanceof Provenance) {
        checkFields(decoded, vector.lenient_fields as Fields, vector.name);
        decoded[Symbol.dispose]();
      } else if (decoded instanceof UnsupportedError) {
        assert.deepEqual([decoded.found, decoded.supported].map(Number), [vector.found, vector.supported], vector.name);
      }
    }
  });
}

test("golden fields encode to their frames and bodies", () => {
  for (const vector of vectors.frames) {
    using provenance = provenanceOf(vector.fields);
    if (vector.strict === "OK") {
      const frame = Buffer.from(vector.frame_hex, "hex");
      assert.deepEqual(provenance.encode(), frame, vector.name);
      assert.deepEqual(provenance.encodeBody(), frame.subarray(HEADER_BYTES), vector.name);
      assert.equal(frame.toString("latin1", 0, 6), PROVENANCE_MAGIC);
    } else {
      refused(() => provenance.encode(), UnsupportedError, "ERR_FUTURE_VERSION");
    }
  }
});

test("parts that are not given are zero, and a namespace is needed", () => {
  using provenance = new Provenance();
  assert.deepEqual(
    [provenance.schemaVersion, provenance.namespace, provenance.sequence, provenance.kind],
    [1, "", 0n, 0],
  );
  assert.equal(provenance.eventId, "0".repeat(32));
  assert.equal(provenance.contentHash, "0".repeat(64));
  refused(() => provenance.encode(), InvalidError, "ERR_INVALID_ARGUMENT");
  refused(() => new Provenance({ namespace: "" }), InvalidError, "ERR_INVALID_ARGUMENT");
  refused(() => new Provenance({ kind: 65536 }), InvalidError, "ERR_INVALID_ARGUMENT");
  refused(() => Provenance.decode(Buffer.alloc(20), 2), InvalidError, "ERR_INVALID_ARGUMENT");
});

test("an imported event has a provenance: by id, by record, by extension and by its members", () => {
  const source = openStore("source");
  const hub = openStore("hub");
  const { id, sequence } = source.append(event("thing:1", "payload", { extensions: new Map([["a.b", "c"]]) }));
  hub.importFrom(source, { namespace: "somewhere" });
  const [record] = hub.query().toArray();
  assert.ok(record);
  const extension = record.extensions.get("batpak.import.provenance");
  assert.deepEqual([...record.extensions.keys()], ["a.b", "batpak.import.provenance"]);
  assert.ok(extension);
  using byId = hub.provenance(record.id);
  using byRecord = record.provenance();
  using byExtension = Provenance.fromExtension(extension);
  for (const provenance of [byId, byRecord, byExtension]) {
    assert.ok(provenance);
    const found = [provenance.namespace, provenance.eventId, provenance.sequence, provenance.kind];
    assert.deepEqual(found, ["somewhere", id, sequence, 0x1001]);
    assert.equal(provenance.contentHash, contentHash("payload"));
  }
  assert.deepEqual([record.sourceNamespace, record.sourceEventId, record.sourceSequence], ["somewhere", id, sequence]);
  assert.ok(record.isImported);
  assert.equal(record.rawProvenance, null);
  assert.equal(record.id, operationKey("batpak.import", "somewhere", id));
});

test("an event of its own store has none, and one that is not there is not found", () => {
  const store = openStore("s");
  const { id } = store.append(event("thing:1", "a"));
  assert.equal(store.provenance(id), null);
  assert.equal(store.get(id)?.provenance(), null);
  refused(() => store.provenance(operationKey("no", "such")), NotFoundError, "ERR_NOT_FOUND");
});
