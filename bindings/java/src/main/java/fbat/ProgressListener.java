package fbat;

/**
 * Told how far a call has come, some hundred times at most, on the thread that made the call, or
 * that waits in place of a virtual one. What it throws ends the call, which throws it as it is.
 */
@FunctionalInterface
public interface ProgressListener {
    /** What is counted is said where a call takes its listener. */
    void progress(Progress progress);
}
