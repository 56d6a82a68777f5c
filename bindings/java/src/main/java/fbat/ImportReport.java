package fbat;

/**
 * Where every examined event went. Of an import that ended early it covers what was committed.
 *
 * @param imported appended to the destination.
 * @param deduplicated there already.
 * @param skippedReserved the source's own events.
 * @param skippedFiltered left out by the filter.
 * @param skippedReimported earlier output of the same import.
 * @param conflicts there with other content, and left out.
 * @param sourceHighWatermark the last sequence of the source that was examined.
 */
public record ImportReport(
        long imported,
        long deduplicated,
        long skippedReserved,
        long skippedFiltered,
        long skippedReimported,
        long conflicts,
        long overtaken,
        long sourceHighWatermark,
        long sourceCeiling,
        long destinationVisible,
        long destinationDurable) {
    static ImportReport of(Native.ImportReportStruct of) {
        return new ImportReport(
                of.imported,
                of.deduplicated,
                of.skippedReserved,
                of.skippedFiltered,
                of.skippedReimported,
                of.conflicts,
                of.overtaken,
                of.sourceHighWatermark,
                of.sourceCeiling,
                of.destinationVisible,
                of.destinationDurable);
    }
}
