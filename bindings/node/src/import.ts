/** Import: copying events from one store into another, exactly once, with a record of where each came from. */
import koffi from "koffi";
import { type Call, call, ok, run, runAsync } from "./call.js";
import { type ImportDurability, type OnConflict, Status } from "./constants.js";
import { check, invalid, setReport } from "./error.js";
import { Handle } from "./handle.js";
import { confirmedLayout, readStruct } from "./layout.js";
import { CALLBACK, copyMemory, fbat } from "./library.js";
import { type Arena, Block, Place, textOf, typeName } from "./memory.js";
import { u32 } from "./numbers.js";
import { assign, made, REGION_NAMES, Region, type RegionInit, refuseUnknown, set, sharedNumber } from "./options.js";
import { type EventRecord, FilterRow } from "./page.js";

/**
 * Where every examined event went. `imported`, `deduplicated`, the three `skipped...` and `conflicts` add up to the
 * events examined. Of an import that failed, it covers the chunks that were committed.
 */
export interface ImportReport {
  /** Appended to the destination. */
  readonly imported: bigint;
  /** There already, since before this import. */
  readonly deduplicated: bigint;
  /** The source's own events, of reserved kinds. */
  readonly skippedReserved: bigint;
  /** Left out by the filter. */
  readonly skippedFiltered: bigint;
  /** Came from this very namespace: earlier output of the same import. */
  readonly skippedReimported: bigint;
  /** There with other content, and left out with `OnConflict.SKIP`. */
  readonly conflicts: bigint;
  /** Those of `imported` that another import or append brought in during this one. */
  readonly overtaken: bigint;
  /** The last sequence of the source that was examined: where to go on, as `after`. 0: none was. */
  readonly sourceHighWatermark: bigint;
  /** The last sequence of the source that this import was to examine, fixed at the call. */
  readonly sourceCeiling: bigint;
  /** The destination's frontier after the import, or after the chunk that progress is told of: what readers may see. */
  readonly destinationVisible: bigint;
  /** And what is known to be on the disk. */
  readonly destinationDurable: bigint;
}

const REPORT = confirmedLayout("fbat_import_report_init", {
  imported: "u64",
  deduplicated: "u64",
  skippedReserved: "u64",
  skippedFiltered: "u64",
  skippedReimported: "u64",
  conflicts: "u64",
  overtaken: "u64",
  sourceHighWatermark: "u64",
  sourceCeiling: "u64",
  destinationVisible: "u64",
  destinationDurable: "u64",
});

/**
 * Says which events to import. It may read both stores and append to the destination, not close them. What it throws
 * ends the import, and is thrown by it as it is. The record is good until the filter returns.
 */
export type Filter = (record: EventRecord) => boolean;

/** Told after each committed chunk. What it throws ends the import, and is thrown by it as it is. */
export type Progress = (report: ImportReport) => void;

/** What to import, and how, in plain words. What is left out is the default; the namespace is needed. */
export interface ImportInit extends RegionInit {
  /**
   * The name that the source's events are known by in the destination: UTF-8, 1 to 1024 bytes. The same name means the
   * same source: importing again adds nothing.
   */
  namespace: string;
  /** How many events become visible together; by default 256. */
  chunkSize?: number | undefined;
  /** One of `ImportDurability`, by default `END`. */
  durability?: ImportDurability | undefined;
  /** One of `OnConflict`, by default `FAIL`. */
  onConflict?: OnConflict | undefined;
  /** Bits of `ImportFlag`, by default none. */
  flags?: number | undefined;
  /** What the filter sees beside the rest: bits of `Column`, by default the extensions. */
  filterColumns?: number | undefined;
  /** Sees what the region and `after` let through, but not events of reserved kinds. Not with `importFromAsync`. */
  filter?: Filter | null | undefined;
  /** Not with `importFromAsync`. */
  progress?: Progress | null | undefined;
  /** Ends the import, from any thread. */
  cancel?: Cancel | null | undefined;
}

/** What to import without blocking the event loop: callbacks would need it. */
export type AsyncImportInit = Omit<ImportInit, "filter" | "progress"> & {
  filter?: null | undefined;
  progress?: null | undefined;
};

/** How a call is ended that was given a signal. */
export interface SignalOptions {
  /**
   * Ends the import with a {@link CancelledError}, whose `cause` is the signal's reason. A synchronous import sees it
   * only when its own filter or progress function aborts: nothing else runs on its thread meanwhile.
   */
  readonly signal?: AbortSignal | null | undefined;
}

const NAMES = [
  ...REGION_NAMES,
  "namespace",
  "chunkSize",
  "durability",
  "onConflict",
  "flags",
  "filterColumns",
  "filter",
  "progress",
  "cancel",
] as const;

/** A token as another thread of this process can have it. */
export interface SharedCancel {
  readonly cancel: bigint;
}

/**
 * Ends the imports that carry it, from any thread. Once triggered it stays so: make one for each call, or for each
 * group of calls that are to end together.
 */
export class Cancel extends Handle {
  constructor() {
    super("cancel token", made(fbat.fbat_cancel_new()), fbat.fbat_cancel_free);
  }

  /** Ends the imports that carry it with a `CancelledError`. */
  trigger(): void {
    check(fbat.fbat_cancel_trigger(this.handle), 0n);
  }

  /** Whether it was triggered. */
  get isTriggered(): boolean {
    return fbat.fbat_cancel_is_triggered(this.handle);
  }

  /** What to send to a worker of this process, for {@link Cancel.trigger}. Good until this token is disposed of. */
  share(): SharedCancel {
    return { cancel: this.handle };
  }

  /** Triggers a token that another thread of this process shares. */
  static trigger(shared: SharedCancel): void {
    check(fbat.fbat_cancel_trigger(sharedNumber(shared?.cancel, "cancel")), 0n);
  }
}

const FUNCTIONS = {
  setEntity: fbat.fbat_import_options_set_entity,
  getEntity: fbat.fbat_import_options_get_entity,
  setScope: fbat.fbat_import_options_set_scope,
  getScope: fbat.fbat_import_options_get_scope,
  setKind: fbat.fbat_import_options_set_kind,
  setCategory: fbat.fbat_import_options_set_category,
  setAnyKind: fbat.fbat_import_options_set_any_kind,
  getKindMatch: fbat.fbat_import_options_get_kind_match,
  getKind: fbat.fbat_import_options_get_kind,
  setVersions: fbat.fbat_import_options_set_versions,
  getVersionFirst: fbat.fbat_import_options_get_version_first,
  getVersionLast: fbat.fbat_import_options_get_version_last,
  setAfter: fbat.fbat_import_options_set_after,
  getAfter: fbat.fbat_import_options_get_after,
};

/** Options that serve more than one import, at once too. `importFrom` also takes them as a plain object. */
export class ImportOptions extends Region {
  #filter: Filter | null = null;
  #progress: Progress | null = null;
  #cancel: Cancel | null = null;

  constructor(init: Partial<ImportInit> = {}) {
    super("import options", made(fbat.fbat_import_options_new()), fbat.fbat_import_options_free, FUNCTIONS);
    assign<ImportOptions>(this, init as Partial<ImportOptions>, NAMES);
  }

  /** The name that the source's events are known by in the destination; empty where it is not set. */
  get namespace(): string {
    return textOf(fbat.fbat_import_options_get_namespace(this.handle));
  }
  set namespace(name: string) {
    set("namespace", (arena) => {
      const text = arena.text(name, "namespace");
      return fbat.fbat_import_options_set_namespace(this.handle, text.address, text.length);
    });
  }

  /** How many events become visible together. */
  get chunkSize(): number {
    return fbat.fbat_import_options_get_chunk_size(this.handle);
  }
  set chunkSize(events: number) {
    set("chunkSize", () => fbat.fbat_import_options_set_chunk_size(this.handle, u32(events, "chunkSize")));
  }

  /** One of `ImportDurability`. */
  get durability(): ImportDurability {
    return fbat.fbat_import_options_get_durability(this.handle) as ImportDurability;
  }
  set durability(durability: ImportDurability) {
    set("durability", () => fbat.fbat_import_options_set_durability(this.handle, u32(durability, "durability")));
  }

  /** One of `OnConflict`. */
  get onConflict(): OnConflict {
    return fbat.fbat_import_options_get_on_conflict(this.handle) as OnConflict;
  }
  set onConflict(choice: OnConflict) {
    set("onConflict", () => fbat.fbat_import_options_set_on_conflict(this.handle, u32(choice, "onConflict")));
  }

  /** Bits of `ImportFlag`. */
  get flags(): number {
    return fbat.fbat_import_options_get_flags(this.handle);
  }
  set flags(flags: number) {
    set("flags", () => fbat.fbat_import_options_set_flags(this.handle, u32(flags, "flags")));
  }

  /** What the filter sees beside the rest: bits of `Column`. */
  get filterColumns(): number {
    return fbat.fbat_import_options_get_filter_columns(this.handle);
  }
  set filterColumns(columns: number) {
    set("filterColumns", () => fbat.fbat_import_options_set_filter_columns(this.handle, u32(columns, "filterColumns")));
  }

  /** Says which events to import; null for all. */
  get filter(): Filter | null {
    return this.#filter;
  }
  set filter(filter: Filter | null) {
    this.#filter = functionOrNull(filter, "filter");
  }

  /** Told after each committed chunk. */
  get progress(): Progress | null {
    return this.#progress;
  }
  set progress(progress: Progress | null) {
    this.#progress = functionOrNull(progress, "progress");
  }

  /** Ends the import, from any thread. */
  get cancel(): Cancel | null {
    return Number(fbat.fbat_import_options_get_cancel(this.handle)) === 0 ? null : this.#cancel;
  }
  set cancel(cancel: Cancel | null) {
    if (cancel !== null && !(cancel instanceof Cancel)) {
      throw invalid(Status.ERR_INVALID_ARGUMENT, `cancel: a Cancel is needed, not ${typeName(cancel)}`);
    }
    set("cancel", () => fbat.fbat_import_options_set_cancel(this.handle, cancel?.handle ?? 0n));
    this.#cancel = cancel;
  }
}

function functionOrNull<F>(value: F, what: string): F {
  if (value !== null && typeof value !== "function") {
    throw invalid(Status.ERR_INVALID_ARGUMENT, `${what}: a function is needed, not ${typeName(value)}`);
  }
  return value;
}

/** The callbacks of one import. They exist only while it runs, on the thread that it runs on. */
class Callbacks {
  readonly #registered: bigint[] = [];
  /** What a callback threw; the import ends with it. */
  thrown: { readonly value: unknown } | null = null;

  attach({ handle, filter, progress }: ImportOptions): void {
    if (filter !== null) {
      const pointer = this.#register(this.#filtering(filter));
      check(fbat.fbat_import_options_set_filter(handle, pointer, 0, 0), 0n);
    }
    if (progress !== null) {
      const pointer = this.#register(this.#progressing(progress));
      check(fbat.fbat_import_options_set_progress(handle, pointer, 0, 0), 0n);
    }
  }

  #register(callback: (userData: unknown, address: number) => number): bigint {
    const pointer = koffi.register(callback, CALLBACK);
    this.#registered.push(pointer);
    return pointer;
  }

  release(): void {
    this.#registered.forEach(koffi.unregister);
  }

  #filtering(filter: Filter) {
    const row = new FilterRow();
    return (_userData: unknown, address: number): number => {
      const record = row.show(address);
      try {
        return keep(filter(record));
      } catch (value) {
        return this.#stop(value);
      } finally {
        record.end();
      }
    };
  }

  #progressing(progress: Progress) {
    const block = new Block(REPORT.size);
    return (_userData: unknown, address: number): number => {
      try {
        copyMemory(block.address, address, REPORT.size);
        progress(readStruct<ImportReport>(REPORT, new Place(block, 0)));
        return 0;
      } catch (value) {
        return this.#stop(value);
      }
    };
  }

  /** A callback must not throw through the library: it answers that the import is to stop. */
  #stop(value: unknown): number {
    this.thrown = { value };
    return -1;
  }
}

/** A promise would be taken for a yes, a forgotten `return` for a no. */
function keep(answer: unknown): number {
  if (typeof answer !== "boolean") {
    throw invalid(Status.ERR_INVALID_ARGUMENT, `filter: true or false is needed, not ${typeName(answer)}`);
  }
  return answer ? 1 : 0;
}

function importCall(
  destination: bigint,
  source: bigint,
  options: ImportOptions,
  finish: (arena: Arena, status: number, report: ImportReport) => ImportReport,
): Call<ImportReport> {
  return call((arena) => {
    const report = arena.structs(REPORT.size);
    return {
      start: fbat.fbat_import,
      values: [destination, source, options.handle, report.address, arena.error.address],
      finish: (status) => finish(arena, status, readStruct<ImportReport>(REPORT, report)),
    };
  });
}

/** Throws what ended an import, with its report. */
function done(arena: Arena, status: number, report: ImportReport, signal?: AbortSignal | null): ImportReport {
  try {
    ok(arena, status, status === Status.ERR_CANCELLED && signal?.aborted ? { cause: signal.reason } : undefined);
    return report;
  } catch (error) {
    setReport(error, report);
    throw error;
  }
}

/** A token that a signal triggers, in the options of one call; what ends the connection. */
function connect(options: ImportOptions, signal: AbortSignal | null | undefined): () => void {
  if (signal == null) {
    return () => {};
  }
  const own = options.cancel === null ? new Cancel() : null;
  const cancel = own ?? (options.cancel as Cancel);
  options.cancel = cancel;
  const trigger = () => cancel.trigger();
  if (signal.aborted) {
    trigger();
  }
  signal.addEventListener("abort", trigger, { once: true });
  return () => {
    signal.removeEventListener("abort", trigger);
    own?.[Symbol.dispose]();
  };
}

/** The signal of a call; what has none, or something else in its place, is refused. */
function signalOf(options: SignalOptions): AbortSignal | null | undefined {
  refuseUnknown(options, ["signal"], "signal options");
  const { signal } = options;
  if (signal != null && typeof signal.addEventListener !== "function") {
    throw invalid(Status.ERR_INVALID_ARGUMENT, `signal: an AbortSignal is needed, not ${typeName(signal)}`);
  }
  return signal;
}

function snapshot(options: ImportOptions | Partial<ImportInit>): ImportOptions {
  return new ImportOptions(options as ImportInit);
}

export function importNow(
  destination: bigint,
  source: bigint,
  init: ImportOptions | ImportInit,
  signals: SignalOptions,
): ImportReport {
  const signal = signalOf(signals);
  // A copy: a callback may change the options, and import with them again.
  const options = snapshot(init);
  const callbacks = new Callbacks();
  let disconnect = () => {};
  try {
    disconnect = connect(options, signal);
    callbacks.attach(options);
    return run(
      importCall(destination, source, options, (arena, status, report) => {
        if (status < 0 && callbacks.thrown !== null) {
          setReport(callbacks.thrown.value, report);
          freeError(arena);
          throw callbacks.thrown.value;
        }
        return done(arena, status, report, signal);
      }),
    );
  } finally {
    callbacks.release();
    disconnect();
    options[Symbol.dispose]();
  }
}

function freeError(arena: Arena): void {
  fbat.fbat_error_free(arena.error.handle);
}

export async function importLater(
  destination: bigint,
  source: bigint,
  init: ImportOptions | AsyncImportInit,
  signals: SignalOptions,
  owner: unknown,
): Promise<ImportReport> {
  const signal = signalOf(signals);
  // A copy: another thread reads it.
  const options = snapshot(init);
  let disconnect = () => {};
  try {
    disconnect = connect(options, signal);
    if (options.filter !== null || options.progress !== null) {
      throw invalid(Status.ERR_INVALID_ARGUMENT, "a filter or progress function needs importFrom, on its own thread");
    }
    const describe = () =>
      importCall(destination, source, options, (arena, status, report) => done(arena, status, report, signal));
    return await runAsync(describe, owner);
  } finally {
    disconnect();
    options[Symbol.dispose]();
  }
}
