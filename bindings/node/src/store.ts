/** Stores: opening, closing, and everything that is done with one. */
import type { PathLike } from "node:fs";
import { type InspectOptions, inspect } from "node:util";
import { appendBatchCall, appendCall, type EventInit, type Receipt } from "./append.js";
import { type Call, call, isNothing, ok, run, runAsync, withArena } from "./call.js";
import { type Durability, type OpenMode, OpenReportFlag, Status } from "./constants.js";
import { type BackupReport, backupCall } from "./copy.js";
import { closed, type FbatError, invalid } from "./error.js";
import { Handle } from "./handle.js";
import { HASH_BYTES, type Hash, type Id } from "./hex.js";
import {
  type AsyncImportInit,
  type ImportInit,
  type ImportOptions,
  type ImportReport,
  importLater,
  importNow,
  type SignalOptions,
} from "./import.js";
import { confirmedLayout, readStruct } from "./layout.js";
import { fbat } from "./library.js";
import { type Arena, copyBytes, type Place, textOf, typeName } from "./memory.js";
import { size, u32, u64 } from "./numbers.js";
import { assign, made, refuseUnknown, set, sharedNumber } from "./options.js";
import { DEFAULT_COLUMNS, type EventRecord, type Page } from "./page.js";
import { writePath } from "./path.js";
import { eventProvenance, type Provenance } from "./provenance.js";
import { Cursor, getEvent, type Query, type QueryInit, queryPage } from "./query.js";
import { show } from "./show.js";
import { type VerifyReport, verifyCall } from "./verify.js";

/** How to open a store. What is left out is the default. */
export interface OpenInit {
  /** One of `OpenMode`, by default `CREATE_IF_MISSING`. */
  mode?: OpenMode | undefined;
  /** One of `Durability`, by default `DURABLE`. */
  durability?: Durability | undefined;
  /** A label for people, which a new store keeps: at most 1024 bytes, without NUL. It is no identity. */
  label?: string | undefined;
  /** The limit on the payload of one event: 1 to 33,554,432, which is the default. */
  payloadBytesMax?: number | undefined;
  /** The limit on the events of one batch: 1 to 65,536, which is the default. */
  batchEventsMax?: number | undefined;
  /** The limit on the bytes of one batch: 1 to 67,108,864, which is the default. */
  batchBytesMax?: number | undefined;
  /** At which size a file of the log is sealed: 65,536 to 1,073,741,824, by default 64 MiB. */
  segmentBytes?: number | bigint | undefined;
}

const OPEN_NAMES = [
  "mode",
  "durability",
  "label",
  "payloadBytesMax",
  "batchEventsMax",
  "batchBytesMax",
  "segmentBytes",
] as const;

/** Options that open more than one store. `Store.open` also takes them as a plain object. */
export class OpenOptions extends Handle {
  constructor(init: OpenInit = {}) {
    super("open options", made(fbat.fbat_open_options_new()), fbat.fbat_open_options_free);
    assign<OpenOptions>(this, init as Partial<OpenOptions>, OPEN_NAMES);
  }

  /** One of `OpenMode`. */
  get mode(): OpenMode {
    return fbat.fbat_open_options_get_mode(this.handle) as OpenMode;
  }
  set mode(mode: OpenMode) {
    set("mode", () => fbat.fbat_open_options_set_mode(this.handle, u32(mode, "mode")));
  }

  /** One of `Durability`. */
  get durability(): Durability {
    return fbat.fbat_open_options_get_durability(this.handle) as Durability;
  }
  set durability(durability: Durability) {
    set("durability", () => fbat.fbat_open_options_set_durability(this.handle, u32(durability, "durability")));
  }

  /** A label for people, which a new store keeps. */
  get label(): string {
    return textOf(fbat.fbat_open_options_get_label(this.handle));
  }
  set label(label: string) {
    set("label", (arena) => {
      const text = arena.text(label, "label");
      return fbat.fbat_open_options_set_label(this.handle, text.address, text.length);
    });
  }

  /** The limit on the payload of one event, in bytes. */
  get payloadBytesMax(): number {
    return Number(fbat.fbat_open_options_get_payload_bytes_max(this.handle));
  }
  set payloadBytesMax(bytes: number) {
    set("payloadBytesMax", () =>
      fbat.fbat_open_options_set_payload_bytes_max(this.handle, size(bytes, "payloadBytesMax")),
    );
  }

  /** The limit on the events of one batch. */
  get batchEventsMax(): number {
    return Number(fbat.fbat_open_options_get_batch_events_max(this.handle));
  }
  set batchEventsMax(events: number) {
    set("batchEventsMax", () =>
      fbat.fbat_open_options_set_batch_events_max(this.handle, size(events, "batchEventsMax")),
    );
  }

  /** The limit on the bytes of one batch: payloads, extensions, entities and scopes. */
  get batchBytesMax(): number {
    return Number(fbat.fbat_open_options_get_batch_bytes_max(this.handle));
  }
  set batchBytesMax(bytes: number) {
    set("batchBytesMax", () => fbat.fbat_open_options_set_batch_bytes_max(this.handle, size(bytes, "batchBytesMax")));
  }

  /** At which size a file of the log is sealed, in bytes. */
  get segmentBytes(): bigint {
    return BigInt(fbat.fbat_open_options_get_segment_bytes(this.handle));
  }
  set segmentBytes(bytes: number | bigint) {
    set("segmentBytes", () => fbat.fbat_open_options_set_segment_bytes(this.handle, u64(bytes, "segmentBytes")));
  }
}

/** What the log goes up to: the value 1 is the event that every store starts with. */
export interface Frontier {
  /** The highest sequence that readers may see. */
  readonly visible: bigint;
  /** The highest sequence that is known to have reached the disk. */
  readonly durable: bigint;
}

/** The newest event of an entity. */
export interface Head {
  /** How many events the entity has. */
  readonly version: bigint;
  /** The event's global sequence. */
  readonly sequence: bigint;
  readonly eventId: Id;
  readonly eventHash: Hash;
}

/** Figures about a store. */
export interface Stats {
  /** Events in the log, the library's own included. */
  readonly events: bigint;
  /** Files that the log consists of. */
  readonly segments: bigint;
  /** Size of the log on disk, in bytes. */
  readonly logBytes: bigint;
  /** Size of its indexes on disk, in bytes. */
  readonly indexBytes: bigint;
  /** Events that are indexed in memory only, so far. */
  readonly unindexedEvents: bigint;
  /** Memory that the store's tables take, in bytes. */
  readonly memoryBytes: bigint;
}

/** What `Store.open` found and did. */
export interface OpenReport {
  /** Bits of `OpenReportFlag`. */
  readonly flags: number;
  /** Opening made the store. */
  readonly isCreated: boolean;
  /** The last writer did not close the store. */
  readonly isUnclean: boolean;
  /** Size of a torn tail that was cut off, in bytes; 0 when there was none. */
  readonly droppedBytes: bigint;
  /** Where it began in its file. */
  readonly droppedOffset: bigint;
  /** That file; empty for none. */
  readonly droppedPath: string;
  /** The same as bytes of the file system. */
  readonly droppedPathBytes: Buffer;
  /** Whole batches behind the hole that were dropped with it. */
  readonly droppedBatches: bigint;
  /** The events of those batches. */
  readonly droppedEvents: bigint;
  /** The first of the sequences that were jumped because somebody may have seen them; 0: none were. */
  readonly gapFirst: bigint;
  /** The last of them. */
  readonly gapLast: bigint;
  /** Indexes that were missing or damaged and were made anew. */
  readonly indexesRebuilt: bigint;
}

const FRONTIER = confirmedLayout("fbat_frontier_init", { visible: "u64", durable: "u64" });

const HEAD = confirmedLayout("fbat_head_init", {
  version: "u64",
  sequence: "u64",
  eventId: "id",
  eventHash: "hash",
});

const STATS = confirmedLayout("fbat_stats_init", {
  events: "u64",
  segments: "u64",
  logBytes: "u64",
  indexBytes: "u64",
  unindexedEvents: "u64",
  memoryBytes: "u64",
});

const OPEN_REPORT = confirmedLayout("fbat_open_report_init", {
  flags: "u32",
  reserved: "u32",
  droppedBytes: "u64",
  droppedOffset: "u64",
  droppedPath: "path",
  droppedBatches: "u64",
  droppedEvents: "u64",
  gapFirst: "u64",
  gapLast: "u64",
  indexesRebuilt: "u64",
});

/**
 * Says how small parts of files are read from now on, in the whole process: from memory that the files are mapped to,
 * the default, or by system calls. False before the first store is opened: no handler for SIGBUS is put in place.
 */
export function setMappedReads(mapped: boolean): void {
  fbat.fbat_set_mapped_reads(mapped);
}

/** A store as another thread of this process can have it: {@link Store.attach}. */
export interface SharedStore {
  readonly store: bigint;
}

/** How to append a batch. */
export interface BatchOptions {
  /** False saves making receipts: the answer is empty then. */
  readonly receipts?: boolean | undefined;
}

function wantsReceipts(options: BatchOptions): boolean {
  refuseUnknown(options, ["receipts"], "batch options");
  return options.receipts ?? true;
}

function handleOf(source: Store): bigint {
  if (!(source instanceof Store)) {
    throw invalid(Status.ERR_INVALID_ARGUMENT, `source: a Store is needed, not ${typeName(source)}`);
  }
  return source.handle;
}

/** What can be asked of a closed store too. */
interface Facts {
  readonly id: Id;
  readonly namespace: string;
  readonly label: string;
  readonly path: string;
  readonly pathBytes: Buffer;
  readonly isReadOnly: boolean;
  readonly openReport: OpenReport;
}

function readFacts(store: bigint): Facts {
  const path = fbat.fbat_store_path(store);
  const pathBytes = copyBytes(path.data, path.len);
  return {
    id: Buffer.from(fbat.fbat_store_id(store).bytes).toString("hex") as Id,
    namespace: textOf(fbat.fbat_store_namespace(store)),
    label: textOf(fbat.fbat_store_label(store)),
    path: pathBytes.toString("utf8"),
    pathBytes,
    isReadOnly: fbat.fbat_store_is_read_only(store),
    openReport: readOpenReport(store),
  };
}

function readOpenReport(store: bigint): OpenReport {
  return withArena((arena) => {
    const place = arena.structs(OPEN_REPORT.size);
    ok(arena, fbat.fbat_store_open_report(store, place.address, arena.error.address));
    const report = readStruct<Omit<OpenReport, "isCreated" | "isUnclean">>(OPEN_REPORT, place);
    const has = (flag: number) => (report.flags & flag) !== 0;
    return { ...report, isCreated: has(OpenReportFlag.CREATED), isUnclean: has(OpenReportFlag.UNCLEAN) };
  });
}

/**
 * An open store. Methods block their thread until they are done; those whose names end in `Async` work on a thread of
 * Node's pool instead, and what is handed to them must not be changed until they are done.
 */
export class Store extends Handle {
  readonly #facts: Facts;
  /** Whether it is this object that closes the store. */
  readonly #isOwner: boolean;

  private constructor(handle: bigint, isOwner: boolean) {
    if (typeof handle !== "bigint") {
      throw invalid(Status.ERR_INVALID_ARGUMENT, "Store.open(path) opens a store; `new Store` does not");
    }
    super("store", handle, isOwner ? fbat.fbat_store_free : () => {});
    this.#isOwner = isOwner;
    this.#facts = readFacts(handle);
  }

  /**
   * Opens the store in a directory. At most one handle in all processes has a store open for writing; readers are not
   * limited. A new store makes the directory, not what is above it.
   */
  static open(path: PathLike, options: OpenOptions | OpenInit = {}): Store {
    const made = options instanceof OpenOptions ? null : new OpenOptions(options);
    try {
      return withArena((arena) => {
        const { handle } = made ?? (options as OpenOptions);
        const at = writePath(arena, path);
        ok(arena, fbat.fbat_store_open(at, handle, arena.out.address, arena.error.address));
        return new Store(arena.out.handle, true);
      });
    } finally {
      made?.[Symbol.dispose]();
    }
  }

  /**
   * A store that another thread of this process has open and shares. To close or dispose of this one gives up the use
   * of it here; the store is closed by who opened it, and calls here give a {@link FbatError} then.
   */
  static attach(shared: SharedStore): Store {
    const attached = new Store(sharedNumber(shared?.store, "store"), false);
    attached.frontier(); // a number that is no store's is noticed here
    return attached;
  }

  /** What to send to a worker of this process, for {@link Store.attach}. Good until this store is closed. */
  share(): SharedStore {
    return { store: this.handle };
  }

  /** The random number that the store was given when it was made, or by `newIdentity`. */
  get id(): Id {
    return this.#facts.id;
  }

  /** The native namespace: `store:` and the 32 hex digits of its id. */
  get namespace(): string {
    return this.#facts.namespace;
  }

  /** The label that the store was made with. */
  get label(): string {
    return this.#facts.label;
  }

  /** The directory. */
  get path(): string {
    return this.#facts.path;
  }

  /** The directory as bytes of the file system, which need not be UTF-8. */
  get pathBytes(): Buffer {
    return this.#facts.pathBytes;
  }

  /** Whether it is open for reading only. */
  get isReadOnly(): boolean {
    return this.#facts.isReadOnly;
  }

  /** What opening found and did. */
  get openReport(): OpenReport {
    return this.#facts.openReport;
  }

  /**
   * Makes what was written durable, releases the directory, and ends all use of the store: later calls throw a
   * `ClosedError`. A failure to write is thrown, and the store is closed all the same. Closing it again does nothing.
   * From within a callback of an import that uses the store this is a `BusyError`, and the store stays open.
   */
  close(): void {
    if (this.isClosed) {
      return;
    }
    if (!this.#isOwner) {
      this.release();
      return;
    }
    withArena((arena) => {
      const status = fbat.fbat_store_close(this.handle, arena.error.address);
      if (status !== Status.ERR_BUSY) {
        this.release();
      }
      ok(arena, status);
    });
  }

  /** @internal */
  protected override closedError(): FbatError {
    return closed(`store '${this.path}'`, { path: this.path, pathBytes: this.pathBytes });
  }

  /** What `console.log` shows: which store it is. */
  override [inspect.custom](depth: number | null, options: InspectOptions): string {
    const { path, id, label, isReadOnly, isClosed } = this;
    return show(this, { path, id, label, isReadOnly, isClosed }, depth, options);
  }

  /** {@link Store.close}. */
  override [Symbol.dispose](): void {
    this.close();
  }

  #sync(): Call<Frontier> {
    return call((arena) => {
      const place = arena.structs(FRONTIER.size);
      return {
        start: fbat.fbat_store_sync,
        values: [this.handle, place.address, arena.error.address],
        finish(status) {
          ok(arena, status);
          return readStruct<Frontier>(FRONTIER, place);
        },
      };
    });
  }

  /** Makes everything that is visible durable. */
  sync(): Frontier {
    return run(this.#sync());
  }

  /** {@link Store.sync} on a thread of Node's pool. */
  async syncAsync(): Promise<Frontier> {
    return runAsync(() => this.#sync(), this);
  }

  #ask<T>(size: number, ask: (place: Place, error: number) => number, read: (place: Place) => T): T {
    return withArena((arena: Arena) => {
      const place = arena.structs(size);
      ok(arena, ask(place, arena.error.address));
      return read(place);
    });
  }

  /** How far the log goes. */
  frontier(): Frontier {
    return this.#ask(
      FRONTIER.size,
      (place, error) => fbat.fbat_store_frontier(this.handle, place.address, error),
      (place) => readStruct<Frontier>(FRONTIER, place),
    );
  }

  /** Figures about the store. */
  stats(): Stats {
    return this.#ask(
      STATS.size,
      (place, error) => fbat.fbat_store_stats(this.handle, place.address, error),
      (place) => readStruct<Stats>(STATS, place),
    );
  }

  /** The newest event of an entity; null where it has none. */
  head(entity: string): Head | null {
    return withArena((arena) => {
      const name = arena.text(entity, "entity");
      const place = arena.structs(HEAD.size);
      const status = fbat.fbat_store_head(this.handle, name.address, name.length, place.address, arena.error.address);
      if (isNothing(arena, status)) {
        return null;
      }
      ok(arena, status);
      return readStruct<Head>(HEAD, place);
    });
  }

  /**
   * The log hash at the visible frontier: one value that stands for the whole history. Two stores with the same log hash
   * have the same events in the same order.
   */
  logHash(): Hash {
    return withArena((arena) => {
      const { block, at, address } = arena.room(HASH_BYTES);
      ok(arena, fbat.fbat_store_log_hash(this.handle, address, arena.error.address));
      return block.buffer.toString("hex", at, at + HASH_BYTES) as Hash;
    });
  }

  /** Appends one event. */
  append(event: EventInit): Receipt {
    return run(appendCall(this.handle, event));
  }

  /** {@link Store.append} on a thread of Node's pool, which waits for the disk. */
  async appendAsync(event: EventInit): Promise<Receipt> {
    return runAsync(() => appendCall(this.handle, event), [this, event]);
  }

  /**
   * Appends all of an array of events, or none of them; `item` of an error names the event at fault.
   */
  appendBatch(events: readonly EventInit[], options: BatchOptions = {}): Receipt[] {
    return run(appendBatchCall(this.handle, events, wantsReceipts(options)));
  }

  /** {@link Store.appendBatch} on a thread of Node's pool, which waits for the disk. */
  async appendBatchAsync(events: readonly EventInit[], options: BatchOptions = {}): Promise<Receipt[]> {
    return runAsync(() => appendBatchCall(this.handle, events, wantsReceipts(options)), [this, events]);
  }

  /**
   * Reads one event by its id; null where there is none.
   * @param columns what to read beside the rest: bits of `Column`, by default payload and extensions.
   */
  get(id: Id, columns: number = DEFAULT_COLUMNS): EventRecord | null {
    return getEvent(this.handle, id, columns);
  }

  /** Reads one page. To go on, set `after` (or `until`, backward) to its `next`, unless `isEnd`; or take a cursor. */
  query(query?: Query | QueryInit): Page {
    return queryPage(this.handle, query);
  }

  /** A cursor at the beginning of a query, which it copies. Dispose of it, or leave that to the collector. */
  cursor(query?: Query | QueryInit): Cursor {
    return new Cursor(this, query);
  }

  /** All records of a query, read page by page. */
  *records(query?: Query | QueryInit): IterableIterator<EventRecord> {
    const cursor = this.cursor(query);
    try {
      yield* cursor.records();
    } finally {
      cursor[Symbol.dispose]();
    }
  }

  /**
   * Where an event came from; null where it was not imported. Dispose of what you get.
   * @throws NotFoundError there is no such event.
   */
  provenance(id: Id): Provenance | null {
    return eventProvenance(this.handle, id);
  }

  /**
   * Copies events of another store into this one, exactly once. Importing again adds nothing, and an import that failed
   * or was stopped is completed by the next; `reportOf` tells how far one came that threw.
   */
  importFrom(source: Store, options: ImportOptions | ImportInit, signal: SignalOptions = {}): ImportReport {
    return importNow(this.handle, handleOf(source), options, signal);
  }

  /** {@link Store.importFrom} on a thread of Node's pool: without filter and progress, but with a signal. */
  async importFromAsync(
    source: Store,
    options: ImportOptions | AsyncImportInit,
    signal: SignalOptions = {},
  ): Promise<ImportReport> {
    return importLater(this.handle, handleOf(source), options, signal, [this, source]);
  }

  /** Walks the whole store and checks every checksum, hash, chain and index. Damage is a finding, not an exception. */
  verify(): VerifyReport {
    return run(verifyCall(this.handle));
  }

  /** {@link Store.verify} on a thread of Node's pool. */
  async verifyAsync(): Promise<VerifyReport> {
    return runAsync(() => verifyCall(this.handle), this);
  }

  /**
   * Copies the store into an empty directory, while others write. The copy has the same store id: see `newIdentity`.
   * @param flags 0 or `BackupFlag.LINK`.
   */
  backup(destination: PathLike, flags = 0): BackupReport {
    return run(backupCall(this.handle, destination, flags));
  }

  /** {@link Store.backup} on a thread of Node's pool. */
  async backupAsync(destination: PathLike, flags = 0): Promise<BackupReport> {
    return runAsync(() => backupCall(this.handle, destination, flags), this);
  }
}
