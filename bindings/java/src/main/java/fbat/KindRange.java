package fbat;

/**
 * Kinds from one to another, both included: a single kind, or those of a category.
 *
 * @param first the least.
 * @param last the greatest; the library refuses one that is below {@code first}.
 */
public record KindRange(int first, int last) {
    private static final int CATEGORIES = 16;
    private static final int TYPE_BITS = 12;
    private static final int TYPE_MAX = 0xfff;

    /**
     * A range of kinds.
     *
     * @throws IllegalArgumentException one is not from 0 to 65,535.
     */
    public KindRange {
        Memory.u16(first, "first");
        Memory.u16(last, "last");
    }

    /** A single kind. */
    public static KindRange of(int kind) {
        return new KindRange(kind, kind);
    }

    /**
     * All kinds of a category.
     *
     * @throws IllegalArgumentException it is not from 0 to 15.
     */
    public static KindRange category(int category) {
        if (category < 0 || category >= CATEGORIES) {
            throw new IllegalArgumentException("category " + category + " is not from 0 to 15");
        }
        int first = category << TYPE_BITS;
        return new KindRange(first, first | TYPE_MAX);
    }
}
