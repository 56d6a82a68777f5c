package fbat;

import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.util.Optional;

/** A call of the library that failed. */
public final class FbatException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int status;
    private final transient ErrorDetail detail;
    private final transient ImportReport report;

    FbatException(int status, String message, ErrorDetail detail, ImportReport report) {
        super(message);
        this.status = status;
        this.detail = detail;
        this.report = report;
    }

    static void check(int status, PointerByReference err) {
        if (status != Native.OK) {
            throw from(status, err, null);
        }
    }

    /** Takes an error over from the library, and frees it. */
    static FbatException from(int status, PointerByReference err, ImportReport report) {
        Pointer error = err == null ? null : err.getValue();
        if (error == null) {
            String message = Native.LIBRARY.fbat_status_message(status);
            return new FbatException(status, message, null, report);
        }
        try {
            Native.ErrorDetail found = new Native.ErrorDetail();
            found.write();
            Native.LIBRARY.fbat_error_get(error, found.getPointer());
            ErrorDetail detail = ErrorDetail.of(new Native.ErrorDetail(found.getPointer()));
            return new FbatException(status, detail.message(), detail, report);
        } finally {
            Native.LIBRARY.fbat_error_free(error);
        }
    }

    static FbatException closed(String what) {
        return new FbatException(Native.ERR_CLOSED, "the " + what + " was closed", null, null);
    }

    /** The number of the status; negative where a callback stopped the call. */
    public int status() {
        return status;
    }

    /** Its name, for example {@code FBAT_ERR_NOT_FOUND}. */
    public String code() {
        return Native.LIBRARY.fbat_status_name(status);
    }

    /** What the failure is about. */
    public Category category() {
        int number = Native.LIBRARY.fbat_status_category(status);
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
