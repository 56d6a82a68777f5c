package fbat;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The functions that the library calls back: one of each sort for the whole process. Which callback
 * is meant, the number says that goes with it. An exception must not leave them, or the machine
 * ends; it waits in {@link Running} for the call to return.
 */
final class Callbacks {
    static final Function FILTER = new Function("filter");
    static final Function PROGRESS = new Function("progress");
    static final Function IMPORT_PROGRESS = new Function("importProgress");

    private static final int STOP = -1;
    private static final int STACK_LEVELS = 1000;
    private static final AtomicLong NUMBERS = new AtomicLong();
    private static final ConcurrentHashMap<Long, Running> RUNNING = new ConcurrentHashMap<>();

    private Callbacks() {}

    /** A method that the library calls: made when it is first needed, for that takes a while. */
    static final class Function {
        private final String name;
        private long address;

        private Function(String name) {
            this.name = name;
        }

        synchronized long address() {
            if (address == 0) {
                address = made(name);
            }
            return address;
        }
    }

    /** A callback that may be called, and what it threw. */
    static final class Running {
        private final long number = NUMBERS.incrementAndGet();
        private final Object callback;
        private Throwable thrown;
        private long reached;

        private Running(Object callback) {
            this.callback = callback;
        }

        long number() {
            return number;
        }

        void end() {
            RUNNING.remove(number);
        }

        private int stop(Throwable t) {
            thrown = t;
            return STOP;
        }
    }

    /**
     * Says that a callback may be called.
     *
     * @throws StackOverflowError too little of the stack is left for the library and the callback.
     *     At the entry of a callback it could not be caught, and would end the machine.
     */
    static Running begin(Object callback) {
        Running running = new Running(callback);
        running.reached = reach(STACK_LEVELS, 1, 2, 3, 4, 5, 6, 7, 8);
        RUNNING.put(running.number, running);
        return running;
    }

    /** Goes down the stack, some 64 KiB and more; what it computes keeps it from being left out. */
    private static long reach(
            int levels, long a, long b, long c, long d, long e, long f, long g, long h) {
        return levels == 0 ? a : reach(levels - 1, h, a, b, c, d, e, f, g) + b;
    }

    static Throwable thrown(List<Running> all) {
        Throwable found = null;
        for (Running each : all) {
            found = found == null ? each.thrown : found;
            each.thrown = null;
        }
        return found;
    }

    /**
     * What a call throws that failed: what its callback threw, as it is, with the library's
     * exception among the suppressed ones; else that exception. A callback throws X and what need
     * not be declared.
     */
    @SuppressWarnings("unchecked")
    static <X extends Exception> X unwrapped(Throwable thrown, FbatException failure) throws X {
        if (thrown == null) {
            throw failure;
        }
        if (thrown != failure) {
            thrown.addSuppressed(failure);
        }
        if (thrown instanceof Error error) {
            throw error;
        }
        return (X) thrown;
    }

    private static int filter(long number, long record) {
        Running running = RUNNING.get(number);
        try {
            return ((Filter<?>) running.callback).keep(EventRecord.at(record)) ? 1 : 0;
        } catch (Throwable t) {
            return running.stop(t);
        }
    }

    private static int progress(long number, long progress) {
        Running running = RUNNING.get(number);
        if (running == null) {
            return STOP; // another thread has closed the cursor
        }
        try {
            ((ProgressListener) running.callback).progress(Progress.at(progress));
            return 0;
        } catch (Throwable t) {
            return running.stop(t);
        }
    }

    private static int importProgress(long number, long report) {
        Running running = RUNNING.get(number);
        try {
            ((ImportProgressListener) running.callback).progress(ImportReport.at(report));
            return 0;
        } catch (Throwable t) {
            return running.stop(t);
        }
    }

    private static long made(String name) {
        MethodType type = MethodType.methodType(int.class, long.class, long.class);
        FunctionDescriptor shape = FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG);
        try {
            MethodHandle method = MethodHandles.lookup().findStatic(Callbacks.class, name, type);
            return Linker.nativeLinker().upcallStub(method, shape, Arena.global()).address();
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }
}
