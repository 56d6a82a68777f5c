/** Stores as sets: digests, origins, and what only one of two has. */
import { type Call, call } from "./call.js";
import { fbat } from "./library.js";
import { Block } from "./memory.js";
import {
  DIFF_OPTIONS,
  type DiffOptions,
  ORIGINS_OPTIONS,
  type OriginsOptions,
  REGION,
} from "./options.js";
import { type Region, regionOf } from "./region.js";
import {
  DIFFERENCE,
  type Difference,
  ORIGIN,
  type Origin,
  SET_DIGEST,
  type SetDigest,
} from "./structs.js";

/** A part of the list of origins, in the order of their namespaces. */
export interface Origins {
  readonly rows: readonly Origin[];
  /** Nothing more was there; else go on `after` the namespace of the last row. */
  readonly isEnd: boolean;
}

/** A part of the events that only one of two stores has. */
export interface Differences {
  readonly rows: readonly Difference[];
  /** Nothing more was there; else go on `after` the position of the last row. */
  readonly isEnd: boolean;
}

function takeOrigins(handle: bigint): Origins {
  try {
    const rows = Array.from({ length: Number(fbat.fbat_origins_len(handle)) }, (_, i) => {
      const address = Number(fbat.fbat_origins_get(handle, i));
      return ORIGIN.read(Block.ofStruct(address, ORIGIN.size), 0);
    });
    return { rows, isEnd: fbat.fbat_origins_is_end(handle) };
  } finally {
    fbat.fbat_origins_free(handle);
  }
}

function takeDifferences(handle: bigint): Differences {
  try {
    const rows = Array.from({ length: Number(fbat.fbat_differences_len(handle)) }, (_, i) => {
      const address = Number(fbat.fbat_differences_get(handle, i));
      return DIFFERENCE.read(Block.ofStruct(address, DIFFERENCE.size), 0);
    });
    return { rows, isEnd: fbat.fbat_differences_is_end(handle) };
  } finally {
    fbat.fbat_differences_free(handle);
  }
}

export function digestCall(store: bigint, region: Region): Call<SetDigest> {
  return call((arena) => {
    const of = arena.write(REGION, regionOf(region));
    const out = arena.output(SET_DIGEST);
    return [fbat.fbat_store_set_digest, [store, of, out.address], out.read];
  });
}

export function originsCall(store: bigint, options: OriginsOptions): Call<Origins> {
  return call((arena) => {
    const { out } = arena;
    const of = arena.write(ORIGINS_OPTIONS, options);
    return [fbat.fbat_store_origins, [store, of, out.address], () => takeOrigins(out.handle)];
  });
}

export function diffCall(store: bigint, other: bigint, options: DiffOptions): Call<Differences> {
  return call((arena) => {
    const { out } = arena;
    const of = arena.write(DIFF_OPTIONS, options);
    const read = () => takeDifferences(out.handle);
    return [fbat.fbat_store_diff, [store, other, of, out.address], read];
  });
}
