package fbat;

import java.util.ArrayList;
import java.util.List;

/**
 * A part of a list of entities or scopes, in the order of their bytes.
 *
 * @param rows one for each.
 * @param isEnd whether nothing more was there when the list was read. Else go on after the name of
 *     the last row.
 */
public record Summaries(List<Summary> rows, boolean isEnd) {
    /** Copies a list of the library's, and frees it. */
    static Summaries taken(long summaries) {
        try {
            List<Summary> rows = new ArrayList<>();
            for (long i = 0; i < Native.fbat_summaries_len(summaries); i++) {
                rows.add(Summary.at(Native.fbat_summaries_get(summaries, i)));
            }
            return new Summaries(List.copyOf(rows), Native.fbat_summaries_is_end(summaries));
        } finally {
            Native.fbat_summaries_free(summaries);
        }
    }
}
