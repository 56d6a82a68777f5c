package fbat;

import java.util.ArrayList;
import java.util.List;

/**
 * A part of the list of origins, in the order of their namespaces.
 *
 * @param rows one for each.
 * @param isEnd whether nothing more was there when the list was read. Else go on after the
 *     namespace of the last row.
 */
public record Origins(List<Origin> rows, boolean isEnd) {
    /** Copies a list of the library's, and frees it. */
    static Origins taken(long origins) {
        try {
            List<Origin> rows = new ArrayList<>();
            for (long i = 0; i < Native.fbat_origins_len(origins); i++) {
                rows.add(Origin.at(Native.fbat_origins_get(origins, i)));
            }
            return new Origins(List.copyOf(rows), Native.fbat_origins_is_end(origins));
        } finally {
            Native.fbat_origins_free(origins);
        }
    }
}
