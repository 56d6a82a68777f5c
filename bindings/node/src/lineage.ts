/** Where events are from: by the name of their origin, names with two contents, sources; plans. */
import { type Call, call } from "./call.js";
import { ID_BYTES, type Id } from "./hex.js";
import { fbat } from "./library.js";
import { Block, type Output } from "./memory.js";
import { Page } from "./page.js";
import { CONFLICT, type Conflict, PLAN_ROW, type PlanRow, SOURCE, type Source } from "./structs.js";
import { size, u32, u64 } from "./validate.js";

/** A part of the names that have two contents, in the order in which they were met. */
export interface Conflicts {
  readonly rows: readonly Conflict[];
  /** Nothing more was there; else go on after the `sequence` of the last row. */
  readonly isEnd: boolean;
}

/** The rows of a list of the library's, by its functions. */
function rowsOf<T>(
  handle: bigint,
  row: Output<T>,
  length: typeof fbat.fbat_plan_len,
  get: typeof fbat.fbat_plan_get,
): T[] {
  return Array.from({ length: Number(length(handle)) }, (_, i) =>
    row.read(Block.ofStruct(Number(get(handle, i)), row.size), 0),
  );
}

/** Copies what a list has, and frees it. */
export function takePlan(handle: bigint): PlanRow[] {
  try {
    return rowsOf(handle, PLAN_ROW, fbat.fbat_plan_len, fbat.fbat_plan_get);
  } finally {
    fbat.fbat_plan_free(handle);
  }
}

function takeConflicts(handle: bigint): Conflicts {
  try {
    const rows = rowsOf(handle, CONFLICT, fbat.fbat_conflicts_len, fbat.fbat_conflicts_get);
    return { rows, isEnd: fbat.fbat_conflicts_is_end(handle) };
  } finally {
    fbat.fbat_conflicts_free(handle);
  }
}

function takeSources(handle: bigint): Source[] {
  try {
    return rowsOf(handle, SOURCE, fbat.fbat_sources_len, fbat.fbat_sources_get);
  } finally {
    fbat.fbat_sources_free(handle);
  }
}

export function originCall(
  store: bigint,
  sourceNamespace: string,
  sourceEventId: Id,
  columns: number,
): Call<Page> {
  return call((arena) => {
    const { address, length } = arena.slice(sourceNamespace, "sourceNamespace");
    const key = arena.room(ID_BYTES);
    key.block.setId(key.at, sourceEventId, "sourceEventId");
    const { out } = arena;
    const name = { data: address, len: length };
    return [
      fbat.fbat_event_by_origin,
      [store, name, key.address, u32(columns, "columns"), out.address],
      () => Page.take(out.handle),
    ];
  });
}

export function conflictsCall(
  store: bigint,
  after: number | bigint,
  pageRows: number,
): Call<Conflicts> {
  return call((arena) => {
    const { out } = arena;
    return [
      fbat.fbat_store_conflicts,
      [store, u64(after, "after"), size(pageRows, "pageRows"), out.address],
      () => takeConflicts(out.handle),
    ];
  });
}

export function sourcesCall(store: bigint): Call<Source[]> {
  return call((arena) => {
    const { out } = arena;
    return [fbat.fbat_store_sources, [store, out.address], () => takeSources(out.handle)];
  });
}
