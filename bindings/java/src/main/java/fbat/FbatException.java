package fbat;

import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.util.Optional;
import java.util.OptionalLong;

/** A call of the library that failed. Numbers that do not apply are 0, or empty where 0 means something. */
public final class FbatException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** What a failure is about, in the order of the header's numbers. */
    public enum Category {
        NONE, INVALID, NOT_FOUND, CONFLICT, BUSY, CLOSED, IO, CORRUPT, UNSUPPORTED, CANCELLED, INTERNAL;

        static Category of(int status) {
            int number = Native.LIBRARY.fbat_status_category(status);
            return number < values().length ? values()[number] : INTERNAL;
        }
    }

    /** What the library tells beside the status. Without one: {@link #NONE}. */
    record Detail(
            int osError, long found, long supported, long item, String path, long offset, long sequence, Id eventId) {
        static final Detail NONE = new Detail(0, 0, 0, -1, null, -1, 0, null);

        static Detail of(Pointer err) {
            Native library = Native.LIBRARY;
            Native.Str path = library.fbat_error_path(err);
            return new Detail(
                    library.fbat_error_os_error(err),
                    library.fbat_error_found(err),
                    library.fbat_error_supported(err),
                    library.fbat_error_item(err),
                    path.data == null ? null : path.text(),
                    library.fbat_error_offset(err),
                    library.fbat_error_sequence(err),
                    Id.orNull(library.fbat_error_event_id(err).bytes));
        }
    }

    private final int status;
    private final transient Detail detail;
    private final transient ImportReport report;

    FbatException(int status, String message, Detail detail, ImportReport report) {
        super(message);
        this.status = status;
        this.detail = detail;
        this.report = report;
    }

    static void check(int status) {
        if (status != Native.OK) {
            throw new FbatException(status, Native.LIBRARY.fbat_status_message(status), Detail.NONE, null);
        }
    }

    static void check(int status, PointerByReference err) {
        if (status != Native.OK) {
            throw from(status, err, null);
        }
    }

    /** Takes an error over from the library, and frees it. */
    static FbatException from(int status, PointerByReference err, ImportReport report) {
        Pointer error = err.getValue();
        if (error == null) {
            return new FbatException(status, Native.LIBRARY.fbat_status_message(status), Detail.NONE, report);
        }
        try {
            String message = Native.LIBRARY.fbat_error_message(error).text();
            return new FbatException(status, message, Detail.of(error), report);
        } finally {
            Native.LIBRARY.fbat_error_free(error);
        }
    }

    static FbatException closed(String what) {
        return new FbatException(Native.ERR_CLOSED, "the " + what + " was closed", Detail.NONE, null);
    }

    /** The number of the status; negative where a callback stopped the call. */
    public int status() {
        return status;
    }

    /** Its name, for example {@code FBAT_ERR_NOT_FOUND}. */
    public String code() {
        return Native.LIBRARY.fbat_status_name(status);
    }

    public Category category() {
        return Category.of(status);
    }

    /** The operating system's error number; 0 where it did not fail. */
    public int osError() {
        return detail().osError;
    }

    /** The version, size or count that was found. */
    public long found() {
        return detail().found;
    }

    /** The version, size or count that is supported, allowed or expected. */
    public long supported() {
        return detail().supported;
    }

    /** Which item of a batch was at fault, counted from 0. */
    public OptionalLong item() {
        return detail().item < 0 ? OptionalLong.empty() : OptionalLong.of(detail().item);
    }

    /** The file or directory concerned. */
    public Optional<String> path() {
        return Optional.ofNullable(detail().path);
    }

    /** Where in that file, in bytes. */
    public OptionalLong offset() {
        return detail().offset < 0 ? OptionalLong.empty() : OptionalLong.of(detail().offset);
    }

    /** The global sequence of the event concerned; 0 for none. */
    public long sequence() {
        return detail().sequence;
    }

    /** The id of the event concerned. */
    public Optional<Id> eventId() {
        return Optional.ofNullable(detail().eventId);
    }

    /** Of an import: what was committed until it ended. */
    public Optional<ImportReport> report() {
        return Optional.ofNullable(report);
    }

    private Detail detail() {
        return detail == null ? Detail.NONE : detail; // null after it was serialized
    }
}
