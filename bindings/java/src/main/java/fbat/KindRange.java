package fbat;

/**
 * Kinds from one to another, both included.
 *
 * @param first the least
 * @param last the greatest
 */
public record KindRange(int first, int last) {
    /** One kind. */
    public static KindRange exact(int kind) {
        return new KindRange(kind, kind);
    }

    /** All kinds of a category, 0 to 15. */
    public static KindRange category(int category) {
        return new KindRange(category << 12, category << 12 | 0xfff);
    }
}
