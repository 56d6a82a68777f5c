package fbat;

import java.util.Optional;

/** A call of the library that failed. */
public final class FbatException extends RuntimeException {
    private static final long serialVersionUID = 2L;

    private final int status;
    private final transient ErrorDetail detail;
    private final transient ImportReport report;

    FbatException(int status, String message, ErrorDetail detail, ImportReport report) {
        super(message);
        this.status = status;
        this.detail = detail;
        this.report = report;
    }

    /** Throws what a call failed with: what a callback threw, else the library's error. */
    static void check(int status, Scratch scratch) {
        if (status != Native.OK) {
            throw Callbacks.<RuntimeException>unwrapped(scratch.thrown(), from(status, scratch));
        }
    }

    /** For calls that make no error. */
    static void check(int status) {
        if (status != Native.OK) {
            throw new FbatException(status, messageOf(status), null, null);
        }
    }

    static FbatException from(int status, Scratch scratch) {
        return from(status, scratch, null);
    }

    /** Takes the error of a call over from the library, and frees it. */
    static FbatException from(int status, Scratch scratch, ImportReport report) {
        long error = Memory.getLong(scratch.err());
        if (error == 0) {
            return new FbatException(status, messageOf(status), null, report);
        }
        try {
            long found = scratch.struct(Native.ERROR_DETAIL_SIZE);
            int read = Native.fbat_error_get(error, found);
            ErrorDetail detail = read == Native.OK ? ErrorDetail.at(found) : null;
            String message = detail == null ? messageOf(status) : detail.message();
            return new FbatException(status, message, detail, report);
        } finally {
            Native.fbat_error_free(error);
            Memory.put(scratch.err(), 0L);
        }
    }

    private static String messageOf(int status) {
        return Memory.terminated(Native.fbat_status_message(status));
    }

    static FbatException closed(String what) {
        return new FbatException(Native.ERR_CLOSED, "the " + what + " was closed", null, null);
    }

    /** One of {@link Status}; negative where a callback stopped the call. */
    public int status() {
        return status;
    }

    /** Its name, for example {@code FBAT_ERR_NOT_FOUND}. */
    public String code() {
        return Memory.terminated(Native.fbat_status_name(status));
    }

    /** What the failure is about. */
    public Category category() {
        int number = Native.fbat_status_category(status);
        return number < Category.values().length ? Category.values()[number] : Category.INTERNAL;
    }

    /** What the library knows beside the status; empty where it made no error. */
    public Optional<ErrorDetail> detail() {
        return Optional.ofNullable(detail);
    }

    /** Of an import: what was committed until it ended. */
    public Optional<ImportReport> report() {
        return Optional.ofNullable(report);
    }
}
