package fbat;

import java.lang.ref.Reference;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Ends the calls that carry it, from any thread: they throw with {@link Status#CANCELLED}. Once
 * triggered it stays so.
 */
public final class Cancel implements AutoCloseable {
    private final Handle handle;
    private final Set<Sleep> sleeps = ConcurrentHashMap.newKeySet();

    /** A token that is not triggered. */
    public Cancel() {
        handle = new Handle(this, "token", Native.fbat_cancel_new(), Native::fbat_cancel_free);
    }

    /** Ends the calls that carry it, now and later. */
    public void trigger() {
        try {
            FbatException.check(Native.fbat_cancel_trigger(handle.get()));
            sleeps.forEach(Sleep::stop);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** Whether it was triggered. */
    public boolean isTriggered() {
        try {
            return Native.fbat_cancel_is_triggered(handle.get());
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** Ends a call that carries a token of its own as if it carried this one. */
    void begin(Sleep sleep) {
        sleeps.add(sleep);
        if (isTriggered()) {
            sleep.stop();
        }
    }

    void end(Sleep sleep) {
        sleeps.remove(sleep);
    }

    /** Its number is all that a call needs of it. */
    long pointer(Scratch unused) {
        return handle.get();
    }

    /** Frees the token. Calls that carry it keep it as it is. */
    @Override
    public void close() {
        handle.free();
    }
}
