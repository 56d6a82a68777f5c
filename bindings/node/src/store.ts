/** Stores: opening, closing, and everything that is done with one. */
import type { PathLike } from "node:fs";
import { type InspectOptions, inspect } from "node:util";
import { appendBatchCall, appendCall } from "./append.js";
import { type Call, call, isNothing, ok, perform, run, runAsync, withArena } from "./call.js";
import { QueryFlag, Status } from "./constants.js";
import { FbatError } from "./error.js";
import { closed, invalid, needed } from "./fail.js";
import { verifyCall, type WithFindings } from "./findings.js";
import { type FollowOptions, follow, followPages } from "./follow.js";
import { Handle, sharedNumber } from "./handle.js";
import { HASH_BYTES, type Hash, type Id } from "./hex.js";
import { fbat } from "./library.js";
import { type Conflicts, conflictsCall, originCall, sourcesCall, takePlan } from "./lineage.js";
import { copyBytes, type Output, textOf } from "./memory.js";
import {
  BACKUP_OPTIONS,
  type BackupOptions,
  COMPRESS_OPTIONS,
  type CompressOptions,
  type DiffOptions,
  type EventInit,
  IMPORT_OPTIONS,
  type ImportOptions,
  type ListOptions,
  OPEN_OPTIONS,
  type OpenOptions,
  type OriginsOptions,
  type Query,
  type VerifyOptions,
} from "./options.js";
import { type EventRecord, type Page, Records } from "./page.js";
import { writePath } from "./path.js";
import { Cursor, getCall, getEvent, queryCall } from "./query.js";
import type { Region } from "./region.js";
import { type Differences, diffCall, digestCall, type Origins, originsCall } from "./sets.js";
import {
  BACKUP_REPORT,
  type BackupReport,
  COMPRESS_REPORT,
  type CompressReport,
  FRONTIER,
  type Frontier,
  HEAD,
  type Head,
  IMPORT_REPORT,
  type ImportReport,
  OPEN_REPORT,
  type OpenReport,
  type PlanRow,
  type Receipt,
  type SetDigest,
  type Source,
  STATS,
  type Stats,
  type VerifyReport,
} from "./structs.js";
import { countCall, listCall, type Summaries } from "./summaries.js";
import { needObject, refuseUnknown, u64 } from "./validate.js";
import { show } from "./view.js";
import { frontierCall, Lookout, type WaitOptions, waitFor } from "./wait.js";
import type { AsyncOptions } from "./watch.js";

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

/** A call that fills in one struct. */
function ask<T>(store: bigint, of: typeof fbat.fbat_store_stats, answer: Output<T>): Call<T> {
  return call((arena) => {
    const out = arena.output(answer);
    return [of, [store, out.address], out.read];
  });
}

/** What can be asked of a closed store too. */
function readFacts(store: bigint) {
  const { data, len } = fbat.fbat_store_path(store);
  const pathBytes = copyBytes(data, len);
  return {
    id: Buffer.from(fbat.fbat_store_id(store).bytes).toString("hex") as Id,
    namespace: textOf(fbat.fbat_store_namespace(store)),
    label: textOf(fbat.fbat_store_label(store)),
    path: pathBytes.toString("utf8"),
    pathBytes,
    isReadOnly: fbat.fbat_store_is_read_only(store),
    openReport: run(ask(store, fbat.fbat_store_open_report, OPEN_REPORT)),
  };
}

/**
 * An open store. Methods block their thread until they are done; those whose names end in `Async`
 * work on a thread of Node's pool instead, and what is handed to them must not be changed until
 * they are done.
 */
export class Store extends Handle {
  readonly #facts: ReturnType<typeof readFacts>;
  /** Whether it is this object that closes the store. */
  readonly #isOwner: boolean;
  readonly #lookout: Lookout;

  private constructor(handle: bigint, isOwner: boolean) {
    if (typeof handle !== "bigint") {
      throw invalid("Store.open(path) opens a store; `new Store` does not");
    }
    super(handle, isOwner ? () => fbat.fbat_store_free(handle) : () => {});
    this.#isOwner = isOwner;
    this.#lookout = new Lookout(this, !isOwner);
    this.#facts = readFacts(handle);
  }

  static #open(path: PathLike, options: OpenOptions): Call<Store> {
    return call((arena) => {
      const { out } = arena;
      const [at, of] = [writePath(arena, path), arena.write(OPEN_OPTIONS, options)];
      const answer = () => new Store(out.handle, true);
      return [fbat.fbat_store_open, [at, of, out.address], answer];
    });
  }

  /**
   * Opens the store in a directory. At most one handle in all processes has a store open for
   * writing; readers are not limited. A new store makes the directory, not what is above it.
   */
  static open(path: PathLike, options: OpenOptions = {}): Store {
    return run(Store.#open(path, options));
  }

  /** {@link Store.open} on a thread of Node's pool. */
  static async openAsync(path: PathLike, options: AsyncOptions<OpenOptions> = {}): Promise<Store> {
    return runAsync(() => Store.#open(path, options), options);
  }

  /**
   * A store that another thread of this process has open and shares. To close or dispose of this
   * one gives up the use of it here; the store is closed by who opened it, and calls here give a
   * {@link FbatError} then.
   */
  static attach(shared: SharedStore): Store {
    const attached = new Store(sharedNumber(shared?.store, "store"), false);
    attached.frontier(); // a number that is no store's is noticed here
    return attached;
  }

  /** What to send to a worker, for {@link Store.attach}. Good until this store is closed. */
  share(): SharedStore {
    this.#lookout.share();
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
   * Makes what was written durable, releases the directory, and ends all use of the store: later
   * calls throw a `ClosedError`. A failure to write is thrown, and the store is closed all the
   * same. Closing it again does nothing. From within a callback of an import that uses the store
   * this is a `BusyError`, and the store stays open.
   */
  close(): void {
    if (this.isClosed || !this.#isOwner) {
      this.#release();
      return;
    }
    withArena((arena) => {
      const status = fbat.fbat_store_close(this.handle, arena.error.address);
      if (status !== Status.ERR_BUSY) {
        this.#release();
      }
      ok(arena, status);
    });
  }

  /** Ends those who wait, too. */
  #release(): void {
    super[Symbol.dispose]();
    this.#lookout.tell();
  }

  /** {@link Store.close}. */
  override [Symbol.dispose](): void {
    this.close();
  }

  /** @internal */
  protected override closedError(): FbatError {
    const { path, pathBytes } = this;
    return closed(`store '${path}'`, { path, pathBytes });
  }

  /** What `console.log` shows: which store it is. */
  override [inspect.custom](depth: number | null, options: InspectOptions): string {
    const { path, id, label, isReadOnly, isClosed } = this;
    return show(this, { path, id, label, isReadOnly, isClosed }, depth, options);
  }

  /** Makes everything that is visible durable. */
  sync(): Frontier {
    return run(ask(this.handle, fbat.fbat_store_sync, FRONTIER));
  }

  /** {@link Store.sync} on a thread of Node's pool. */
  async syncAsync(): Promise<Frontier> {
    return runAsync(() => ask(this.handle, fbat.fbat_store_sync, FRONTIER), this);
  }

  /** How far the log goes. */
  frontier(): Frontier {
    const found = run(frontierCall(this.handle));
    this.#lookout.see(found);
    return found;
  }

  /**
   * Waits until the frontier is above a sequence, and gives the frontier. Takes no thread while it
   * waits. A `CancelledError` with the code `FBAT_ERR_TIMEOUT` where that was not in time; its
   * `actual` is what the frontier was. A `ClosedError` where the store is closed meanwhile. That a
   * writer in another process ends, or dies, does not end it.
   *
   * With `durable`, a store that is open for writing waits for syncs, and begins none. One that
   * reads syncs what it waits for.
   * @param after the last sequence that is known.
   */
  async wait(after: number | bigint, options: WaitOptions = {}): Promise<Frontier> {
    return waitFor(this.#lookout, after, options);
  }

  /**
   * The events of a query, and those that come later: each once, and in order. It goes on until the
   * loop is left, its signal is aborted, or the store is closed, and takes no thread while it
   * waits. `after: store.frontier().visible` begins with what comes from now on.
   */
  follow(options: FollowOptions = {}): AsyncIterableIterator<EventRecord> {
    return follow({ store: this, lookout: this.#lookout, options });
  }

  /** {@link Store.follow}, page by page: what has come is there at once. */
  followPages(options: FollowOptions = {}): AsyncIterableIterator<Page> {
    return followPages({ store: this, lookout: this.#lookout, options });
  }

  /** Figures about the store. */
  stats(): Stats {
    return run(ask(this.handle, fbat.fbat_store_stats, STATS));
  }

  /** The newest event of an entity; null where it has none. */
  head(entity: string): Head | null {
    return withArena((arena) => {
      const { address, length } = arena.slice(entity, "entity");
      const head = arena.output(HEAD);
      const error = arena.error.address;
      const status = fbat.fbat_store_head(this.handle, address, length, head.address, error);
      if (isNothing(arena, status)) {
        return null;
      }
      ok(arena, status);
      return head.read();
    });
  }

  /**
   * The log hash at the visible frontier: one value that stands for the whole history. Two stores
   * with the same log hash have the same events in the same order.
   */
  logHash(): Hash {
    return perform((arena) => {
      const out = arena.room(HASH_BYTES);
      return [fbat.fbat_store_log_hash, [this.handle, out.address], () => out.hash];
    });
  }

  /**
   * The log hash as of a sequence of the past, to compare an anchor of that time with. What the
   * batch of that event has is computed; `verify` computes all of the log. A `NotFoundError` where
   * the sequence is above the frontier, or belongs to no event.
   */
  logHashAt(sequence: number | bigint): Hash {
    return perform((arena) => {
      const out = arena.room(HASH_BYTES);
      const of = u64(sequence, "sequence");
      return [fbat.fbat_store_log_hash_at, [this.handle, of, out.address], () => out.hash];
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

  /** Appends all events of an array, or none; `item` of an error names the event at fault. */
  appendBatch(events: readonly EventInit[], options: BatchOptions = {}): Receipt[] {
    return run(appendBatchCall(this.handle, events, wantsReceipts(options)));
  }

  /** {@link Store.appendBatch} on a thread of Node's pool, which waits for the disk. */
  async appendBatchAsync(
    events: readonly EventInit[],
    options: BatchOptions = {},
  ): Promise<Receipt[]> {
    const wants = wantsReceipts(options);
    return runAsync(() => appendBatchCall(this.handle, events, wants), [this, events]);
  }

  /**
   * Reads one event by its id; null where there is none.
   * @param columns bits of `Column`; 0: payload and extensions.
   */
  get(id: Id, columns = 0): EventRecord | null {
    return getEvent(this.handle, id, columns);
  }

  /** {@link Store.get} on a thread of Node's pool. */
  async getAsync(id: Id, columns = 0): Promise<EventRecord | null> {
    try {
      return await runAsync(() => getCall(this.handle, id, columns), this);
    } catch (error) {
      if (error instanceof FbatError && error.status === Status.ERR_NOT_FOUND) {
        return null;
      }
      throw error;
    }
  }

  /**
   * Reads the events that have a name as their origin: the first, and those with other content that
   * were kept beside it. A `NotFoundError` where there are none.
   * @param sourceNamespace the name of the origin, as provenance or `namespace` of a store has it.
   * @param sourceEventId the id there.
   * @param columns bits of `Column`; 0: payload and extensions.
   */
  byOrigin(sourceNamespace: string, sourceEventId: Id, columns = 0): Page {
    return run(originCall(this.handle, sourceNamespace, sourceEventId, columns));
  }

  /**
   * Reads one page. To go on, set `after` (or `until`, backward) to its `resume`, unless `isEnd`;
   * or take a cursor.
   */
  query(query: Query = {}): Page {
    return run(queryCall(this.handle, query));
  }

  /** {@link Store.query} on a thread of Node's pool. */
  async queryAsync(query: AsyncOptions<Query> = {}): Promise<Page> {
    return runAsync(() => queryCall(this.handle, query), this);
  }

  /**
   * Counts the events of a query: as many as a cursor of it has rows. Read from indexes as far as
   * they can tell; `pageRows` and `columns` do not matter.
   */
  count(query: Query = {}): bigint {
    return run(countCall(this.handle, query));
  }

  /** {@link Store.count} on a thread of Node's pool. */
  async countAsync(query: AsyncOptions<Query> = {}): Promise<bigint> {
    return runAsync(() => countCall(this.handle, query), this);
  }

  /** Lists entities in the order of their names, a page at a time, with what each has. */
  entities(options: ListOptions = {}): Summaries {
    return run(listCall(fbat.fbat_store_entities, this.handle, options));
  }

  /** Lists scopes in the order of their names, a page at a time, with what each has. */
  scopes(options: ListOptions = {}): Summaries {
    return run(listCall(fbat.fbat_store_scopes, this.handle, options));
  }

  /**
   * Lists names with two contents, a page at a time: one for each event that `OnConflict.KEEP` has
   * kept.
   * @param after only rows after this one, by their `sequence`; 0: from the first.
   * @param pageRows at most so many rows: 1 to 65,536; 0: 1,000.
   */
  conflicts(after: number | bigint = 0, pageRows = 0): Conflicts {
    return run(conflictsCall(this.handle, after, pageRows));
  }

  /** Lists the stores that fed this one: a row for each and each selection. */
  sources(): Source[] {
    return run(sourcesCall(this.handle));
  }

  /** What stands for the events of a region: equal sets have equal digests in all stores. */
  setDigest(region: Region = {}): SetDigest {
    return run(digestCall(this.handle, region));
  }

  /** {@link Store.setDigest} on a thread of Node's pool. */
  async setDigestAsync(region: Region = {}): Promise<SetDigest> {
    return runAsync(() => digestCall(this.handle, region), this);
  }

  /** Lists the origins of events in the order of their namespaces, a page at a time. */
  origins(options: OriginsOptions = {}): Origins {
    return run(originsCall(this.handle, options));
  }

  /** Lists the events that only this store has, or only the other one, a page at a time. */
  diff(other: Store, options: DiffOptions = {}): Differences {
    return run(diffCall(this.handle, other.handle, options));
  }

  /** {@link Store.diff} on a thread of Node's pool. */
  async diffAsync(other: Store, options: DiffOptions = {}): Promise<Differences> {
    return runAsync(() => diffCall(this.handle, other.handle, options), [this, other]);
  }

  /** A cursor at the beginning of a query. Dispose of it, or leave that to the collector. */
  cursor(query: Query = {}): Cursor {
    return new Cursor(this, query);
  }

  /** All records of a query, read page by page. The first call of `next` begins it. */
  records(query: Query = {}): IterableIterator<EventRecord> {
    let cursor: Cursor | null = null;
    const next = () => {
      cursor ??= this.cursor(query);
      return cursor.nextPage();
    };
    return new Records(next, null, () => cursor?.[Symbol.dispose]());
  }

  /** {@link Store.records}, with every page read on a thread of Node's pool. */
  async *recordsAsync(query: AsyncOptions<Query> = {}): AsyncIterableIterator<EventRecord> {
    const isBackward = ((query.flags ?? 0) & QueryFlag.BACKWARD) !== 0;
    for (let part = query; ; ) {
      const page = await this.queryAsync(part);
      yield* page;
      if (page.isEnd) {
        return;
      }
      part = { ...part, [isBackward ? "until" : "after"]: page.resume };
      if (part.limit) {
        part.limit = BigInt(part.limit) - BigInt(page.length);
      }
    }
  }

  #named(source: Store, options: ImportOptions): ImportOptions {
    if (!(source instanceof Store)) {
      throw needed("source", "a Store", source);
    }
    needObject(options, "import options");
    const { sourceNamespace } = options;
    return { ...options, sourceNamespace: sourceNamespace ?? source.namespace };
  }

  #plan(source: Store, options: ImportOptions): Call<PlanRow[]> {
    const named = this.#named(source, options);
    return call((arena) => {
      const { out } = arena;
      const of = arena.write(IMPORT_OPTIONS, named);
      const given = [this.handle, source.handle, of, out.address] as const;
      return [fbat.fbat_import_plan, [...given], () => takePlan(out.handle)];
    });
  }

  #import(source: Store, options: ImportOptions): Call<ImportReport> {
    const named = this.#named(source, options);
    return call((arena) => {
      const { address, read } = arena.output(IMPORT_REPORT);
      const of = arena.write(IMPORT_OPTIONS, named);
      return [fbat.fbat_import, [this.handle, source.handle, of, address], read, read];
    });
  }

  /**
   * Copies events of another store into this one, exactly once. Importing again adds nothing, and
   * an import that failed or was stopped is completed by the next; `reportOf` says how far one came
   * that threw.
   */
  importFrom(source: Store, options: ImportOptions = {}): ImportReport {
    return run(this.#import(source, options));
  }

  /** {@link Store.importFrom} on a thread of Node's pool. */
  async importFromAsync(
    source: Store,
    options: AsyncOptions<ImportOptions> = {},
  ): Promise<ImportReport> {
    return runAsync(() => this.#import(source, options), [this, source]);
  }

  /**
   * Says what `importFrom` would bring, by the name of the origin, by what the entity has before
   * its first colon, and by kind. Nothing is appended; this store may be open for reading.
   */
  planImport(source: Store, options: ImportOptions = {}): PlanRow[] {
    return run(this.#plan(source, options));
  }

  /** {@link Store.planImport} on a thread of Node's pool. */
  async planImportAsync(
    source: Store,
    options: AsyncOptions<ImportOptions> = {},
  ): Promise<PlanRow[]> {
    return runAsync(() => this.#plan(source, options), [this, source]);
  }

  /**
   * Walks the store and checks every checksum, hash, chain and index. Damage is a finding, not an
   * exception.
   */
  verify(options: VerifyOptions = {}): WithFindings<VerifyReport> {
    return run(verifyCall(this.handle, options));
  }

  /** {@link Store.verify} on a thread of Node's pool. */
  async verifyAsync(
    options: AsyncOptions<VerifyOptions> = {},
  ): Promise<WithFindings<VerifyReport>> {
    return runAsync(() => verifyCall(this.handle, options), this);
  }

  #compress(options: CompressOptions): Call<CompressReport> {
    return call((arena) => {
      const report = arena.output(COMPRESS_REPORT);
      const of = arena.write(COMPRESS_OPTIONS, options);
      return [fbat.fbat_store_compress, [this.handle, of, report.address], report.read];
    });
  }

  /**
   * Compresses files of the log that are full, oldest first: read, proven, imported and copied as
   * before.
   */
  compress(options: CompressOptions = {}): CompressReport {
    return run(this.#compress(options));
  }

  /** {@link Store.compress} on a thread of Node's pool. */
  async compressAsync(options: AsyncOptions<CompressOptions> = {}): Promise<CompressReport> {
    return runAsync(() => this.#compress(options), this);
  }

  #backup(destination: PathLike, options: BackupOptions): Call<BackupReport> {
    return call((arena) => {
      const report = arena.output(BACKUP_REPORT);
      const [to, of] = [writePath(arena, destination), arena.write(BACKUP_OPTIONS, options)];
      return [fbat.fbat_store_backup, [this.handle, to, of, report.address], report.read];
    });
  }

  /**
   * Copies the store into an empty directory, while others write. The copy has the same store id:
   * see `newIdentity`.
   */
  backup(destination: PathLike, options: BackupOptions = {}): BackupReport {
    return run(this.#backup(destination, options));
  }

  /** {@link Store.backup} on a thread of Node's pool. */
  async backupAsync(
    destination: PathLike,
    options: AsyncOptions<BackupOptions> = {},
  ): Promise<BackupReport> {
    return runAsync(() => this.#backup(destination, options), this);
  }
}
