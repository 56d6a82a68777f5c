package fbat;

/**
 * Told how far an import has come: after each committed chunk, on the thread of the import. What it
 * throws ends the import, which throws it as it is.
 */
@FunctionalInterface
public interface ImportProgressListener {
    /**
     * Some more was examined.
     *
     * @param report what was committed so far, and how far the source was read.
     */
    void progress(ImportReport report);
}
