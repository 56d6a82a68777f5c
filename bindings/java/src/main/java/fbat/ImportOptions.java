package fbat;

import com.sun.jna.Pointer;
import java.nio.charset.StandardCharsets;

/**
 * How to import.
 *
 * @param namespace the name that the source's events are known by in the destination: the same name means the same source.
 * @param chunkSize how many events become visible together.
 * @param cancel ends the import from any thread; null for none.
 */
public record ImportOptions(String namespace, int chunkSize, Cancel cancel) {
    private static final int CHUNK_EVENTS = 256;
    private static final int COLUMN_PAYLOAD = 1;
    private static final int COLUMN_EXTENSIONS = 2;

    public ImportOptions(String namespace) {
        this(namespace, CHUNK_EVENTS, null);
    }

    /** The library's options, to be freed. A record that a filter is shown has all that was recorded. */
    Pointer make(Native.FilterFunction filter) {
        Native library = Native.LIBRARY;
        Pointer options = library.fbat_import_options_new();
        try {
            byte[] name = namespace.getBytes(StandardCharsets.UTF_8);
            FbatException.check(library.fbat_import_options_set_namespace(options, name, name.length));
            FbatException.check(library.fbat_import_options_set_chunk_size(options, chunkSize));
            FbatException.check(
                    library.fbat_import_options_set_filter_columns(options, COLUMN_PAYLOAD | COLUMN_EXTENSIONS));
            FbatException.check(library.fbat_import_options_set_filter(options, filter, null, null));
            FbatException.check(
                    library.fbat_import_options_set_cancel(options, cancel == null ? null : cancel.pointer()));
            return options;
        } catch (RuntimeException e) {
            library.fbat_import_options_free(options);
            throw e;
        }
    }
}
