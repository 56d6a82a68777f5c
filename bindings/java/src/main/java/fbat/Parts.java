package fbat;

import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;

/** What is read part by part, as it is asked for. */
abstract class Parts<T> implements Iterator<T> {
    private List<T> part = List.of();
    private int at;
    private boolean over;

    /** Reads the next part, which may be empty, and says whether it is the last. */
    abstract boolean read();

    /** What {@link #read} found. */
    final void found(List<T> found) {
        part = found;
        at = 0;
    }

    @Override
    public final boolean hasNext() {
        while (at == part.size() && !over) {
            over = read();
        }
        return at < part.size();
    }

    @Override
    public final T next() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        return part.get(at++);
    }
}
