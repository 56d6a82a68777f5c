package fbat;

import java.util.ArrayList;
import java.util.List;

/**
 * A part of the events that only one of two stores has.
 *
 * @param rows one for each.
 * @param isEnd whether nothing more was there when the list was read. Else go on after the position
 *     of the last row.
 */
public record Differences(List<Difference> rows, boolean isEnd) {
    /** Copies a list of the library's, and frees it. */
    static Differences taken(long differences) {
        try {
            List<Difference> rows = new ArrayList<>();
            for (long i = 0; i < Native.fbat_differences_len(differences); i++) {
                rows.add(Difference.at(Native.fbat_differences_get(differences, i)));
            }
            return new Differences(List.copyOf(rows), Native.fbat_differences_is_end(differences));
        } finally {
            Native.fbat_differences_free(differences);
        }
    }
}
