package fbat;

import com.sun.jna.Pointer;

/** Ends the imports that carry it, from any thread. Once triggered it stays so. */
public final class Cancel implements AutoCloseable {
    private final Handle handle =
            new Handle(this, "cancel token", Native.LIBRARY.fbat_cancel_new(), Native.LIBRARY::fbat_cancel_free);

    public void trigger() {
        FbatException.check(Native.LIBRARY.fbat_cancel_trigger(handle.get()));
    }

    Pointer pointer() {
        return handle.get();
    }

    @Override
    public void close() {
        handle.free();
    }
}
