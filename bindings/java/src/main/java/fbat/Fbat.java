package fbat;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** What concerns the library as a whole. */
public final class Fbat {
    private static volatile LogListener listener;

    private Fbat() {}

    /** The function that the library calls, made when the first listener is set. */
    private static final class Log {
        static final long FUNCTION = make();

        private static long make() {
            FunctionDescriptor shape =
                    FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG);
            MethodType type = MethodType.methodType(
                    void.class, long.class, int.class, long.class, long.class);
            // No line may come when there is no machine any more to take it.
            Thread end = new Thread(() -> Native.fbat_set_log_callback(0, 0, 0), "fbat-log-end");
            Runtime.getRuntime().addShutdownHook(end);
            try {
                var method = MethodHandles.lookup().findStatic(Fbat.class, "line", type);
                return Linker.nativeLinker().upcallStub(method, shape, Arena.global()).address();
            } catch (ReflectiveOperationException e) {
                throw new AssertionError(e);
            }
        }
    }

    private static void line(long unused, int level, long message, long length) {
        try {
            LogListener current = listener;
            if (current != null) {
                int at = Math.clamp(level, 1, LogLevel.values().length) - 1;
                current.line(LogLevel.values()[at], Memory.text(message, length));
            }
        } catch (Throwable t) {
            Thread thread = Thread.currentThread();
            try {
                thread.getUncaughtExceptionHandler().uncaughtException(thread, t);
            } catch (Throwable ignored) {
                // As the machine ignores it.
            }
        }
    }

    /**
     * Sets who receives the log of the library in this process, in place of the one before.
     *
     * @param to null for nobody.
     */
    public static void setLog(LogListener to) {
        listener = to;
        FbatException.check(
                Native.fbat_set_log_callback(to == null ? 0 : Log.FUNCTION, 0, 0));
    }

    /** The version of the library that was loaded, for example "0.2.0". */
    public static String version() {
        return Memory.terminated(Native.fbat_version_string());
    }

    /** The version of its binary interface, which is compared when it is loaded. */
    public static int abiVersion() {
        return Native.fbat_abi_version();
    }

    /** How many objects of the library are live in this process: stores, tokens, cursors. */
    public static long liveHandles() {
        return Native.fbat_live_handles();
    }

    /**
     * Says how small parts of files are read from now on: from mapped memory, which is the default
     * and several times as fast, or by system calls.
     *
     * @param mapped false, before the first store is opened: no handler for SIGBUS is put in place.
     */
    public static void setMappedReads(boolean mapped) {
        Native.fbat_set_mapped_reads(mapped);
    }

    /**
     * A namespace for a directory on this machine: {@code data-dir:} and the hex BLAKE3 of its
     * canonical path. It changes when the directory moves.
     *
     * @throws FbatException nothing exists at the path.
     */
    public static String namespaceFromPath(Path path) {
        try (Scratch scratch = Scratch.take()) {
            long made = scratch.place();
            FbatException.check(Native.fbat_namespace_from_path(
                    Paths.terminated(path, scratch), made, scratch.err()), scratch);
            return new String(Frames.taken(Memory.getLong(made)), StandardCharsets.UTF_8);
        }
    }
}
