package fbat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Memory outside of the heap, by address: what the library's structs and its rows are read from and
 * written to. Rows are copied before what they are in is freed, so that nobody can read them later.
 */
final class Memory {
    static final byte[] NO_BYTES = {};
    static final int STR_BYTES = Native.STR_SIZE;
    private static final int U16_MAX = 0xffff;
    private static final long US_OF_SECOND = 1_000_000;
    private static final int NS_OF_US = 1000;
    private static final long NS_OF_MS = 1_000_000;

    private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    /** An {@code fbat_str} that lies here, to be handed on by value. */
    static MemorySegment str(long at) {
        return ALL.asSlice(at, STR_BYTES);
    }
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final ValueLayout.OfLong BIG_ENDIAN = LONG.withOrder(ByteOrder.BIG_ENDIAN);

    private Memory() {}

    static short getShort(long at) {
        return ALL.get(SHORT, at);
    }

    static int getInt(long at) {
        return ALL.get(INT, at);
    }

    static long getLong(long at) {
        return ALL.get(LONG, at);
    }

    /** Eight bytes, the most significant first. */
    static long getBigEndian(long at) {
        return ALL.get(BIG_ENDIAN, at);
    }

    static void put(long at, short value) {
        ALL.set(SHORT, at, value);
    }

    static void put(long at, int value) {
        ALL.set(INT, at, value);
    }

    static void put(long at, long value) {
        ALL.set(LONG, at, value);
    }

    static void put(long at, Id id) {
        if (id != null) {
            ALL.set(BIG_ENDIAN, at, id.high());
            ALL.set(BIG_ENDIAN, at + Long.BYTES, id.low());
        }
    }

    static void put(long at, Hash hash) {
        if (hash != null) {
            put(at, hash.bytes());
        }
    }

    static void put(long at, byte[] bytes) {
        MemorySegment.copy(bytes, 0, ALL, ValueLayout.JAVA_BYTE, at, bytes.length);
    }

    static void zero(long at, long length) {
        ALL.asSlice(at, length).fill((byte) 0);
    }

    /** Memory of some length as a segment. */
    static MemorySegment segment(long at, long length) {
        return ALL.asSlice(at, length);
    }

    static byte[] copy(long at, long length) {
        if (at == 0 || length == 0) {
            return NO_BYTES;
        }
        byte[] bytes = new byte[Math.toIntExact(length)];
        MemorySegment.copy(ALL, ValueLayout.JAVA_BYTE, at, bytes, 0, bytes.length);
        return bytes;
    }

    /** Copies bytes that a struct points to: a pointer, and their number behind it. */
    static byte[] bytes(long at) {
        return copy(getLong(at), getLong(at + Long.BYTES));
    }

    /** Copies a text of the library's; null where there is none. */
    static String text(long at) {
        long data = getLong(at);
        return data == 0 ? null : text(data, getLong(at + Long.BYTES));
    }

    static String text(long data, long length) {
        return new String(copy(data, length), StandardCharsets.UTF_8);
    }

    /** A text that ends with a NUL. */
    static String terminated(long at) {
        return ALL.getString(at);
    }

    /** Copies the extensions of an event. */
    static Map<String, byte[]> extensions(long at) {
        long row = getLong(at);
        long count = getLong(at + Long.BYTES);
        if (count == 0) {
            return Map.of();
        }
        Map<String, byte[]> found = LinkedHashMap.newLinkedHashMap((int) count);
        for (long i = 0; i < count; i++) {
            found.put(text(row + Native.AT_EXTENSION_KEY), bytes(row + Native.AT_EXTENSION_VALUE));
            row += Native.EXTENSION_SIZE;
        }
        return Collections.unmodifiableMap(found);
    }

    /**
     * A text as UTF-8.
     *
     * @throws IllegalArgumentException half of a surrogate pair stands alone, which no UTF-8 has.
     */
    static byte[] utf8(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isSurrogate(c)) {
                int next = i + 1;
                if (next == text.length() || !Character.isSurrogatePair(c, text.charAt(next))) {
                    throw new IllegalArgumentException(
                            "the text has half of a surrogate pair at " + i);
                }
                i = next;
            }
        }
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static Instant instant(long us) {
        long second = Math.floorDiv(us, US_OF_SECOND);
        return Instant.ofEpochSecond(second, Math.floorMod(us, US_OF_SECOND) * NS_OF_US);
    }

    static Duration duration(long us) {
        long second = Long.divideUnsigned(us, US_OF_SECOND);
        return Duration.ofSeconds(second, Long.remainderUnsigned(us, US_OF_SECOND) * NS_OF_US);
    }

    /**
     * A time in microseconds.
     *
     * @throws ArithmeticException it is beyond 64 bits of them.
     */
    static long micros(Instant time) {
        long whole = Math.multiplyExact(time.getEpochSecond(), US_OF_SECOND);
        return Math.addExact(whole, time.getNano() / NS_OF_US);
    }

    /**
     * A duration in milliseconds, rounded up; 0 for one that is negative.
     *
     * @throws ArithmeticException it is beyond 64 bits of them.
     */
    static long millis(Duration time) {
        return Math.max(0, time.plusNanos(NS_OF_MS - 1).toMillis());
    }

    static int u16(int value, String what) {
        if (value < 0 || value > U16_MAX) {
            throw new IllegalArgumentException(what + " " + value + " is not from 0 to " + U16_MAX);
        }
        return value;
    }
}
