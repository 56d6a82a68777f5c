import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Column,
  contentHash,
  decodeProvenance,
  encodeProvenance,
  encodeProvenanceBody,
  FbatError,
  InvalidError,
  operationKey,
  PROVENANCE_MAGIC,
  type Provenance,
  type ProvenanceInit,
  parseHash,
  parseId,
  provenanceFromExtension,
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
    source_namespace_hex: Buffer.from(provenance.sourceNamespace).toString("hex"),
    source_event_id: provenance.sourceEventId,
    source_global_sequence: provenance.sourceSequence.toString(),
    source_kind: provenance.sourceKind,
    source_content_hash: provenance.sourceContentHash,
  };
}

/** Vectors may have a member twice, as text and as hex. */
function checkFields(provenance: Provenance, expected: Fields, name: string): void {
  const found = Object.entries({
    ...fields(provenance),
    source_event_id_hex: provenance.sourceEventId,
  });
  const known = found.filter(([member]) => member in expected);
  assert.ok(known.length >= 6, name);
  for (const [member, value] of known) {
    assert.equal(value, expected[member as keyof Fields], `${name}: ${member}`);
  }
}

function provenanceOf(of: Fields): Provenance {
  return {
    schemaVersion: of.schema_version,
    sourceNamespace: Buffer.from(of.source_namespace_hex, "hex").toString(),
    sourceEventId: parseId(of.source_event_id ?? (of.source_event_id_hex as string)),
    sourceSequence: BigInt(of.source_global_sequence),
    sourceKind: of.source_kind,
    sourceContentHash: parseHash(of.source_content_hash),
  };
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
        () => decodeProvenance(frame, flagsOf[mode]),
        () => provenanceFromExtension(frame.subarray(HEADER_BYTES), flagsOf[mode]),
      ]) {
        const decoded = decodeAs(decode, vector[mode], vector.name);
        if (!(decoded instanceof FbatError)) {
          checkFields(decoded, vector.fields, vector.name);
        } else {
          assert.deepEqual(
            [decoded.actual, decoded.allowed],
            [BigInt(vector.fields.schema_version), 1n],
            vector.name,
          );
        }
      }
    }
  });

  test(`damaged frames are refused, each with its own status, ${mode}`, () => {
    assert.ok(vectors.damaged_frames.length > 30);
    for (const vector of vectors.damaged_frames) {
      const frame = Buffer.from(vector.frame_hex, "hex");
      const decoded = decodeAs(
        () => decodeProvenance(frame, flagsOf[mode]),
        vector[mode],
        vector.name,
      );
      if (!(decoded instanceof FbatError)) {
        checkFields(decoded, vector.lenient_fields as Fields, vector.name);
      } else if (decoded instanceof UnsupportedError) {
        assert.deepEqual(
          [decoded.actual, decoded.allowed].map(Number),
          [vector.found, vector.supported],
          vector.name,
        );
      }
    }
  });
}

test("golden fields encode to their frames and bodies", () => {
  for (const vector of vectors.frames) {
    const provenance = provenanceOf(vector.fields);
    if (vector.strict === "OK") {
      const frame = Buffer.from(vector.frame_hex, "hex");
      assert.deepEqual(encodeProvenance(provenance), frame, vector.name);
      assert.deepEqual(encodeProvenanceBody(provenance), frame.subarray(HEADER_BYTES), vector.name);
      assert.equal(frame.toString("latin1", 0, 6), PROVENANCE_MAGIC);
    } else {
      refused(() => encodeProvenance(provenance), UnsupportedError, "ERR_FUTURE_VERSION");
    }
  }
});

test("every part but the version is needed, each of its type", () => {
  const whole: ProvenanceInit = {
    sourceNamespace: "n",
    sourceEventId: operationKey("a"),
    sourceSequence: 7,
    sourceKind: 0x1001,
    sourceContentHash: contentHash(""),
  };
  assert.deepEqual(decodeProvenance(encodeProvenance(whole)), {
    schemaVersion: 1,
    ...whole,
    sourceSequence: 7n,
  });
  for (const name of Object.keys(whole)) {
    const part = { ...whole, [name]: undefined } as unknown as ProvenanceInit;
    refused(() => encodeProvenance(part), InvalidError, "ERR_INVALID_ARGUMENT");
  }
  const wrong = [{ sourceNamespace: "" }, { sourceKind: 65536 }, { namespace: "n" }];
  for (const part of wrong) {
    refused(() => encodeProvenance({ ...whole, ...part }), InvalidError, "ERR_INVALID_ARGUMENT");
  }
  refused(() => decodeProvenance(Buffer.alloc(20), 2), InvalidError, "ERR_INVALID_ARGUMENT");
});

test("an imported event has a provenance: by record, by extension and by members", () => {
  const source = openStore("source");
  const hub = openStore("hub");
  const { id, sequence } = source.append(
    event("thing:1", "payload", { extensions: new Map([["a.b", "c"]]) }),
  );
  hub.importFrom(source, { sourceNamespace: "somewhere" });
  const [record] = hub.query().toArray();
  assert.ok(record);
  const extension = record.extensions.get("batpak.import.provenance");
  assert.deepEqual([...record.extensions.keys()], ["a.b", "batpak.import.provenance"]);
  assert.ok(extension);
  const byRecord = record.provenance();
  const byId = hub.get(record.id, Column.FIXED)?.provenance();
  const byExtension = provenanceFromExtension(extension);
  for (const provenance of [byId, byRecord, byExtension]) {
    assert.ok(provenance);
    assert.deepEqual(provenance, {
      schemaVersion: 1,
      sourceNamespace: "somewhere",
      sourceEventId: id,
      sourceSequence: sequence,
      sourceKind: 0x1001,
      sourceContentHash: contentHash("payload"),
    });
  }
  assert.deepEqual(
    [record.sourceNamespace, record.sourceEventId, record.sourceSequence],
    ["somewhere", id, sequence],
  );
  assert.ok(record.isImported);
  assert.equal(record.rawProvenance, null);
  assert.equal(record.id, operationKey("batpak.import", "somewhere", id));
});

test("an event of its own store has none", () => {
  const store = openStore("s");
  const { id } = store.append(event("thing:1", "a"));
  assert.equal(store.get(id)?.provenance(), null);
});
