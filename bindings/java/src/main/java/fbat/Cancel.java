package fbat;

import com.sun.jna.Pointer;

/** Ends the calls that carry it, from any thread. Once triggered it stays so. */
public final class Cancel implements AutoCloseable {
    private static final Native LIBRARY = Native.LIBRARY;

    private final Handle handle =
            new Handle(this, "token", LIBRARY.fbat_cancel_new(), LIBRARY::fbat_cancel_free);

    public void trigger() {
        FbatException.check(LIBRARY.fbat_cancel_trigger(handle.get()), null);
    }

    /** Its number is all that a call needs of it. */
    Pointer pointer(Arena unused) {
        return handle.get();
    }

    @Override
    public void close() {
        handle.free();
    }
}
