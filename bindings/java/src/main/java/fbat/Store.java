package fbat;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** An open store. Any number of threads may use it at once, and any may close it. */
public final class Store implements AutoCloseable {
    private final Handle handle;

    private Store(long store) {
        handle = new Handle(this, "store", store, Native::fbat_store_free);
    }

    // ---- opening and closing ----

    /**
     * Opens the store in a directory for writing, or makes a new one.
     *
     * @throws FbatException as {@link #open(Path, OpenOptions)}.
     */
    public static Store open(Path path) {
        return open(path, new OpenOptions());
    }

    /**
     * Opens the store in a directory for reading. Others may write to it meanwhile.
     *
     * @throws FbatException as {@link #open(Path, OpenOptions)}.
     */
    public static Store openReading(Path path) {
        try (Scratch scratch = Scratch.take()) {
            long store = scratch.place();
            long name = Paths.terminated(path, scratch);
            int status = Native.fbat_store_open_read_only(name, store, scratch.err());
            FbatException.check(status, scratch);
            return new Store(Memory.getLong(store));
        }
    }

    /**
     * Opens the store in a directory.
     *
     * @throws FbatException it does not exist, is open for writing elsewhere, is damaged …
     */
    public static Store open(Path path, OpenOptions options) {
        try (Scratch scratch = Scratch.take()) {
            long store = scratch.place();
            FbatException.check(
                    Native.fbat_store_open(
                            Paths.terminated(path, scratch),
                            options.pointer(scratch),
                            store,
                            scratch.err()),
                    scratch);
            return new Store(Memory.getLong(store));
        } finally {
            Reference.reachabilityFence(options);
        }
    }

    /**
     * Makes everything durable and ends all use of the store: later calls throw a
     * {@link FbatException} of the category CLOSED. Closing it again does nothing. From within a
     * callback of a call that uses it: category BUSY, and it stays open.
     */
    @Override
    public void close() {
        if (handle.isClosed()) {
            return;
        }
        try (Scratch scratch = Scratch.take()) {
            int status = Native.fbat_store_close(handle.peek(), scratch.err());
            boolean late = status == Native.ERR_INVALID_HANDLE && handle.isClosed();
            if (status != Native.ERR_BUSY) {
                handle.free();
            }
            FbatException failure = status == Native.OK ? null : failed(status, scratch);
            if (failure != null && !late) {
                throw failure;
            }
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** A thread that was late with its number of a closed store is told that it is closed. */
    private void check(int status, Scratch scratch) {
        if (status != Native.OK) {
            throw Callbacks.<RuntimeException>unwrapped(scratch.thrown(), failed(status, scratch));
        }
    }

    private FbatException failed(int status, Scratch scratch) {
        FbatException failure = FbatException.from(status, scratch);
        boolean late = status == Native.ERR_INVALID_HANDLE && handle.isClosed();
        return late ? FbatException.closed("store") : failure;
    }

    // ---- what there is to know about a store ----

    /** A call that fills in one struct, or one value. */
    @FunctionalInterface
    private interface Question {
        int ask(long store, long out, long err);
    }

    private long ask(Scratch scratch, Question question, long out) {
        try {
            check(question.ask(handle.get(), out, scratch.err()), scratch);
            return out;
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** Makes everything that is visible durable, and says how far that is. */
    public Frontier sync() {
        try (Scratch s = Scratch.take()) {
            return Frontier.at(ask(s, Native::fbat_store_sync, s.struct(Native.FRONTIER_SIZE)));
        }
    }

    /** How far the log goes. */
    public Frontier frontier() {
        try (Scratch s = Scratch.take()) {
            return Frontier.at(ask(s, Native::fbat_store_frontier, s.struct(Native.FRONTIER_SIZE)));
        }
    }

    /** The newest event of an entity, in short; empty where it has none. */
    public Optional<Head> head(String entity) {
        try (Scratch scratch = Scratch.take()) {
            long name = scratch.str(entity);
            long head = scratch.struct(Native.HEAD_SIZE);
            long text = Memory.getLong(name);
            long length = Memory.getLong(name + Long.BYTES);
            int status =
                    Native.fbat_store_head(handle.get(), text, length, head, scratch.err());
            return found(status, scratch) ? Optional.of(Head.at(head)) : Optional.empty();
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** False for what does not exist, whose error is freed; throws for other failures. */
    private boolean found(int status, Scratch scratch) {
        if (status == Native.ERR_NOT_FOUND) {
            Native.fbat_error_free(Memory.getLong(scratch.err()));
            return false;
        }
        check(status, scratch);
        return true;
    }

    /** Figures about the store. */
    public Stats stats() {
        try (Scratch s = Scratch.take()) {
            return Stats.at(ask(s, Native::fbat_store_stats, s.struct(Native.STATS_SIZE)));
        }
    }

    /** What opening found and did. */
    public OpenReport openReport() {
        try (Scratch s = Scratch.take()) {
            long report = s.struct(Native.OPEN_REPORT_SIZE);
            return OpenReport.at(ask(s, Native::fbat_store_open_report, report));
        }
    }

    /** One value for the whole history, up to the visible frontier. */
    public Hash logHash() {
        try (Scratch s = Scratch.take()) {
            return Hash.at(ask(s, Native::fbat_store_log_hash, s.room(Native.HASH_SIZE)));
        }
    }

    /**
     * The log hash as of a sequence of the past, to compare with one that was kept. {@link #verify}
     * computes the newest.
     *
     * @throws FbatException.NotFound the sequence is no event's.
     */
    public Hash logHashAt(long sequence) {
        try (Scratch scratch = Scratch.take()) {
            long hash = scratch.room(Native.HASH_SIZE);
            int status =
                    Native.fbat_store_log_hash_at(handle.get(), sequence, hash, scratch.err());
            check(status, scratch);
            return Hash.at(hash);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** The random number that the store was given when it was made, or by {@link #newIdentity}. */
    public Id id() {
        try (Scratch scratch = Scratch.take()) {
            return Id.at(Native.fbat_store_id(scratch, handle.get()).address());
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** The native namespace of the store: {@code store:} and the 32 hex digits of its id. */
    public String namespace() {
        try (Scratch scratch = Scratch.take()) {
            return text(Native.fbat_store_namespace(scratch, handle.get()));
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** The label that the store was made with. */
    public String label() {
        try (Scratch scratch = Scratch.take()) {
            return text(Native.fbat_store_label(scratch, handle.get()));
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    private static String text(MemorySegment str) {
        String found = Memory.text(str.address());
        if (found == null) {
            throw FbatException.closed("store");
        }
        return found;
    }

    /** The directory of the store. */
    public Path path() {
        try (Scratch scratch = Scratch.take()) {
            Path found = Paths.path(Native.fbat_store_path(scratch, handle.get()).address());
            if (found == null) {
                throw FbatException.closed("store");
            }
            return found;
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** Whether the store is open for reading only. */
    public boolean isReadOnly() {
        try {
            return Native.fbat_store_is_read_only(handle.get());
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    // ---- appending ----

    /**
     * Appends one event.
     *
     * @throws FbatException an {@link Status#IDEMPOTENCY_CONFLICT}, a {@link
     *     Status#VERSION_CONFLICT}, what is not allowed, a full disk …
     */
    public Receipt append(Event event) {
        try (Scratch scratch = Scratch.take()) {
            long given = event.pointer(scratch);
            long receipt = scratch.struct(Native.RECEIPT_SIZE);
            int status = Native.fbat_append(handle.get(), given, receipt, scratch.err());
            check(status, scratch);
            return Receipt.at(receipt);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /**
     * Appends all of these events, or none.
     *
     * @throws FbatException as {@link #append(Event)}; {@link ErrorDetail#item} is the one at
     *     fault.
     */
    public List<Receipt> append(List<Event> events) {
        Event[] all = events.toArray(Event[]::new); // which does not grow, whoever adds to the list
        int count = all.length;
        try (Scratch scratch = Scratch.take()) {
            long rows = scratch.structs(Native.EVENT_SIZE, count);
            long receipts = scratch.structs(Native.RECEIPT_SIZE, count);
            long row = rows;
            for (Event each : all) {
                each.write(row, scratch);
                row += Native.EVENT_SIZE;
            }
            check(
                    Native.fbat_append_batch(handle.get(), rows, count, receipts, scratch.err()),
                    scratch);
            Receipt[] answers = new Receipt[count];
            for (int i = 0; i < count; i++) {
                answers[i] = Receipt.at(receipts + (long) i * Native.RECEIPT_SIZE);
            }
            return List.of(answers);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    // ---- reading ----

    /**
     * Reads one event by its id.
     *
     * @param columns what of it is read; without any, payload and extensions.
     * @return empty where there is no such event.
     */
    public Optional<EventRecord> get(Id id, Column... columns) {
        try (Scratch scratch = Scratch.take()) {
            long wanted = scratch.id(id);
            long page = scratch.place();
            int bits = Column.sum(columns);
            int status = Native.fbat_event_get(handle.get(), wanted, bits, page, scratch.err());
            return found(status, scratch)
                    ? Optional.of(Page.taken(Memory.getLong(page)).records().get(0))
                    : Optional.empty();
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /**
     * Reads the events that have a name as their origin: the first, and those with other content
     * that were kept beside it.
     *
     * @param sourceNamespace the name of the origin, as provenance or {@link #namespace} has it.
     * @param sourceEventId the id there.
     * @param columns what of each is read; without any, payload and extensions.
     * @return none where there is no such event.
     */
    public List<EventRecord> byOrigin(
            String sourceNamespace, Id sourceEventId, Column... columns) {
        try (Scratch scratch = Scratch.take()) {
            long name = scratch.str(sourceNamespace);
            long wanted = scratch.id(sourceEventId);
            long page = scratch.place();
            int bits = Column.sum(columns);
            int status = Native.fbat_event_by_origin(
                    handle.get(), Memory.str(name), wanted, bits, page, scratch.err());
            return found(status, scratch)
                    ? Page.taken(Memory.getLong(page)).records()
                    : List.of();
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** Reads one page. What was appended before the call is seen. */
    public Page page(Query query) {
        return page(query, to -> {});
    }

    private Page page(Query query, LongConsumer change) {
        try (Scratch scratch = Scratch.take()) {
            long asked = query.pointer(scratch);
            change.accept(asked);
            long page = scratch.place();
            int status = Native.fbat_store_query(handle.get(), asked, page, scratch.err());
            check(status, scratch);
            return Page.taken(Memory.getLong(page));
        } finally {
            Reference.reachabilityFence(query);
            Reference.reachabilityFence(this);
        }
    }

    /** Every event, oldest first: {@link #events(Query)}. */
    public Iterable<EventRecord> events() {
        return events(new Query());
    }

    /**
     * The events that a query asks for. They are read page by page, as they are asked for; nothing
     * has to be closed. What an iterator throws are {@link FbatException}s.
     */
    public Iterable<EventRecord> events(Query query) {
        return () -> new Rows(query);
    }

    /** The same as a stream. */
    public Stream<EventRecord> stream(Query query) {
        return StreamSupport.stream(events(query).spliterator(), false);
    }

    /** The same, each handed to a function, which may use the store. */
    public void forEach(Query query, Consumer<EventRecord> each) {
        events(query).forEach(each);
    }

    /** Makes a cursor, which can follow the log. */
    public Cursor cursor(Query query) {
        try (Scratch scratch = Scratch.take()) {
            long cursor = scratch.place();
            check(
                    Native.fbat_cursor_new(
                            handle.get(), query.pointer(scratch), cursor, scratch.err()),
                    scratch);
            return new Cursor(Memory.getLong(cursor), this, query, scratch.keepCallbacks());
        } finally {
            Reference.reachabilityFence(query);
            Reference.reachabilityFence(this);
        }
    }

    /** The rows of a query. */
    private final class Rows extends Parts<EventRecord> {
        private final Query query;
        private Page before;
        private long rows;

        Rows(Query query) {
            this.query = query;
        }

        @Override
        boolean read() {
            before = page(query, this::goOn);
            rows += before.records().size();
            found(before.records());
            return before.isEnd();
        }

        private void goOn(long asked) {
            if (before == null) {
                return;
            }
            boolean back =
                    (Memory.getInt(asked + Native.AT_QUERY_FLAGS) & Native.QUERY_BACKWARD) != 0;
            int bound = back ? Native.AT_QUERY_UNTIL : Native.AT_QUERY_AFTER;
            Memory.put(asked + bound, before.resume());
            long limit = Memory.getLong(asked + Native.AT_QUERY_LIMIT);
            if (limit != 0) { // which is that of a call
                Memory.put(asked + Native.AT_QUERY_LIMIT, limit - rows);
            }
        }
    }

    // ---- waiting ----

    /**
     * Waits for ever: {@link #await(long, WaitOptions)}.
     *
     * @throws InterruptedException the thread was interrupted, before or while it waited.
     */
    public Frontier await(long after) throws InterruptedException {
        return await(after, new WaitOptions());
    }

    /**
     * Waits until the frontier is above a sequence, and says where it is. Who reads up to a
     * sequence, and waits for what comes after it, misses nothing. A virtual thread leaves its
     * carrier to others meanwhile.
     *
     * @param after the last sequence that is known.
     * @throws InterruptedException the thread was interrupted, before or while it waited.
     * @throws FbatException.Timeout nothing came in time. {@link ErrorDetail#actual} is where the
     *     frontier was.
     * @throws FbatException.Cancelled the token of the options was triggered.
     * @throws FbatException.Closed the store is closed, or was by another thread meanwhile.
     */
    public Frontier await(long after, WaitOptions options) throws InterruptedException {
        try (Scratch scratch = Scratch.take()) {
            long frontier = scratch.struct(Native.FRONTIER_SIZE);
            int status = new Sleep().made(handle, options, scratch, (store, asked) ->
                    Native.fbat_store_wait(store, after, asked, frontier, scratch.err()));
            check(status, scratch);
            return Frontier.at(frontier);
        } finally {
            Reference.reachabilityFence(options);
            Reference.reachabilityFence(this);
        }
    }

    /** The events of a query, and then those that come: {@link #follow(Query, WaitOptions)}. */
    public Subscription follow(Query query) {
        return follow(query, new WaitOptions());
    }

    /**
     * The events of a query, and after them those that come, for ever: whichever process writes
     * them. {@code new Query().after(store.frontier().visible())} begins with what comes from now
     * on.
     *
     * @param options how to wait for the next one. With {@link WaitFlag#DURABLE} it has durable
     *     events only.
     */
    public Subscription follow(Query query, WaitOptions options) {
        return new Subscription(cursor(query), options);
    }

    /**
     * The same for subscribers of {@link Flow}. A virtual thread delivers to each of them: {@link
     * #publisher(Query, WaitOptions, Executor)}.
     */
    public Flow.Publisher<EventRecord> publisher(Query query) {
        return publisher(query, new WaitOptions(), Thread::startVirtualThread);
    }

    /**
     * The same for subscribers of {@link Flow}. Each gets all events of the query, as many as it
     * requests. It is told of the end that {@code until} or {@code limit} make; a token, a limit of
     * time, and a store that was closed are an {@link FbatException} for it.
     *
     * @param executor delivers to each subscriber in one task, which ends with the subscription.
     */
    public Flow.Publisher<EventRecord> publisher(
            Query query, WaitOptions options, Executor executor) {
        return new Publisher(this, query, options, executor);
    }

    // ---- counting and listing ----

    /** Counts the events of a query: from indexes, where they can tell. */
    public long count(Query query) {
        try (Scratch scratch = Scratch.take()) {
            long count = scratch.place();
            long asked = query.pointer(scratch);
            check(Native.fbat_store_count(handle.get(), asked, count, scratch.err()), scratch);
            return Memory.getLong(count);
        } finally {
            Reference.reachabilityFence(query);
            Reference.reachabilityFence(this);
        }
    }

    /** A call that lists entities or scopes. */
    @FunctionalInterface
    private interface Lister {
        int list(long store, long options, long out, long err);
    }

    /** Every entity in the order of their names, with how many events it has, and its ends. */
    public Iterable<Summary> entities() {
        return entities(new ListOptions());
    }

    /** The entities that options ask for, a page at a time; nothing has to be closed. */
    public Iterable<Summary> entities(ListOptions options) {
        return () -> new Listed(options, Native::fbat_store_entities);
    }

    /** One page of them. */
    public Summaries entityPage(ListOptions options) {
        return page(options, Native::fbat_store_entities, null);
    }

    /** Every scope in the order of their names. */
    public Iterable<Summary> scopes() {
        return scopes(new ListOptions());
    }

    /** The scopes that options ask for, a page at a time; nothing has to be closed. */
    public Iterable<Summary> scopes(ListOptions options) {
        return () -> new Listed(options, Native::fbat_store_scopes);
    }

    /** One page of them. */
    public Summaries scopePage(ListOptions options) {
        return page(options, Native::fbat_store_scopes, null);
    }

    private Summaries page(ListOptions options, Lister lister, String after) {
        try (Scratch scratch = Scratch.take()) {
            long asked = options.pointer(scratch);
            scratch.text(asked + Native.AT_LIST_OPTIONS_AFTER, after);
            long found = scratch.place();
            check(lister.list(handle.get(), asked, found, scratch.err()), scratch);
            return Summaries.taken(Memory.getLong(found));
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** What a list has. */
    private final class Listed extends Parts<Summary> {
        private final ListOptions options;
        private final Lister lister;
        private String last;

        Listed(ListOptions options, Lister lister) {
            this.options = options;
            this.lister = lister;
        }

        @Override
        boolean read() {
            Summaries page = page(options, lister, last);
            if (!page.rows().isEmpty()) {
                last = page.rows().getLast().name();
            }
            found(page.rows());
            return page.isEnd();
        }
    }

    // ---- sets ----

    /** What stands for all events: stores with equal sets have equal digests. */
    public SetDigest setDigest() {
        return setDigest(null);
    }

    /** What stands for the events of a region; null for all. */
    public SetDigest setDigest(Region region) {
        try (Scratch scratch = Scratch.take()) {
            long of = region == null ? 0 : region.pointer(scratch);
            long digest = scratch.struct(Native.SET_DIGEST_SIZE);
            check(Native.fbat_store_set_digest(handle.get(), of, digest, scratch.err()), scratch);
            return SetDigest.at(digest);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** The origins of events in the order of their namespaces, a page at a time. */
    public Origins originPage(OriginsOptions options) {
        try (Scratch scratch = Scratch.take()) {
            long asked = options.pointer(scratch);
            long found = scratch.place();
            check(Native.fbat_store_origins(handle.get(), asked, found, scratch.err()), scratch);
            return Origins.taken(Memory.getLong(found));
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** The events that only this store has, or only the other one, a page at a time. */
    public Differences diffPage(Store other, DiffOptions options) {
        try (Scratch scratch = Scratch.take()) {
            long asked = options.pointer(scratch);
            long found = scratch.place();
            long theirs = other.handle.get();
            int status =
                    Native.fbat_store_diff(handle.get(), theirs, asked, found, scratch.err());
            check(status, scratch);
            return Differences.taken(Memory.getLong(found));
        } finally {
            Reference.reachabilityFence(this);
            Reference.reachabilityFence(other);
        }
    }

    // ---- lineage ----

    /**
     * Names with two contents, a page at a time: one for each event that {@link OnConflict#KEEP}
     * has kept.
     *
     * @param after only rows after this one, by their sequence; 0: from the first.
     * @param pageRows at most so many rows: 1 to 65,536; 0: 1,000.
     */
    public Conflicts conflictPage(long after, long pageRows) {
        try (Scratch scratch = Scratch.take()) {
            long found = scratch.place();
            int status = Native.fbat_store_conflicts(
                    handle.get(), after, pageRows, found, scratch.err());
            check(status, scratch);
            return Conflicts.taken(Memory.getLong(found));
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** The stores that fed this one: one for each and each selection. */
    public List<Source> sources() {
        try (Scratch scratch = Scratch.take()) {
            long found = scratch.place();
            check(Native.fbat_store_sources(handle.get(), found, scratch.err()), scratch);
            long sources = Memory.getLong(found);
            try {
                List<Source> rows = new ArrayList<>();
                for (long i = 0; i < Native.fbat_sources_len(sources); i++) {
                    rows.add(Source.at(Native.fbat_sources_get(sources, i)));
                }
                return List.copyOf(rows);
            } finally {
                Native.fbat_sources_free(sources);
            }
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /**
     * What {@link #importFrom(Store, ImportOptions)} would bring, by the name of the origin, by
     * what the entity has before its first colon, and by kind. Nothing is appended; this store may
     * be open for reading.
     */
    public List<PlanRow> planImport(Store source, ImportOptions options) {
        try (Scratch scratch = Scratch.take()) {
            long asked = options.pointer(scratch);
            long namespace = asked + Native.AT_IMPORT_OPTIONS_SOURCE_NAMESPACE;
            if (Memory.getLong(namespace) == 0) {
                scratch.text(namespace, source.namespace());
            }
            long found = scratch.place();
            int status = Native.fbat_import_plan(
                    handle.get(), source.handle.get(), asked, found, scratch.err());
            check(status, scratch);
            long plan = Memory.getLong(found);
            try {
                List<PlanRow> rows = new ArrayList<>();
                for (long i = 0; i < Native.fbat_plan_len(plan); i++) {
                    rows.add(PlanRow.at(Native.fbat_plan_get(plan, i)));
                }
                return List.copyOf(rows);
            } finally {
                Native.fbat_plan_free(plan);
            }
        } finally {
            Reference.reachabilityFence(options);
            Reference.reachabilityFence(source);
            Reference.reachabilityFence(this);
        }
    }

    // ---- importing ----

    /** Copies all events of another store into this one, which knows it by its namespace. */
    public ImportReport importFrom(Store source) {
        return importFrom(source, new ImportOptions());
    }

    /**
     * Copies all events of another store into this one, exactly once.
     *
     * @param options without a namespace, the source is known by its {@link #namespace}.
     * @throws FbatException also with the report of what was committed.
     */
    public ImportReport importFrom(Store source, ImportOptions options) {
        return importFrom(source, options, (Filter<RuntimeException>) null);
    }

    /**
     * The same for those events that a filter keeps.
     *
     * @throws X what the filter threw, as it is; the exception of the library, with the report of
     *     what was committed, is among its suppressed ones.
     */
    public <X extends Exception> ImportReport importFrom(
            Store source, ImportOptions options, Filter<X> filter) throws X {
        try (Scratch scratch = Scratch.take()) {
            long asked = options.pointer(scratch);
            long namespace = asked + Native.AT_IMPORT_OPTIONS_SOURCE_NAMESPACE;
            if (Memory.getLong(namespace) == 0) {
                scratch.text(namespace, source.namespace());
            }
            scratch.callback(
                    asked + Native.AT_IMPORT_OPTIONS_FILTER, Callbacks.FILTER, filter);
            long report = scratch.struct(Native.IMPORT_REPORT_SIZE);
            int status = Native.fbat_import(
                    handle.get(), source.handle.get(), asked, report, scratch.err());
            ImportReport found = ImportReport.at(report);
            if (status != Native.OK) {
                boolean late = status == Native.ERR_INVALID_HANDLE
                        && (handle.isClosed() || source.handle.isClosed());
                FbatException failure = FbatException.from(status, scratch, found);
                failure = late ? FbatException.closed("store") : failure;
                throw Callbacks.<X>unwrapped(scratch.thrown(), failure);
            }
            return found;
        } finally {
            Reference.reachabilityFence(options);
            Reference.reachabilityFence(source);
            Reference.reachabilityFence(this);
        }
    }

    // ---- verification, copies, repair ----

    /** Verifies everything: {@link #verify(VerifyOptions)}. */
    public Verification verify() {
        return verify(new VerifyOptions());
    }

    /** Walks the store and checks every checksum, hash, chain and index. Damage is a finding. */
    public Verification verify(VerifyOptions options) {
        try (Scratch scratch = Scratch.take()) {
            long report = scratch.struct(Native.VERIFY_REPORT_SIZE);
            long findings = scratch.place();
            check(
                    Native.fbat_store_verify(
                            handle.get(),
                            options.pointer(scratch),
                            report,
                            findings,
                            scratch.err()),
                    scratch);
            return new Verification(VerifyReport.at(report), taken(Memory.getLong(findings)));
        } finally {
            Reference.reachabilityFence(options);
            Reference.reachabilityFence(this);
        }
    }

    /** Copies a list of the library's, and frees it. */
    private static List<Finding> taken(long findings) {
        try {
            List<Finding> found = new ArrayList<>();
            for (long i = 0; i < Native.fbat_findings_len(findings); i++) {
                found.add(Finding.at(Native.fbat_findings_get(findings, i)));
            }
            return List.copyOf(found);
        } finally {
            Native.fbat_findings_free(findings);
        }
    }

    /** Copies the store into an empty directory: {@link #backup(Path, BackupOptions)}. */
    public BackupReport backup(Path destination) {
        return backup(destination, new BackupOptions());
    }

    /**
     * Copies the store into an empty directory, or a new one, while others write. The copy has the
     * same id: who goes on appending to both calls {@link #newIdentity}.
     */
    public BackupReport backup(Path destination, BackupOptions options) {
        try (Scratch scratch = Scratch.take()) {
            long report = scratch.struct(Native.BACKUP_REPORT_SIZE);
            check(
                    Native.fbat_store_backup(
                            handle.get(),
                            Paths.terminated(destination, scratch),
                            options.pointer(scratch),
                            report,
                            scratch.err()),
                    scratch);
            return BackupReport.at(report);
        } finally {
            Reference.reachabilityFence(options);
            Reference.reachabilityFence(this);
        }
    }

    /** Compresses all that can be: {@link #compress(CompressOptions)}. */
    public CompressReport compress() {
        return compress(new CompressOptions());
    }

    /**
     * Compresses files of the log that are full, oldest first: read, proven, imported and copied as
     * before. Others may use the store meanwhile.
     */
    public CompressReport compress(CompressOptions options) {
        try (Scratch scratch = Scratch.take()) {
            long report = scratch.struct(Native.COMPRESS_REPORT_SIZE);
            check(
                    Native.fbat_store_compress(
                            handle.get(), options.pointer(scratch), report, scratch.err()),
                    scratch);
            return CompressReport.at(report);
        } finally {
            Reference.reachabilityFence(options);
            Reference.reachabilityFence(this);
        }
    }

    /** Gives the store in a directory that was copied a new id of its own, and says which. */
    public static Id newIdentity(Path path) {
        try (Scratch scratch = Scratch.take()) {
            long id = scratch.room(Native.ID_SIZE);
            int status = Native.fbat_new_identity(
                    Paths.terminated(path, scratch), id, scratch.err());
            FbatException.check(status, scratch);
            return Id.at(id);
        }
    }

    /** Repairs a damaged store: {@link #repair(Path, Path, RepairOptions)}. */
    public static Repair repair(Path damaged, Path made) {
        return repair(damaged, made, new RepairOptions());
    }

    /**
     * Puts every event of a damaged store that proves itself into a new store beside it. No file of
     * the damaged one is changed.
     *
     * @param made a directory that does not exist, or is empty.
     */
    public static Repair repair(Path damaged, Path made, RepairOptions options) {
        try (Scratch scratch = Scratch.take()) {
            long report = scratch.struct(Native.REPAIR_REPORT_SIZE);
            long findings = scratch.place();
            FbatException.check(
                    Native.fbat_repair(
                            Paths.terminated(damaged, scratch),
                            Paths.terminated(made, scratch),
                            options.pointer(scratch),
                            report,
                            findings,
                            scratch.err()),
                    scratch);
            return new Repair(RepairReport.at(report), taken(Memory.getLong(findings)));
        } finally {
            Reference.reachabilityFence(options);
        }
    }
}
