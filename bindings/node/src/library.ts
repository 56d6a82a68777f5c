/** The shared library: where it is looked for, and the functions of it that the binding calls. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import koffi from "koffi";
import { ABI_VERSION } from "./constants.js";

const SONAME = "libfbat.so.0.1";

// Pointers travel as integers: objects of the library are numbers anyway, and addresses are exact as a JavaScript
// number, which costs nothing, where a BigInt would have to be made.
const TEXT = koffi.struct({ data: "uint64_t", len: "size_t" });
const ID = koffi.struct({ bytes: koffi.array("uint8_t", 16) });
const HASH = koffi.struct({ bytes: koffi.array("uint8_t", 32) });

const types = {
  void: "void",
  bool: "bool",
  i32: "int32_t",
  u16: "uint16_t",
  u32: "uint32_t",
  i64: "int64_t",
  u64: "uint64_t",
  size: "size_t",
  /** The number that stands for an object of the library; 0 for none. */
  handle: "uint64_t",
  /** Where something is in memory; 0 for nowhere. */
  address: "uint64_t",
  /** Static text that ends with a NUL. */
  chars: "str",
  text: TEXT,
  id: ID,
  hash: HASH,
} as const;

type TypeName = keyof typeof types;
type Integer = number | bigint;
interface Results {
  void: undefined;
  bool: boolean;
  chars: string;
  text: { readonly data: Integer; readonly len: Integer };
  id: { readonly bytes: Uint8Array };
  hash: { readonly bytes: Uint8Array };
  i32: number;
  u16: number;
  u32: number;
}
type Result<T extends TypeName> = T extends keyof Results ? Results[T] : Integer;
type Argument<T extends TypeName> = T extends "bool" ? boolean : Integer;
type Signature = readonly [result: TypeName, ...parameters: TypeName[]];

const signatures = {
  fbat_status_name: ["chars", "i32"],
  fbat_status_message: ["chars", "i32"],
  fbat_status_category: ["u32", "i32"],

  fbat_version_string: ["chars"],
  fbat_abi_version: ["u32"],
  fbat_live_handles: ["size"],

  fbat_error_code: ["i32", "handle"],
  fbat_error_message: ["text", "handle"],
  fbat_error_os_error: ["i32", "handle"],
  fbat_error_found: ["u64", "handle"],
  fbat_error_supported: ["u64", "handle"],
  fbat_error_item: ["i64", "handle"],
  fbat_error_path: ["text", "handle"],
  fbat_error_offset: ["i64", "handle"],
  fbat_error_sequence: ["u64", "handle"],
  fbat_error_event_id: ["id", "handle"],
  fbat_error_free: ["void", "handle"],

  fbat_buffer_data: ["address", "handle"],
  fbat_buffer_len: ["size", "handle"],
  fbat_buffer_free: ["void", "handle"],

  fbat_id_to_hex: ["i32", "address", "address", "size"],
  fbat_id_from_hex: ["i32", "address", "size", "address"],
  fbat_hash_to_hex: ["i32", "address", "address", "size"],
  fbat_hash_from_hex: ["i32", "address", "size", "address"],
  fbat_content_hash: ["i32", "address", "size", "address"],
  fbat_kind: ["i32", "u32", "u32", "address"],
  fbat_kind_category: ["u32", "u16"],
  fbat_kind_type: ["u32", "u16"],
  fbat_operation_key: ["i32", "address", "size", "address", "size", "address"],
  fbat_namespace_from_path: ["i32", "address", "address", "address"],

  fbat_set_log_callback: ["i32", "address", "address", "address"],

  fbat_frontier_init: ["void", "address"],
  fbat_head_init: ["void", "address"],
  fbat_stats_init: ["void", "address"],
  fbat_open_report_init: ["void", "address"],
  fbat_set_mapped_reads: ["void", "bool"],
  fbat_open_options_new: ["handle"],
  fbat_open_options_free: ["void", "handle"],
  fbat_open_options_set_mode: ["i32", "handle", "u32"],
  fbat_open_options_get_mode: ["u32", "handle"],
  fbat_open_options_set_durability: ["i32", "handle", "u32"],
  fbat_open_options_get_durability: ["u32", "handle"],
  fbat_open_options_set_label: ["i32", "handle", "address", "size"],
  fbat_open_options_get_label: ["text", "handle"],
  fbat_open_options_set_payload_bytes_max: ["i32", "handle", "size"],
  fbat_open_options_get_payload_bytes_max: ["size", "handle"],
  fbat_open_options_set_batch_events_max: ["i32", "handle", "size"],
  fbat_open_options_get_batch_events_max: ["size", "handle"],
  fbat_open_options_set_batch_bytes_max: ["i32", "handle", "size"],
  fbat_open_options_get_batch_bytes_max: ["size", "handle"],
  fbat_open_options_set_segment_bytes: ["i32", "handle", "u64"],
  fbat_open_options_get_segment_bytes: ["u64", "handle"],
  fbat_store_open: ["i32", "address", "handle", "address", "address"],
  fbat_store_close: ["i32", "handle", "address"],
  fbat_store_free: ["void", "handle"],
  fbat_store_sync: ["i32", "handle", "address", "address"],
  fbat_store_frontier: ["i32", "handle", "address", "address"],
  fbat_store_head: ["i32", "handle", "address", "size", "address", "address"],
  fbat_store_stats: ["i32", "handle", "address", "address"],
  fbat_store_open_report: ["i32", "handle", "address", "address"],
  fbat_store_log_hash: ["i32", "handle", "address", "address"],
  fbat_store_id: ["id", "handle"],
  fbat_store_namespace: ["text", "handle"],
  fbat_store_label: ["text", "handle"],
  fbat_store_path: ["text", "handle"],
  fbat_store_is_read_only: ["bool", "handle"],

  fbat_event_init: ["void", "address"],
  fbat_receipt_init: ["void", "address"],
  fbat_append: ["i32", "handle", "address", "address", "address"],
  fbat_append_batch: ["i32", "handle", "address", "size", "address", "address"],

  fbat_event_get: ["i32", "handle", "address", "u32", "address", "address"],
  fbat_page_len: ["size", "handle"],
  fbat_page_rows: ["address", "handle"],
  fbat_page_next: ["u64", "handle"],
  fbat_page_is_end: ["bool", "handle"],
  fbat_page_free: ["void", "handle"],

  fbat_query_new: ["handle"],
  fbat_query_free: ["void", "handle"],
  fbat_query_set_entity: ["i32", "handle", "address", "size"],
  fbat_query_get_entity: ["text", "handle"],
  fbat_query_set_scope: ["i32", "handle", "address", "size"],
  fbat_query_get_scope: ["text", "handle"],
  fbat_query_set_kind: ["i32", "handle", "u16"],
  fbat_query_set_category: ["i32", "handle", "u32"],
  fbat_query_set_any_kind: ["i32", "handle"],
  fbat_query_get_kind_match: ["u32", "handle"],
  fbat_query_get_kind: ["u16", "handle"],
  fbat_query_set_versions: ["i32", "handle", "u64", "u64"],
  fbat_query_get_version_first: ["u64", "handle"],
  fbat_query_get_version_last: ["u64", "handle"],
  fbat_query_set_after: ["i32", "handle", "u64"],
  fbat_query_get_after: ["u64", "handle"],
  fbat_query_set_until: ["i32", "handle", "u64"],
  fbat_query_get_until: ["u64", "handle"],
  fbat_query_set_limit: ["i32", "handle", "size"],
  fbat_query_get_limit: ["size", "handle"],
  fbat_query_set_columns: ["i32", "handle", "u32"],
  fbat_query_get_columns: ["u32", "handle"],
  fbat_query_set_flags: ["i32", "handle", "u32"],
  fbat_query_get_flags: ["u32", "handle"],
  fbat_store_query: ["i32", "handle", "handle", "address", "address"],
  fbat_cursor_new: ["i32", "handle", "handle", "address", "address"],
  fbat_cursor_next: ["i32", "handle", "address", "address"],
  fbat_cursor_free: ["void", "handle"],

  fbat_provenance_new: ["handle"],
  fbat_provenance_free: ["void", "handle"],
  fbat_provenance_set_schema_version: ["i32", "handle", "u16"],
  fbat_provenance_get_schema_version: ["u16", "handle"],
  fbat_provenance_set_namespace: ["i32", "handle", "address", "size"],
  fbat_provenance_get_namespace: ["text", "handle"],
  fbat_provenance_set_event_id: ["i32", "handle", "address"],
  fbat_provenance_get_event_id: ["id", "handle"],
  fbat_provenance_set_sequence: ["i32", "handle", "u64"],
  fbat_provenance_get_sequence: ["u64", "handle"],
  fbat_provenance_set_kind: ["i32", "handle", "u16"],
  fbat_provenance_get_kind: ["u16", "handle"],
  fbat_provenance_set_content_hash: ["i32", "handle", "address"],
  fbat_provenance_get_content_hash: ["hash", "handle"],
  fbat_event_provenance: ["i32", "handle", "address", "address", "address"],
  fbat_record_provenance: ["i32", "address", "address", "address"],
  fbat_provenance_from_extension: ["i32", "address", "size", "u32", "address", "address"],
  fbat_provenance_decode: ["i32", "address", "size", "u32", "address", "address"],
  fbat_provenance_encode: ["i32", "handle", "address", "address"],
  fbat_provenance_encode_body: ["i32", "handle", "address", "address"],

  fbat_import_report_init: ["void", "address"],
  fbat_cancel_new: ["handle"],
  fbat_cancel_trigger: ["i32", "handle"],
  fbat_cancel_is_triggered: ["bool", "handle"],
  fbat_cancel_free: ["void", "handle"],
  fbat_import_options_new: ["handle"],
  fbat_import_options_free: ["void", "handle"],
  fbat_import_options_set_namespace: ["i32", "handle", "address", "size"],
  fbat_import_options_get_namespace: ["text", "handle"],
  fbat_import_options_set_entity: ["i32", "handle", "address", "size"],
  fbat_import_options_get_entity: ["text", "handle"],
  fbat_import_options_set_scope: ["i32", "handle", "address", "size"],
  fbat_import_options_get_scope: ["text", "handle"],
  fbat_import_options_set_kind: ["i32", "handle", "u16"],
  fbat_import_options_set_category: ["i32", "handle", "u32"],
  fbat_import_options_set_any_kind: ["i32", "handle"],
  fbat_import_options_get_kind_match: ["u32", "handle"],
  fbat_import_options_get_kind: ["u16", "handle"],
  fbat_import_options_set_versions: ["i32", "handle", "u64", "u64"],
  fbat_import_options_get_version_first: ["u64", "handle"],
  fbat_import_options_get_version_last: ["u64", "handle"],
  fbat_import_options_set_after: ["i32", "handle", "u64"],
  fbat_import_options_get_after: ["u64", "handle"],
  fbat_import_options_set_chunk_size: ["i32", "handle", "u32"],
  fbat_import_options_get_chunk_size: ["u32", "handle"],
  fbat_import_options_set_durability: ["i32", "handle", "u32"],
  fbat_import_options_get_durability: ["u32", "handle"],
  fbat_import_options_set_on_conflict: ["i32", "handle", "u32"],
  fbat_import_options_get_on_conflict: ["u32", "handle"],
  fbat_import_options_set_flags: ["i32", "handle", "u32"],
  fbat_import_options_get_flags: ["u32", "handle"],
  fbat_import_options_set_filter: ["i32", "handle", "address", "address", "address"],
  fbat_import_options_set_filter_columns: ["i32", "handle", "u32"],
  fbat_import_options_get_filter_columns: ["u32", "handle"],
  fbat_import_options_set_progress: ["i32", "handle", "address", "address", "address"],
  fbat_import_options_set_cancel: ["i32", "handle", "handle"],
  fbat_import_options_get_cancel: ["handle", "handle"],
  fbat_import: ["i32", "handle", "handle", "handle", "address", "address"],

  fbat_verify_totals_init: ["void", "address"],
  fbat_finding_init: ["void", "address"],
  fbat_store_verify: ["i32", "handle", "address", "address"],
  fbat_verify_report_totals: ["i32", "handle", "address", "address"],
  fbat_verify_report_finding_count: ["size", "handle"],
  fbat_verify_report_finding: ["i32", "handle", "size", "address", "address"],
  fbat_verify_report_free: ["void", "handle"],

  fbat_backup_report_init: ["void", "address"],
  fbat_store_backup: ["i32", "handle", "address", "u32", "address", "address"],
  fbat_store_new_identity: ["i32", "address", "address", "address"],

  fbat_repair_totals_init: ["void", "address"],
  fbat_loss_init: ["void", "address"],
  fbat_store_repair: ["i32", "address", "address", "address", "address"],
  fbat_repair_report_totals: ["i32", "handle", "address", "address"],
  fbat_repair_report_loss_count: ["size", "handle"],
  fbat_repair_report_loss: ["i32", "handle", "size", "address", "address"],
  fbat_repair_report_free: ["void", "handle"],
} as const satisfies Record<string, Signature>;

type Signatures = typeof signatures;
type Parameters<S extends Signature> = S extends readonly [TypeName, ...infer P extends readonly TypeName[]]
  ? { [I in keyof P]: Argument<P[I]> }
  : never;
interface Call<S extends Signature> {
  (...values: Parameters<S>): Result<S[0]>;
  /** The same on a thread of Node's pool; the last argument is told of the result. */
  async(...values: [...Parameters<S>, done: (error: unknown, result: Result<S[0]>) => void]): void;
}
type Library = { readonly [N in keyof Signatures]: Call<Signatures[N]> };

/** Where the library may be, in the order in which the places are tried. */
function candidates(): string[] {
  const named = process.env.FBAT_LIBRARY;
  if (named) {
    return [named];
  }
  // dist/src/library.js of the package: its folder `lib` may bring the library along.
  const beside = fileURLToPath(new URL(`../../lib/${SONAME}`, import.meta.url));
  return existsSync(beside) ? [beside] : [SONAME];
}

// Calls on other threads run on stacks of koffi's. Its own 128 KiB are enough but for what docs/abi.md says of frames
// with hostile nesting, which an import may meet in its source.
const ASYNC_STACK_BYTES = 512 * 1024;

function configure(): void {
  try {
    koffi.config({ async_stack_size: ASYNC_STACK_BYTES });
  } catch {
    // Somebody has loaded a library with koffi before, after which it is not to be configured.
  }
}

function open() {
  configure();
  const places = candidates();
  const failures = [];
  for (const place of places) {
    try {
      return koffi.load(place);
    } catch (cause) {
      failures.push(cause);
    }
  }
  const tried = places.join(", ");
  throw new Error(`fbat: the library was not found (tried ${tried}); FBAT_LIBRARY can name the file`, {
    cause: failures[0],
  });
}

function bind(): Library {
  const library = open();
  const functions: [string, unknown][] = [];
  for (const [name, signature] of Object.entries<Signature>(signatures)) {
    const [result, ...parameters] = signature;
    const call = library.func(
      name,
      types[result],
      parameters.map((parameter) => types[parameter]),
    );
    functions.push([name, call]);
  }
  const bound = Object.fromEntries(functions) as Library;
  const abi = bound.fbat_abi_version();
  if (abi !== ABI_VERSION) {
    throw new Error(`fbat: the library has version ${abi} of the binary interface, this package needs ${ABI_VERSION}`);
  }
  return bound;
}

/** The functions of the library. */
export const fbat: Library = bind();

/** @internal Copies bytes from one address to another: the one way in which memory of the library is read. */
export const copyMemory = koffi
  .load(null)
  .func("memcpy", "void", [types.address, types.address, types.size]) as unknown as (
  to: number,
  from: number,
  bytes: number,
) => void;

/** @internal What the library calls with an address: a record of a filter, a report of progress. */
export const CALLBACK = koffi.pointer(koffi.proto("int32_t callback(uint64_t user_data, uint64_t address)"));

/** @internal */
export const LOG_CALLBACK = koffi.pointer(
  koffi.proto("void log(uint64_t user_data, uint32_t level, uint64_t message, size_t message_len)"),
);
