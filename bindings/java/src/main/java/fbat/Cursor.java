package fbat;

import java.lang.ref.Reference;
import java.util.List;

/**
 * Reads page after page, and follows the log: at its end, it goes on later with what was appended
 * since. For one thread at a time, but any may close it.
 */
public final class Cursor implements AutoCloseable {
    private final Handle handle;
    private final Store store; // which must not be collected before
    private final Query query; // nor its token
    private final List<Callbacks.Running> callbacks;
    private volatile Sleep sleep;

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
            return taken(status, page, scratch);
        } finally {
            keep();
        }
    }

    /**
     * The next events, for ever: {@link #await(WaitOptions)}.
     *
     * @throws InterruptedException the thread was interrupted, before or while it waited.
     */
    public List<EventRecord> await() throws InterruptedException {
        return await(new WaitOptions());
    }

    /**
     * The next events. Where there are none yet, it waits for them. Page after page a cursor reads
     * each event once, whichever process writes.
     *
     * @return none where no more can come: for a cursor that reads backward, and at the end that
     *     {@code until} or {@code limit} make.
     * @throws InterruptedException the thread was interrupted, before or while it waited. It has
     *     passed no event over.
     * @throws FbatException.Timeout none came in time. It may be asked again.
     * @throws FbatException also when another thread closed the store or the cursor meanwhile.
     */
    public List<EventRecord> await(WaitOptions options) throws InterruptedException {
        Sleep own = new Sleep();
        sleep = own;
        try (Scratch scratch = Scratch.take()) {
            long page = scratch.place();
            int status = own.made(handle, options, scratch, (cursor, asked) ->
                    Native.fbat_cursor_wait(cursor, asked, page, scratch.err()));
            return taken(status, page, scratch);
        } finally {
            sleep = null;
            keep();
        }
    }

    private List<EventRecord> taken(int status, long page, Scratch scratch) {
        if (status != Native.OK) {
            FbatException failure = FbatException.from(status, scratch);
            failure = isClosed() ? FbatException.closed("cursor") : failure;
            throw Callbacks.<RuntimeException>unwrapped(Callbacks.thrown(callbacks), failure);
        }
        long found = Memory.getLong(page);
        return found == 0 ? List.of() : Page.taken(found).records();
    }

    private void keep() {
        Reference.reachabilityFence(this);
        Reference.reachabilityFence(store);
        Reference.reachabilityFence(query);
    }

    boolean isClosed() {
        return handle.isClosed();
    }

    /** Frees the cursor, and ends the wait of another thread. */
    @Override
    public void close() {
        handle.free();
        Sleep other = sleep;
        if (other != null) {
            other.stop();
        }
    }
}
