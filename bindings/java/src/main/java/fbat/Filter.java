package fbat;

/**
 * Says which events to import. Called on the thread of the import; it may read both stores and
 * append to the destination.
 *
 * @param <X> what it may throw. The import ends with it, and throws it as it is.
 */
@FunctionalInterface
public interface Filter<X extends Exception> {
    /**
     * Whether to import an event.
     *
     * @param record the event of the source, with the columns of {@link
     *     ImportOptions#filterColumns}: as a rule not the payload. It is a copy, to be kept.
     */
    boolean keep(EventRecord record) throws X;
}
