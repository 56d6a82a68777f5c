package fbat;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;

/** A 128-bit id of an event, a correlation, a key: shown as 32 lower-case hex digits. Immutable. */
public record Id(String hex) {
    static final int BYTES = 16;

    /**
     * @param hex 32 lower-case hex digits.
     * @throws IllegalArgumentException it is anything else.
     */
    public Id {
        Hash.requireHex(hex, BYTES);
    }

    byte[] bytes() {
        return HexFormat.of().parseHex(hex);
    }

    /** The id in these bytes, or null where all of them are zero. */
    static Id orNull(byte[] bytes) {
        return Hash.isZero(bytes) ? null : new Id(HexFormat.of().formatHex(bytes));
    }

    /** The bytes of an id, all zero for null. */
    static byte[] bytesOf(Id id) {
        return id == null ? new byte[BYTES] : id.bytes();
    }

    /** A key from a domain and parts, to be used as the idempotency key of an operation. */
    public static Id ofOperation(String domain, String... parts) {
        byte[] of = domain.getBytes(StandardCharsets.UTF_8);
        byte[] key = new byte[BYTES];
        try (Texts rows = new Texts(List.of(parts))) {
            FbatException.check(Native.LIBRARY.fbat_operation_key(of, of.length, rows.pointer(), parts.length, key));
        }
        return new Id(HexFormat.of().formatHex(key));
    }

    @Override
    public String toString() {
        return hex;
    }
}
