package fbat;

import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * The events of a query, and after them those that come: each once, in the order of the log. For
 * one thread at a time, but any may close it.
 */
public final class Subscription implements Iterable<EventRecord>, AutoCloseable {
    private final Cursor cursor;
    private final WaitOptions options;
    private final Rows rows = new Rows();

    Subscription(Cursor cursor, WaitOptions options) {
        this.cursor = cursor;
        this.options = options;
    }

    /**
     * Waits where there is no next event yet. It ends when the subscription is closed, also by
     * another thread, and where no more can come: at the query's {@code until} or {@code limit}.
     * Each iterator goes on where the one before has stopped.
     *
     * <p>What {@code hasNext} and {@code next} throw are {@link FbatException}s: {@link
     * FbatException.Timeout}, after which they may be called again; {@link
     * FbatException.Cancelled} for a token, and where the thread was interrupted, which it still
     * is then; {@link FbatException.Closed} where the store was closed.
     */
    @Override
    public Iterator<EventRecord> iterator() {
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return !cursor.isClosed() && rows.hasNext();
            }

            @Override
            public EventRecord next() {
                return rows.next();
            }
        };
    }

    /** The same as a stream. To close it closes the subscription. */
    public Stream<EventRecord> stream() {
        return StreamSupport.stream(spliterator(), false).onClose(this::close);
    }

    /** Ends it, and the wait of another thread. */
    @Override
    public void close() {
        cursor.close();
    }

    private final class Rows extends Parts<EventRecord> {
        @Override
        boolean read() {
            try {
                List<EventRecord> page = cursor.await(options);
                found(page);
                return page.isEmpty();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw (FbatException) e.getCause();
            } catch (FbatException.Closed e) {
                if (cursor.isClosed()) {
                    return true;
                }
                throw e;
            }
        }
    }
}
