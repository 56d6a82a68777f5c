package fbat;

import java.lang.ref.Reference;
import java.util.List;

/**
 * Reads page after page, and follows the log: at its end, it goes on later with what was appended
 * since. For one thread at a time.
 */
public final class Cursor implements AutoCloseable {
    private final Handle handle;
    private final Store store; // which must not be collected before
    private final Query query; // nor its token
    private final List<Callbacks.Running> callbacks;

    Cursor(long cursor, Store store, Query query, List<Callbacks.Running> callbacks) {
        this.store = store;
        this.query = query;
        this.callbacks = callbacks;
        handle = new Handle(this, "cursor", cursor, number -> free(number, callbacks));
    }

    private static void free(long cursor, List<Callbacks.Running> callbacks) {
        Native.fbat_cursor_free(cursor);
        callbacks.forEach(Callbacks.Running::end);
    }

    /**
     * The next events; none at the end, which a forward cursor may find moved later.
     *
     * @throws FbatException also when the store was closed. After damage or a failure to read, the
     *     cursor is where it was.
     */
    public List<EventRecord> next() {
        try (Scratch scratch = Scratch.take()) {
            long page = scratch.place();
            int status = Native.fbat_cursor_next(handle.get(), page, scratch.err());
            if (status != Native.OK) {
                FbatException failure = FbatException.from(status, scratch);
                throw Callbacks.<RuntimeException>unwrapped(Callbacks.thrown(callbacks), failure);
            }
            long found = Memory.getLong(page);
            return found == 0 ? List.of() : Page.taken(found).records();
        } finally {
            Reference.reachabilityFence(this);
            Reference.reachabilityFence(store);
            Reference.reachabilityFence(query);
        }
    }

    @Override
    public void close() {
        handle.free();
    }
}
