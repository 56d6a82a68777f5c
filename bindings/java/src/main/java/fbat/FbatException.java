package fbat;

import java.util.Optional;

/**
 * A call of the library that failed. Each category is a class of its own: {@link Busy} can be
 * caught, where {@link #status} and {@link #detail} say the rest.
 */
public sealed class FbatException extends RuntimeException {
    private static final long serialVersionUID = 2L;

    private final int status;
    private final transient ErrorDetail detail;
    private final transient ImportReport report;

    private FbatException(int status, String message, ErrorDetail detail, ImportReport report) {
        super(message);
        this.status = status;
        this.detail = detail;
        this.report = report;
    }

    /** An exception of the category of its status. */
    private static FbatException of(int status, String text, ErrorDetail found, ImportReport done) {
        return switch (categoryOf(status)) {
            case INVALID -> new Invalid(status, text, found, done);
            case NOT_FOUND -> new NotFound(status, text, found, done);
            case CONFLICT -> new Conflict(status, text, found, done);
            case BUSY -> new Busy(status, text, found, done);
            case CLOSED -> new Closed(status, text, found, done);
            case IO -> new Io(status, text, found, done);
            case CORRUPT -> new Corrupt(status, text, found, done);
            case UNSUPPORTED -> new Unsupported(status, text, found, done);
            case CANCELLED -> status == Native.ERR_TIMEOUT
                    ? new Timeout(status, text, found, done)
                    : new Cancelled(status, text, found, done);
            case INTERNAL, NONE -> new Internal(status, text, found, done);
        };
    }

    private static Category categoryOf(int status) {
        int number = Native.fbat_status_category(status);
        return number < Category.values().length ? Category.values()[number] : Category.INTERNAL;
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
            throw of(status, messageOf(status), null, null);
        }
    }

    static FbatException from(int status, Scratch scratch) {
        return from(status, scratch, null);
    }

    /** Takes the error of a call over from the library, and frees it. */
    static FbatException from(int status, Scratch scratch, ImportReport report) {
        long error = Memory.getLong(scratch.err());
        if (error == 0) {
            return of(status, messageOf(status), null, report);
        }
        try {
            long found = scratch.struct(Native.ERROR_DETAIL_SIZE);
            int read = Native.fbat_error_get(error, found);
            ErrorDetail detail = read == Native.OK ? ErrorDetail.at(found) : null;
            String message = detail == null ? messageOf(status) : detail.message();
            return of(status, message, detail, report);
        } finally {
            Native.fbat_error_free(error);
            Memory.put(scratch.err(), 0L);
        }
    }

    private static String messageOf(int status) {
        return Memory.terminated(Native.fbat_status_message(status));
    }

    static FbatException closed(String what) {
        return of(Native.ERR_CLOSED, "the " + what + " was closed", null, null);
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
        return categoryOf(status);
    }

    /** What the library knows beside the status; empty where it made no error. */
    public Optional<ErrorDetail> detail() {
        return Optional.ofNullable(detail);
    }

    /** Of an import: what was committed until it ended. */
    public Optional<ImportReport> report() {
        return Optional.ofNullable(report);
    }

    /**
     * Of the category {@link Category#INVALID}: the caller's mistake; the same call fails again.
     */
    public static final class Invalid extends FbatException {
        private static final long serialVersionUID = 1L;

        private Invalid(int status, String message, ErrorDetail detail, ImportReport report) {
            super(status, message, detail, report);
        }
    }

    /** Of the category {@link Category#NOT_FOUND}: what was asked for does not exist. */
    public static final class NotFound extends FbatException {
        private static final long serialVersionUID = 1L;

        private NotFound(int status, String message, ErrorDetail detail, ImportReport report) {
            super(status, message, detail, report);
        }
    }

    /** Of the category {@link Category#CONFLICT}: what exists contradicts the call. */
    public static final class Conflict extends FbatException {
        private static final long serialVersionUID = 1L;

        private Conflict(int status, String message, ErrorDetail detail, ImportReport report) {
            super(status, message, detail, report);
        }
    }

    /** Of the category {@link Category#BUSY}: somebody else is using it; try later. */
    public static final class Busy extends FbatException {
        private static final long serialVersionUID = 1L;

        private Busy(int status, String message, ErrorDetail detail, ImportReport report) {
            super(status, message, detail, report);
        }
    }

    /**
     * Of the category {@link Category#CLOSED}: the object can't be used any more, or not for
     * this.
     */
    public static final class Closed extends FbatException {
        private static final long serialVersionUID = 1L;

        private Closed(int status, String message, ErrorDetail detail, ImportReport report) {
            super(status, message, detail, report);
        }
    }

    /** Of the category {@link Category#IO}: the operating system failed. */
    public static final class Io extends FbatException {
        private static final long serialVersionUID = 1L;

        private Io(int status, String message, ErrorDetail detail, ImportReport report) {
            super(status, message, detail, report);
        }
    }

    /** Of the category {@link Category#CORRUPT}: bytes are not what they should be. */
    public static final class Corrupt extends FbatException {
        private static final long serialVersionUID = 1L;

        private Corrupt(int status, String message, ErrorDetail detail, ImportReport report) {
            super(status, message, detail, report);
        }
    }

    /**
     * Of the category {@link Category#UNSUPPORTED}: a version or a feature is beyond this library
     * or this machine.
     */
    public static final class Unsupported extends FbatException {
        private static final long serialVersionUID = 1L;

        private Unsupported(int status, String message, ErrorDetail detail, ImportReport report) {
            super(status, message, detail, report);
        }
    }

    /**
     * Of the category {@link Category#CANCELLED}: the caller stopped the call: through a token,
     * from a callback, or by a limit of time.
     */
    public static sealed class Cancelled extends FbatException {
        private static final long serialVersionUID = 1L;

        private Cancelled(int status, String message, ErrorDetail detail, ImportReport report) {
            super(status, message, detail, report);
        }
    }

    /** Of the category {@link Category#CANCELLED} too: {@link Status#TIMEOUT}. */
    public static final class Timeout extends Cancelled {
        private static final long serialVersionUID = 1L;

        private Timeout(int status, String message, ErrorDetail detail, ImportReport report) {
            super(status, message, detail, report);
        }
    }

    /** Of the category {@link Category#INTERNAL}: a defect in the library. */
    public static final class Internal extends FbatException {
        private static final long serialVersionUID = 1L;

        private Internal(int status, String message, ErrorDetail detail, ImportReport report) {
            super(status, message, detail, report);
        }
    }
}
