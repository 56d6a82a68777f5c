package fbat;

/**
 * Kinds of events: a category in the top 4 bits, a type in the low 12. They are plain numbers, so
 * that a program names its own as constants: {@code static final int SWITCHED = 0x1 << 12 | 1;}.
 */
public final class Kind {
    private Kind() {}

    /**
     * The kind of a category and a type.
     *
     * @param category 0 to 15. 0x0 and 0xD are the library's own: their kinds can be read, not
     *     appended.
     * @param type 0 to 4095.
     * @throws FbatException a number is out of range: {@link Status#INVALID_ARGUMENT}.
     */
    public static int of(int category, int type) {
        try (Scratch scratch = Scratch.take()) {
            long found = scratch.place();
            FbatException.check(Native.fbat_kind(category, type, found));
            return Short.toUnsignedInt(Memory.getShort(found));
        }
    }

    /** The category of a kind: 0 to 15. */
    public static int category(int kind) {
        return Native.fbat_kind_category((char) Memory.u16(kind, "kind"));
    }

    /** The type of a kind within its category: 0 to 4095. */
    public static int type(int kind) {
        return Native.fbat_kind_type((char) Memory.u16(kind, "kind"));
    }
}
