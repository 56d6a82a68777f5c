package fbat;

import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.lang.ref.Reference;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** An open store. Any number of threads may use it at once, and any may close it. */
public final class Store implements AutoCloseable {
    /** Which stores {@link #open} accepts. */
    public enum Mode {
        CREATE_IF_MISSING, MUST_EXIST, MUST_BE_NEW, READ_ONLY
    }

    /** When an append returns: when its events are on the disk, or when the operating system has them. */
    public enum Durability {
        DURABLE, OS
    }

    private static final Native LIBRARY = Native.LIBRARY;
    private static final int COLUMNS = 3; // payload and extensions
    private static final int STOPPED = -1;

    private final Handle handle;

    private Store(Pointer store) {
        handle = new Handle(this, "store", store, LIBRARY::fbat_store_free);
    }

    /** Opens the store in a directory, or makes a new one. */
    public static Store open(Path path) {
        return open(path, Mode.CREATE_IF_MISSING, Durability.DURABLE, "");
    }

    /**
     * @param label for people; a new store keeps it.
     * @throws FbatException it is not there, is open for writing elsewhere, is damaged …
     */
    public static Store open(Path path, Mode mode, Durability durability, String label) {
        Pointer options = LIBRARY.fbat_open_options_new();
        try {
            byte[] text = label.getBytes(StandardCharsets.UTF_8);
            FbatException.check(LIBRARY.fbat_open_options_set_mode(options, mode.ordinal()));
            FbatException.check(LIBRARY.fbat_open_options_set_durability(options, durability.ordinal()));
            FbatException.check(LIBRARY.fbat_open_options_set_label(options, text, text.length));
            PointerByReference store = new PointerByReference();
            PointerByReference err = new PointerByReference();
            FbatException.check(LIBRARY.fbat_store_open(terminated(path), options, store, err), err);
            return new Store(store.getValue());
        } finally {
            LIBRARY.fbat_open_options_free(options);
        }
    }

    private static byte[] terminated(Path path) {
        byte[] bytes = path.toString().getBytes(StandardCharsets.UTF_8);
        return Arrays.copyOf(bytes, bytes.length + 1);
    }

    /**
     * Makes everything durable and ends all use of the store: later calls throw a {@link FbatException} of the category
     * CLOSED. Closing it again does nothing. From within a filter of an import that uses it: category BUSY, and it stays
     * open.
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

    /** Appends all of these events, or none of them; {@link FbatException#item} names the one at fault. */
    public List<Receipt> append(List<Event> events) {
        if (events.isEmpty()) {
            return List.of();
        }
        Native.EventStruct[] rows = (Native.EventStruct[]) new Native.EventStruct().toArray(events.size());
        Native.ReceiptStruct[] receipts = (Native.ReceiptStruct[]) new Native.ReceiptStruct().toArray(events.size());
        for (int i = 0; i < rows.length; i++) {
            events.get(i).write(rows[i]);
            receipts[i].structSize = receipts[i].size();
            receipts[i].write();
        }
        PointerByReference err = new PointerByReference();
        try {
            int status = LIBRARY.fbat_append_batch(
                    handle.get(), rows[0].getPointer(), rows.length, receipts[0].getPointer(), err);
            FbatException.check(status, err);
        } finally {
            Reference.reachabilityFence(rows);
            Reference.reachabilityFence(this);
        }
        return Arrays.stream(receipts).map(Store::read).toList();
    }

    private static Receipt read(Native.ReceiptStruct receipt) {
        receipt.read();
        return Receipt.of(receipt);
    }

    /** Reads one event by its id. */
    public Optional<EventRecord> get(Id id) {
        PointerByReference page = new PointerByReference();
        PointerByReference err = new PointerByReference();
        int status = LIBRARY.fbat_event_get(handle.get(), id.bytes(), COLUMNS, page, err);
        if (status == Native.ERR_NOT_FOUND) {
            LIBRARY.fbat_error_free(err.getValue());
            return Optional.empty();
        }
        FbatException.check(status, err);
        EventRecord[] found = new EventRecord[1];
        takePage(page.getValue(), record -> found[0] = record);
        return Optional.of(found[0]);
    }

    /**
     * Reads every event of an entity and of what lies below it, oldest first, page by page.
     *
     * @param entity the entity; empty for all.
     * @param each may use the store.
     */
    public void forEach(String entity, Consumer<EventRecord> each) {
        Pointer cursor = cursor(entity);
        try {
            for (Pointer page = next(cursor); page != null; page = next(cursor)) {
                takePage(page, each);
            }
        } finally {
            LIBRARY.fbat_cursor_free(cursor);
            Reference.reachabilityFence(this);
        }
    }

    private Pointer cursor(String entity) {
        Pointer query = LIBRARY.fbat_query_new();
        try {
            byte[] name = entity.getBytes(StandardCharsets.UTF_8);
            FbatException.check(LIBRARY.fbat_query_set_entity(query, name, name.length));
            PointerByReference cursor = new PointerByReference();
            PointerByReference err = new PointerByReference();
            FbatException.check(LIBRARY.fbat_cursor_new(handle.get(), query, cursor, err), err);
            return cursor.getValue();
        } finally {
            LIBRARY.fbat_query_free(query);
        }
    }

    private static Pointer next(Pointer cursor) {
        PointerByReference page = new PointerByReference();
        PointerByReference err = new PointerByReference();
        FbatException.check(LIBRARY.fbat_cursor_next(cursor, page, err), err);
        return page.getValue();
    }

    /** Hands out copies of the rows, and frees the page. */
    private static void takePage(Pointer page, Consumer<EventRecord> each) {
        try {
            Pointer row = LIBRARY.fbat_page_rows(page);
            for (long left = LIBRARY.fbat_page_len(page); left > 0; left--) {
                Native.RecordStruct record = new Native.RecordStruct(row);
                each.accept(EventRecord.of(record));
                row = row.share(record.structSize);
            }
        } finally {
            LIBRARY.fbat_page_free(page);
        }
    }

    /** Where an event came from; empty where it was not imported. */
    public Optional<Provenance> provenance(Id id) {
        PointerByReference provenance = new PointerByReference();
        PointerByReference err = new PointerByReference();
        FbatException.check(LIBRARY.fbat_event_provenance(handle.get(), id.bytes(), provenance, err), err);
        return Optional.ofNullable(provenance.getValue()).map(Provenance::take);
    }

    /** Copies all events of another store into this one, exactly once. */
    public ImportReport importFrom(Store source, ImportOptions options) {
        return importFrom(source, options, (Filter<RuntimeException>) null);
    }

    /**
     * The same for those events that a filter keeps.
     *
     * @throws X what the filter threw, as it is; the exception of the library that tells how far the import came is
     *     among its suppressed ones.
     */
    public <X extends Exception> ImportReport importFrom(Store source, ImportOptions options, Filter<X> filter)
            throws X {
        Throwable[] thrown = new Throwable[1];
        Native.FilterFunction function = filter == null ? null : (userData, record) -> ask(filter, record, thrown);
        Pointer made = options.make(function);
        Native.ImportReportStruct report = new Native.ImportReportStruct();
        PointerByReference err = new PointerByReference();
        try {
            int status = LIBRARY.fbat_import(handle.get(), source.handle.get(), made, report, err);
            if (status != Native.OK) {
                FbatException failure = FbatException.from(status, err, ImportReport.of(report));
                if (thrown[0] != null) {
                    throw Store.<X>thrownBy(thrown[0], failure);
                }
                throw failure;
            }
            return ImportReport.of(report);
        } finally {
            LIBRARY.fbat_import_options_free(made);
            Reference.reachabilityFence(function);
            Reference.reachabilityFence(source);
            Reference.reachabilityFence(this);
        }
    }

    /** A callback must not throw through the library: it answers that the import is to stop. */
    private static int ask(Filter<?> filter, Pointer record, Throwable[] thrown) {
        try {
            return filter.keep(EventRecord.of(new Native.RecordStruct(record))) ? 1 : 0;
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
