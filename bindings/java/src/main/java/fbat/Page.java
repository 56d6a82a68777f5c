package fbat;

import java.util.List;

/**
 * Events of a query, in its order. A copy, which outlives the store.
 *
 * @param records the events.
 * @param resume where to go on: what to set as {@code after} (forward) or {@code until} (backward)
 *     for the next page, unless {@code isEnd}.
 * @param isEnd whether nothing more was there when the page was read.
 */
public record Page(List<EventRecord> records, long resume, boolean isEnd) {
    /** Copies a page of the library's, and frees it. */
    static Page taken(long page) {
        try {
            EventRecord[] records = new EventRecord[(int) Native.fbat_page_len(page)];
            long row = Native.fbat_page_rows(page);
            // Rows of a later version of the library may be longer.
            long apart = records.length == 0 ? 0 : Memory.getLong(row);
            for (int i = 0; i < records.length; i++) {
                records[i] = EventRecord.at(row);
                row += apart;
            }
            long resume = Native.fbat_page_resume(page);
            return new Page(List.of(records), resume, Native.fbat_page_is_end(page));
        } finally {
            Native.fbat_page_free(page);
        }
    }
}
