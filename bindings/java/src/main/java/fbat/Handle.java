package fbat;

import java.lang.ref.Cleaner;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;

/** An object of the library that is freed once: by its owner, or when that is collected. */
final class Handle {
    private static final Cleaner CLEANER = Cleaner.create();

    private final String what;
    private final AtomicLong number;
    private final Cleaner.Cleanable cleanable;

    Handle(Object owner, String what, long number, LongConsumer free) {
        if (number == 0) {
            throw new IllegalStateException("the library has no room for another " + what);
        }
        // What the cleaner holds must not lead to the owner.
        AtomicLong shared = new AtomicLong(number);
        this.what = what;
        this.number = shared;
        this.cleanable = CLEANER.register(owner, () -> {
            long left = shared.getAndSet(0);
            if (left != 0) {
                free.accept(left);
            }
        });
    }

    /** The library's number for it. A thread that was late with it is told so by the library. */
    long get() {
        long current = number.get();
        if (current == 0) {
            throw FbatException.closed(what);
        }
        return current;
    }

    /** The same; 0, which is no object, where it was closed. */
    long peek() {
        return number.get();
    }

    boolean isClosed() {
        return number.get() == 0;
    }

    void free() {
        cleanable.clean();
    }
}
