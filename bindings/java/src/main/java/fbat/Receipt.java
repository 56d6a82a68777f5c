package fbat;

/**
 * What an append answers for an event.
 *
 * @param sequence its place in the store, counted from 1, never used again.
 * @param version how many events the entity has with this one.
 * @param timestampUs the event's time: microseconds since 1970.
 * @param recordedUs when the store wrote it: microseconds since 1970.
 * @param previousHash of the entity's event before; all zero where that was lost before a repair.
 * @param flags bits: 1 replayed, 2 durable, 4 imported.
 */
public record Receipt(
        Id id,
        long sequence,
        long version,
        long timestampUs,
        long recordedUs,
        Hash contentHash,
        Hash eventHash,
        Hash previousHash,
        int flags) {
    static Receipt of(Native.ReceiptStruct of) {
        return new Receipt(
                Id.orNull(of.id),
                of.sequence,
                of.version,
                of.timestampUs,
                of.recordedUs,
                Hash.of(of.contentHash),
                Hash.of(of.eventHash),
                Hash.of(of.previousHash),
                of.flags);
    }

    /** The key was there already, with the same content: this is the answer of the first append. */
    public boolean isReplayed() {
        return (flags & 1) != 0;
    }

    /** The event is known to be on the disk. */
    public boolean isDurable() {
        return (flags & 2) != 0;
    }
}
