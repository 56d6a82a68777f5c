package fbat;

/**
 * Receives a line of the library's log, on any thread that is inside a call, several at once. What
 * it throws goes to the uncaught exception handler of the thread.
 */
@FunctionalInterface
public interface LogListener {
    /** One line, without a line break. */
    void line(LogLevel level, String message);
}
