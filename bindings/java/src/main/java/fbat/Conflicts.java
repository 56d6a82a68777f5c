package fbat;

import java.util.ArrayList;
import java.util.List;

/**
 * A part of the names that have two contents, in the order in which they were met.
 *
 * @param rows one for each event that was kept beside another.
 * @param isEnd whether nothing more was there when the list was read. Else go on after the sequence
 *     of the last row.
 */
public record Conflicts(List<Conflict> rows, boolean isEnd) {
    /** Copies a list of the library's, and frees it. */
    static Conflicts taken(long conflicts) {
        try {
            List<Conflict> rows = new ArrayList<>();
            for (long i = 0; i < Native.fbat_conflicts_len(conflicts); i++) {
                rows.add(Conflict.at(Native.fbat_conflicts_get(conflicts, i)));
            }
            return new Conflicts(List.copyOf(rows), Native.fbat_conflicts_is_end(conflicts));
        } finally {
            Native.fbat_conflicts_free(conflicts);
        }
    }
}
