/** The golden bytes that all parts of the project share. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "./fixture.js";

export interface Fields {
  readonly schema_version: number;
  readonly source_namespace_hex: string;
  readonly source_event_id?: string;
  readonly source_event_id_hex?: string;
  readonly source_global_sequence: string;
  readonly source_kind: number;
  readonly source_content_hash: string;
}

interface Vectors {
  readonly frames: readonly {
    readonly name: string;
    readonly fields: Fields;
    readonly frame_hex: string;
    readonly strict: string;
    readonly lenient: string;
  }[];
  readonly damaged_frames: readonly {
    readonly name: string;
    readonly frame_hex: string;
    readonly strict: string;
    readonly lenient: string;
    readonly lenient_fields?: Fields;
    readonly found?: number;
    readonly supported?: number;
  }[];
  readonly operation_keys: readonly {
    readonly domain: string;
    readonly parts: readonly string[];
    readonly key: string;
  }[];
  readonly content_hashes: readonly {
    readonly name: string;
    readonly bytes_hex: string;
    readonly content_hash: string;
  }[];
  readonly data_dir_namespaces: readonly { readonly path: string; readonly namespace: string }[];
}

export const vectors: Vectors = JSON.parse(
  readFileSync(join(projectRoot, "tests/golden/vectors/fbatip.json"), "utf8"),
);
