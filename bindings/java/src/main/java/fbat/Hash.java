package fbat;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HexFormat;

/** A 256-bit BLAKE3 hash: shown as 64 lower-case hex digits. Immutable. */
public final class Hash {
    private static final int DIGITS = 64;
    private static final int DIGITS_OF_LONG = 16;

    private final long a;
    private final long b;
    private final long c;
    private final long d;

    private Hash(long a, long b, long c, long d) {
        this.a = a;
        this.b = b;
        this.c = c;
        this.d = d;
    }

    /**
     * A hash from its digits.
     *
     * @param hex 64 hex digits of either case.
     * @throws IllegalArgumentException it is anything else.
     */
    public static Hash of(String hex) {
        requireHex(hex, DIGITS);
        return new Hash(longAt(hex, 0), longAt(hex, 1), longAt(hex, 2), longAt(hex, 3));
    }

    /** The content hash of a payload: plain BLAKE3 of its bytes. */
    public static Hash ofContent(byte[] payload) {
        try (Scratch scratch = Scratch.take()) {
            long found = scratch.room(Native.HASH_SIZE);
            long of = scratch.room(2 * Long.BYTES);
            scratch.bytes(of, payload);
            long data = Memory.getLong(of);
            FbatException.check(Native.fbat_content_hash(data, payload.length, found));
            return at(found);
        }
    }

    static Hash at(long at) {
        return new Hash(
                Memory.getBigEndian(at),
                Memory.getBigEndian(at + Long.BYTES),
                Memory.getBigEndian(at + 2 * Long.BYTES),
                Memory.getBigEndian(at + 3 * Long.BYTES));
    }

    /** The hash at an address, or null where all of its bytes are zero. */
    static Hash orNull(long address) {
        Hash found = at(address);
        return (found.a | found.b | found.c | found.d) == 0 ? null : found;
    }

    static void requireHex(String hex, int digits) {
        if (hex.length() != digits || !hex.chars().allMatch(HexFormat::isHexDigit)) {
            throw new IllegalArgumentException("'" + hex + "' is not " + digits + " hex digits");
        }
    }

    static long longAt(String hex, int index) {
        int from = index * DIGITS_OF_LONG;
        return HexFormat.fromHexDigitsToLong(hex, from, from + DIGITS_OF_LONG);
    }

    /** The 32 bytes, in the order in which they are shown. */
    public byte[] bytes() {
        ByteBuffer bytes = ByteBuffer.allocate(Native.HASH_SIZE);
        return bytes.putLong(a).putLong(b).putLong(c).putLong(d).array();
    }

    /** 64 lower-case hex digits. */
    public String hex() {
        return HexFormat.of().formatHex(bytes());
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Hash h && h.a == a && h.b == b && h.c == c && h.d == d;
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(new long[] {a, b, c, d});
    }

    @Override
    public String toString() {
        return hex();
    }
}
