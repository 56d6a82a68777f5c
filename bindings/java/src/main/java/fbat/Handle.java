package fbat;

import com.sun.jna.Pointer;
import java.lang.ref.Cleaner;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

/** An object of the library that is freed once: by its owner, or when that is collected. */
final class Handle {
    private static final Cleaner CLEANER = Cleaner.create();

    private final String what;
    private final AtomicReference<Pointer> number;
    private final Cleaner.Cleanable cleanable;

    Handle(Object owner, String what, Pointer number, Consumer<Pointer> free) {
        if (number == null) {
            throw new IllegalStateException("the library has no room for another " + what);
        }
        // What the cleaner holds must not lead to the owner.
        AtomicReference<Pointer> shared = new AtomicReference<>(number);
        this.what = what;
        this.number = shared;
        this.cleanable = CLEANER.register(owner, () -> {
            Pointer left = shared.getAndSet(null);
            if (left != null) {
                free.accept(left);
            }
        });
    }

    /** The library's number for it. A thread that was late with it is told so by the library. */
    Pointer get() {
        Pointer current = number.get();
        if (current == null) {
            throw FbatException.closed(what);
        }
        return current;
    }

    boolean isClosed() {
        return number.get() == null;
    }

    void free() {
        cleanable.clean();
    }
}
