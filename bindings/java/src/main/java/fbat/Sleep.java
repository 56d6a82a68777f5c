package fbat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.spi.AbstractInterruptibleChannel;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.IntSupplier;

/**
 * One call that sleeps until something comes. It carries a token of its own, which is triggered
 * when its thread is interrupted, when the caller's token is triggered, and when what it uses is
 * closed. A thread that is interrupted closes the channel that it is in: that is what this is a
 * channel for.
 */
final class Sleep extends AbstractInterruptibleChannel {
    private final Cancel token = new Cancel();

    /** A call of the library. */
    @FunctionalInterface
    interface Call {
        int made(long object, long options);
    }

    /** Threads that sleep in place of virtual ones, whose carriers others need meanwhile. */
    private static final class Threads {
        static final ExecutorService ALL = Executors.newCachedThreadPool(
                Thread.ofPlatform().daemon().name("fbat-wait-", 0).factory());
    }

    /**
     * Makes the call.
     *
     * @return its status.
     * @throws InterruptedException the thread was interrupted, and that ended the call. What the
     *     call failed with is the cause.
     */
    int made(Handle of, WaitOptions options, Scratch scratch, Call call)
            throws InterruptedException {
        int status;
        Cancel theirs = options.cancel();
        try {
            long object = of.get();
            long asked = options.pointer(scratch);
            Memory.put(asked + Native.AT_WAIT_OPTIONS_CANCEL, token.pointer(scratch));
            if (theirs != null) {
                theirs.begin(this);
            }
            status = asleep(() -> call.made(object, asked));
        } finally {
            if (theirs != null) {
                theirs.end(this);
            }
            stop(); // after which nobody else triggers it
            token.close();
        }
        if (status == Native.ERR_CANCELLED && Thread.interrupted()) {
            InterruptedException e = new InterruptedException("the wait was interrupted");
            e.initCause(FbatException.from(status, scratch));
            throw e;
        }
        return status;
    }

    private int asleep(IntSupplier call) {
        begin();
        try {
            return Thread.currentThread().isVirtual()
                    ? CompletableFuture.supplyAsync(call::getAsInt, Threads.ALL).join()
                    : call.getAsInt();
        } finally {
            awake();
        }
    }

    /** The status says what the call has come to, also where its thread was interrupted. */
    private void awake() {
        try {
            end(true);
        } catch (IOException e) {
            assert !isOpen();
        }
    }

    /** Ends the call, by any thread: now, or as soon as it begins. */
    void stop() {
        try {
            close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    protected void implCloseChannel() {
        token.trigger();
    }
}
