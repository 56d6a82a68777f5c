/** Counts, and lists of entities and scopes. */
import { type Call, call } from "./call.js";
import { fbat } from "./library.js";
import { Block } from "./memory.js";
import { LIST_OPTIONS, type ListOptions, QUERY, type Query } from "./options.js";
import { SUMMARY, type Summary } from "./structs.js";

/** A part of a list of entities or scopes, in the order of their bytes. */
export interface Summaries {
  readonly rows: readonly Summary[];
  /** Nothing more was there; else go on `after` the name of the last row. */
  readonly isEnd: boolean;
}

function takeSummaries(handle: bigint): Summaries {
  try {
    const rows = Array.from({ length: Number(fbat.fbat_summaries_len(handle)) }, (_, i) => {
      const address = Number(fbat.fbat_summaries_get(handle, i));
      return SUMMARY.read(Block.ofStruct(address, SUMMARY.size), 0);
    });
    return { rows, isEnd: fbat.fbat_summaries_is_end(handle) };
  } finally {
    fbat.fbat_summaries_free(handle);
  }
}

export function listCall(
  list: typeof fbat.fbat_store_entities,
  store: bigint,
  options: ListOptions,
): Call<Summaries> {
  return call((arena) => {
    const { out } = arena;
    const of = arena.write(LIST_OPTIONS, options);
    return [list, [store, of, out.address], () => takeSummaries(out.handle)];
  });
}

export function countCall(store: bigint, query: Query): Call<bigint> {
  return call((arena) => {
    const { out } = arena;
    const of = arena.write(QUERY, query);
    return [fbat.fbat_store_count, [store, of, out.address], () => out.handle];
  });
}
