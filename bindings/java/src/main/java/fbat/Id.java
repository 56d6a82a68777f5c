package fbat;

import java.util.HexFormat;
import java.util.List;
import java.util.UUID;

/**
 * A 128-bit id of an event, a correlation, a key or a store: shown as 32 lower-case hex digits.
 * Immutable. Ids that the library makes are UUIDs of version 7, in the order of their making.
 */
public final class Id implements Comparable<Id> {
    private static final int DIGITS = 32;

    private final long high;
    private final long low;

    private Id(long high, long low) {
        this.high = high;
        this.low = low;
    }

    /**
     * An id from its digits.
     *
     * @param hex 32 hex digits of either case.
     * @throws IllegalArgumentException it is anything else.
     */
    public static Id of(String hex) {
        Hash.requireHex(hex, DIGITS);
        return new Id(Hash.longAt(hex, 0), Hash.longAt(hex, 1));
    }

    /** The id with the bits of a UUID. */
    public static Id of(UUID uuid) {
        return new Id(uuid.getMostSignificantBits(), uuid.getLeastSignificantBits());
    }

    /** A key from a domain and parts, to be used as the idempotency key of an operation. */
    public static Id ofOperation(String domain, String... parts) {
        try (Scratch scratch = Scratch.take()) {
            long of = scratch.str(domain);
            long rows = scratch.room(2 * Long.BYTES);
            Memory.zero(rows, 2 * Long.BYTES);
            scratch.texts(rows, List.of(parts));
            long key = scratch.room(Native.ID_SIZE);
            FbatException.check(Native.fbat_operation_key(
                    Memory.getLong(of), Memory.getLong(of + Long.BYTES),
                    Memory.getLong(rows), parts.length, key));
            return at(key);
        }
    }

    static Id at(long address) {
        return new Id(Memory.getBigEndian(address), Memory.getBigEndian(address + Long.BYTES));
    }

    /** The id at an address, or null where all of its bytes are zero. */
    static Id orNull(long address) {
        Id found = at(address);
        return (found.high | found.low) == 0 ? null : found;
    }

    long high() {
        return high;
    }

    long low() {
        return low;
    }

    /** The same bits as a UUID. */
    public UUID toUuid() {
        return new UUID(high, low);
    }

    /** 32 lower-case hex digits. */
    public String hex() {
        return HexFormat.of().toHexDigits(high) + HexFormat.of().toHexDigits(low);
    }

    /** In the order of their digits. */
    @Override
    public int compareTo(Id other) {
        int highs = Long.compareUnsigned(high, other.high);
        return highs != 0 ? highs : Long.compareUnsigned(low, other.low);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Id id && id.high == high && id.low == low;
    }

    @Override
    public int hashCode() {
        return Long.hashCode(high ^ low);
    }

    @Override
    public String toString() {
        return hex();
    }
}
