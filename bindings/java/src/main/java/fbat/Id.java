package fbat;

import com.sun.jna.Pointer;
import java.util.HexFormat;
import java.util.List;

/** A 128-bit id of an event, a correlation, a key: shown as 32 lower-case hex digits. Immutable. */
public record Id(String hex) {
    private static final int BYTES = 16;
    private static final String NONE = "0".repeat(2 * BYTES);

    /**
     * @param hex 32 lower-case hex digits.
     * @throws IllegalArgumentException it is anything else.
     */
    public Id {
        Hash.requireHex(hex, BYTES);
    }

    /** The id in these bytes, or null where all of them are zero. */
    static Id orNull(byte[] bytes) {
        String hex = HexFormat.of().formatHex(bytes);
        return hex.equals(NONE) ? null : new Id(hex);
    }

    /** The bytes of an id, all zero for null. */
    static byte[] bytesOf(Id id) {
        return HexFormat.of().parseHex(id == null ? NONE : id.hex);
    }

    /** A key from a domain and parts, to be used as the idempotency key of an operation. */
    public static Id ofOperation(String domain, String... parts) {
        byte[] of = Arena.utf8(domain);
        byte[] key = new byte[BYTES];
        try (Arena arena = new Arena()) {
            Pointer rows = arena.texts(List.of(parts));
            int status = Native.LIBRARY.fbat_operation_key(of, of.length, rows, parts.length, key);
            FbatException.check(status, null);
        }
        return new Id(HexFormat.of().formatHex(key));
    }

    @Override
    public String toString() {
        return hex;
    }
}
