package fbat;

import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.ptr.PointerByReference;
import java.lang.ref.Reference;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** An open store. Any number of threads may use it at once, and any may close it. */
public final class Store implements AutoCloseable {
    private static final Native LIBRARY = Native.LIBRARY;
    private static final int STOPPED = -1;

    private final Handle handle;

    private Store(Pointer store) {
        handle = new Handle(this, "store", store, LIBRARY::fbat_store_free);
    }

    /** Opens the store in a directory, or makes a new one. */
    public static Store open(Path path) {
        return open(path, new OpenOptions());
    }

    /**
     * Opens the store in a directory.
     *
     * @throws FbatException it does not exist, is open for writing elsewhere, is damaged …
     */
    public static Store open(Path path, OpenOptions options) {
        PointerByReference store = new PointerByReference();
        PointerByReference err = new PointerByReference();
        byte[] name = Arena.utf8(path.toString());
        byte[] terminated = Arrays.copyOf(name, name.length + 1);
        try (Arena arena = new Arena()) {
            int status = LIBRARY.fbat_store_open(terminated, options.pointer(arena), store, err);
            FbatException.check(status, err);
        }
        return new Store(store.getValue());
    }

    /**
     * Makes everything durable and ends all use of the store: later calls throw a
     * {@link FbatException} of the category CLOSED. Closing it again does nothing. From within a
     * filter of an import that uses it: category BUSY, and it stays open.
     */
    @Override
    public void close() {
        if (handle.isClosed()) {
            return;
        }
        PointerByReference err = new PointerByReference();
        int status = LIBRARY.fbat_store_close(handle.get(), err);
        if (status != Native.ERR_BUSY) {
            handle.free();
        }
        FbatException.check(status, err);
    }

    /** Appends all of these events, or none; {@link ErrorDetail#item} is the one at fault. */
    public List<Receipt> append(List<Event> events) {
        if (events.isEmpty()) {
            return List.of();
        }
        Native.Event[] rows = (Native.Event[]) new Native.Event().toArray(events.size());
        Native.Receipt[] receipts = (Native.Receipt[]) new Native.Receipt().toArray(rows.length);
        PointerByReference err = new PointerByReference();
        try (Arena arena = new Arena()) {
            for (int i = 0; i < rows.length; i++) {
                rows[i].structSize = rows[i].size();
                events.get(i).write(rows[i], arena);
                rows[i].write();
                receipts[i].structSize = receipts[i].size();
                receipts[i].write();
            }
            Pointer first = rows[0].getPointer();
            Pointer answers = receipts[0].getPointer();
            int status = LIBRARY.fbat_append_batch(handle.get(), first, rows.length, answers, err);
            FbatException.check(status, err);
        } finally {
            Reference.reachabilityFence(rows);
            Reference.reachabilityFence(this);
        }
        return Arrays.stream(receipts).peek(Structure::read).map(Receipt::of).toList();
    }

    /** Reads one event by its id. */
    public Optional<EventRecord> get(Id id) {
        EventRecord[] found = new EventRecord[1];
        takePage(page(id), row -> found[0] = EventRecord.of(new Native.Record(row)));
        return Optional.ofNullable(found[0]);
    }

    /** Where an event came from; empty where it was not imported, or does not exist. */
    public Optional<Provenance> provenance(Id id) {
        Native.Provenance found = new Native.Provenance();
        Provenance[] copy = new Provenance[1];
        takePage(page(id), row -> {
            found.write();
            if (LIBRARY.fbat_record_provenance(row, found.getPointer()) != 0) {
                found.read();
                copy[0] = Provenance.of(found);
            }
        });
        return Optional.ofNullable(copy[0]);
    }

    /** A page of one row, or null where there is no such event. */
    private Pointer page(Id id) {
        PointerByReference page = new PointerByReference();
        PointerByReference err = new PointerByReference();
        int status = LIBRARY.fbat_event_get(handle.get(), Id.bytesOf(id), 0, page, err);
        if (status == Native.ERR_NOT_FOUND) {
            LIBRARY.fbat_error_free(err.getValue());
            return null;
        }
        FbatException.check(status, err);
        return page.getValue();
    }

    /**
     * Reads every event that a query asks for, page by page.
     *
     * @param each may use the store.
     */
    public void forEach(Query query, Consumer<EventRecord> each) {
        PointerByReference cursor = new PointerByReference();
        PointerByReference err = new PointerByReference();
        try (Arena arena = new Arena()) {
            Pointer asked = query.pointer(arena);
            FbatException.check(LIBRARY.fbat_cursor_new(handle.get(), asked, cursor, err), err);
        }
        try {
            for (Pointer page = next(cursor); page != null; page = next(cursor)) {
                takePage(page, row -> each.accept(EventRecord.of(new Native.Record(row))));
            }
        } finally {
            LIBRARY.fbat_cursor_free(cursor.getValue());
            Reference.reachabilityFence(this);
        }
    }

    private static Pointer next(PointerByReference cursor) {
        PointerByReference page = new PointerByReference();
        PointerByReference err = new PointerByReference();
        FbatException.check(LIBRARY.fbat_cursor_next(cursor.getValue(), page, err), err);
        return page.getValue();
    }

    /** Hands out the rows of a page, and frees it. Null is an empty one. */
    private static void takePage(Pointer page, Consumer<Pointer> each) {
        try {
            for (long i = 0; i < LIBRARY.fbat_page_len(page); i++) {
                each.accept(LIBRARY.fbat_page_row(page, i));
            }
        } finally {
            LIBRARY.fbat_page_free(page);
        }
    }

    /** Copies all events of another store into this one, exactly once. */
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
        Throwable[] thrown = new Throwable[1];
        Native.ImportOptions made = new Native.ImportOptions();
        Native.ImportReport report = new Native.ImportReport();
        PointerByReference err = new PointerByReference();
        try (Arena arena = new Arena()) {
            options.write(made, arena);
            made.filter = filter == null ? null : (data, record) -> ask(filter, record, thrown);
            made.write();
            report.write();
            int status = LIBRARY.fbat_import(
                    handle.get(), source.handle.get(), made.getPointer(), report.getPointer(), err);
            report.read();
            if (status == Native.OK) {
                return ImportReport.of(report);
            }
            FbatException failure = FbatException.from(status, err, ImportReport.of(report));
            if (thrown[0] != null) {
                throw Store.<X>thrownBy(thrown[0], failure);
            }
            throw failure;
        } finally {
            Reference.reachabilityFence(made);
            Reference.reachabilityFence(options);
            Reference.reachabilityFence(source);
            Reference.reachabilityFence(this);
        }
    }

    /** A callback must not throw through the library: it answers that the import is to stop. */
    private static int ask(Filter<?> filter, Pointer record, Throwable[] thrown) {
        try {
            return filter.keep(EventRecord.of(new Native.Record(record))) ? 1 : 0;
        } catch (Throwable t) {
            thrown[0] = t;
            return STOPPED;
        }
    }

    /** A filter throws X and what need not be declared. */
    @SuppressWarnings("unchecked")
    private static <X extends Exception> X thrownBy(Throwable thrown, FbatException failure) {
        thrown.addSuppressed(failure);
        if (thrown instanceof Error error) {
            throw error;
        }
        return (X) thrown;
    }
}
