package fbat;

import com.sun.jna.Callback;
import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.Structure.FieldOrder;
import com.sun.jna.ptr.PointerByReference;
import java.nio.charset.StandardCharsets;

/**
 * The part of {@code fbat.h} that this example uses, as JNA sees it. {@code size_t} is a {@code long}: the library is
 * for 64-bit machines. Objects of the library are numbers in pointers, which are never followed.
 */
interface Native extends Library {
    int ABI_VERSION = 1;
    int OK = 0;
    int ERR_INVALID_ARGUMENT = 100;
    int ERR_NOT_FOUND = 200;
    int ERR_BUSY = 400;
    int ERR_CLOSED = 500;
    int ERR_CANCELLED = 900;
    int EVENT_HAS_TIMESTAMP = 1;
    int RECORD_IMPORTED = 1;

    /** The library: the file that the property {@code fbat.library} or FBAT_LIBRARY names, else the loader's. */
    Native LIBRARY = load();

    private static Native load() {
        String named = System.getProperty("fbat.library", System.getenv("FBAT_LIBRARY"));
        String file = named == null || named.isEmpty() ? "libfbat.so.0.1" : named;
        Native library = com.sun.jna.Native.load(file, Native.class);
        int found = library.fbat_abi_version();
        if (found != ABI_VERSION) {
            throw new UnsatisfiedLinkError(file + " has version " + found + " of the binary interface, not " + ABI_VERSION);
        }
        Layouts.check(library);
        return library;
    }

    String fbat_status_name(int status);

    String fbat_status_message(int status);

    int fbat_status_category(int status);

    String fbat_version_string();

    int fbat_abi_version();

    long fbat_live_handles();

    Str.ByValue fbat_error_message(Pointer err);

    int fbat_error_os_error(Pointer err);

    long fbat_error_found(Pointer err);

    long fbat_error_supported(Pointer err);

    long fbat_error_item(Pointer err);

    Str.ByValue fbat_error_path(Pointer err);

    long fbat_error_offset(Pointer err);

    long fbat_error_sequence(Pointer err);

    IdBytes.ByValue fbat_error_event_id(Pointer err);

    void fbat_error_free(Pointer err);

    Pointer fbat_buffer_data(Pointer buffer);

    long fbat_buffer_len(Pointer buffer);

    void fbat_buffer_free(Pointer buffer);

    int fbat_operation_key(byte[] domain, long domainLen, Pointer parts, long count, byte[] outKey);

    Pointer fbat_open_options_new();

    void fbat_open_options_free(Pointer options);

    int fbat_open_options_set_mode(Pointer options, int mode);

    int fbat_open_options_set_durability(Pointer options, int durability);

    int fbat_open_options_set_label(Pointer options, byte[] label, long labelLen);

    int fbat_store_open(byte[] path, Pointer options, PointerByReference outStore, PointerByReference err);

    int fbat_store_close(Pointer store, PointerByReference err);

    void fbat_store_free(Pointer store);

    void fbat_event_init(Pointer outValue);

    void fbat_receipt_init(Pointer outValue);

    int fbat_append_batch(Pointer store, Pointer events, long count, Pointer outReceipts, PointerByReference err);

    int fbat_event_get(Pointer store, byte[] eventId, int columns, PointerByReference outPage, PointerByReference err);

    long fbat_page_len(Pointer page);

    Pointer fbat_page_rows(Pointer page);

    void fbat_page_free(Pointer page);

    Pointer fbat_query_new();

    void fbat_query_free(Pointer query);

    int fbat_query_set_entity(Pointer query, byte[] entity, long entityLen);

    int fbat_query_set_limit(Pointer query, long rows);

    int fbat_cursor_new(Pointer store, Pointer query, PointerByReference outCursor, PointerByReference err);

    int fbat_cursor_next(Pointer cursor, PointerByReference outPage, PointerByReference err);

    void fbat_cursor_free(Pointer cursor);

    void fbat_provenance_free(Pointer provenance);

    Str.ByValue fbat_provenance_get_namespace(Pointer provenance);

    IdBytes.ByValue fbat_provenance_get_event_id(Pointer provenance);

    long fbat_provenance_get_sequence(Pointer provenance);

    short fbat_provenance_get_kind(Pointer provenance);

    HashBytes.ByValue fbat_provenance_get_content_hash(Pointer provenance);

    int fbat_event_provenance(Pointer store, byte[] eventId, PointerByReference out, PointerByReference err);

    int fbat_provenance_decode(byte[] frame, long frameLen, int flags, PointerByReference out, PointerByReference err);

    int fbat_provenance_encode(Pointer provenance, PointerByReference outFrame, PointerByReference err);

    Pointer fbat_cancel_new();

    int fbat_cancel_trigger(Pointer cancel);

    void fbat_cancel_free(Pointer cancel);

    Pointer fbat_import_options_new();

    void fbat_import_options_free(Pointer options);

    int fbat_import_options_set_namespace(Pointer options, byte[] name, long nameLen);

    int fbat_import_options_set_chunk_size(Pointer options, int events);

    int fbat_import_options_set_filter_columns(Pointer options, int columns);

    int fbat_import_options_set_filter(Pointer options, FilterFunction filter, Pointer userData, Pointer destroy);

    int fbat_import_options_set_cancel(Pointer options, Pointer cancel);

    void fbat_import_report_init(Pointer outValue);

    int fbat_import(Pointer destination, Pointer source, Pointer options, ImportReportStruct report, PointerByReference err);

    /** {@code fbat_filter_fn}. */
    interface FilterFunction extends Callback {
        int invoke(Pointer userData, Pointer record);
    }

    /** Text or bytes with a length. */
    @FieldOrder({"data", "len"})
    class Str extends Structure {
        public Pointer data;
        public long len;

        byte[] bytes() {
            return data == null ? new byte[0] : data.getByteArray(0, Math.toIntExact(len));
        }

        String text() {
            return new String(bytes(), StandardCharsets.UTF_8);
        }

        /** Points it to a copy, which lives as long as this does. */
        void set(byte[] bytes) {
            len = bytes.length;
            if (len > 0) {
                Memory copy = new Memory(len);
                copy.write(0, bytes, 0, bytes.length);
                data = copy;
            }
        }

        public static final class ByValue extends Str implements Structure.ByValue {}
    }

    @FieldOrder("bytes")
    class IdBytes extends Structure {
        public byte[] bytes = new byte[Id.BYTES];

        public static final class ByValue extends IdBytes implements Structure.ByValue {}
    }

    @FieldOrder("bytes")
    class HashBytes extends Structure {
        public byte[] bytes = new byte[Hash.BYTES];

        public static final class ByValue extends HashBytes implements Structure.ByValue {}
    }

    @FieldOrder({"key", "value"})
    final class ExtensionStruct extends Structure {
        public Str key;
        public Str value;

        ExtensionStruct() {}

        ExtensionStruct(Pointer memory) {
            super(memory);
        }
    }

    @FieldOrder({
        "structSize", "entity", "scope", "kind", "payloadVersion", "options", "payload", "key", "expect", "flags",
        "expectedVersion", "timestampUs", "correlation", "causation", "causationItem", "extensions", "extensionCount"
    })
    final class EventStruct extends Structure {
        public long structSize;
        public Str entity;
        public Str scope;
        public short kind;
        public short payloadVersion;
        public int options;
        public Str payload;
        public byte[] key = new byte[Id.BYTES];
        public int expect;
        public int flags;
        public long expectedVersion;
        public long timestampUs;
        public byte[] correlation = new byte[Id.BYTES];
        public byte[] causation = new byte[Id.BYTES];
        public long causationItem;
        public Pointer extensions;
        public long extensionCount;

        /** Kept from being collected while the library reads what they point to. */
        ExtensionStruct[] owned;
    }

    @FieldOrder({
        "structSize", "id", "sequence", "version", "timestampUs", "recordedUs", "contentHash", "eventHash",
        "previousHash", "flags", "reserved"
    })
    final class ReceiptStruct extends Structure {
        public long structSize;
        public byte[] id = new byte[Id.BYTES];
        public long sequence;
        public long version;
        public long timestampUs;
        public long recordedUs;
        public byte[] contentHash = new byte[Hash.BYTES];
        public byte[] eventHash = new byte[Hash.BYTES];
        public byte[] previousHash = new byte[Hash.BYTES];
        public int flags;
        public int reserved;
    }

    @FieldOrder({
        "structSize", "id", "sequence", "entity", "scope", "kind", "payloadVersion", "flags", "recordFlags",
        "reserved", "version", "timestampUs", "recordedUs", "correlation", "causation", "payload", "payloadSize",
        "extensions", "extensionCount", "contentHash", "eventHash", "previousHash", "sourceNamespace",
        "sourceEventId", "sourceSequence", "rawProvenance"
    })
    final class RecordStruct extends Structure {
        public long structSize;
        public byte[] id = new byte[Id.BYTES];
        public long sequence;
        public Str entity;
        public Str scope;
        public short kind;
        public short payloadVersion;
        public int flags;
        public int recordFlags;
        public int reserved;
        public long version;
        public long timestampUs;
        public long recordedUs;
        public byte[] correlation = new byte[Id.BYTES];
        public byte[] causation = new byte[Id.BYTES];
        public Str payload;
        public long payloadSize;
        public Pointer extensions;
        public long extensionCount;
        public byte[] contentHash = new byte[Hash.BYTES];
        public byte[] eventHash = new byte[Hash.BYTES];
        public byte[] previousHash = new byte[Hash.BYTES];
        public Str sourceNamespace;
        public byte[] sourceEventId = new byte[Id.BYTES];
        public long sourceSequence;
        public Str rawProvenance;

        RecordStruct(Pointer memory) {
            super(memory);
            read();
        }
    }

    @FieldOrder({
        "structSize", "imported", "deduplicated", "skippedReserved", "skippedFiltered", "skippedReimported",
        "conflicts", "overtaken", "sourceHighWatermark", "sourceCeiling", "destinationVisible", "destinationDurable"
    })
    final class ImportReportStruct extends Structure {
        public long structSize = size();
        public long imported;
        public long deduplicated;
        public long skippedReserved;
        public long skippedFiltered;
        public long skippedReimported;
        public long conflicts;
        public long overtaken;
        public long sourceHighWatermark;
        public long sourceCeiling;
        public long destinationVisible;
        public long destinationDurable;
    }
}
