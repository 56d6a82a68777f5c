package fbat;

import com.sun.jna.Pointer;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * An event as a reader sees it, with copies of all its bytes. Its arrays belong to who asked for it.
 *
 * @param correlation what it belongs to; null for nothing.
 * @param causation the event that caused it; null for none.
 * @param payload empty where it was not read, as in a filter that did not ask for it.
 * @param sourceNamespace of an imported event, as the next two: else null, null and 0.
 */
public record EventRecord(
        Id id,
        long sequence,
        String entity,
        String scope,
        int kind,
        int payloadVersion,
        int flags,
        boolean isImported,
        long version,
        long timestampUs,
        long recordedUs,
        Id correlation,
        Id causation,
        byte[] payload,
        Map<String, byte[]> extensions,
        Hash contentHash,
        Hash eventHash,
        String sourceNamespace,
        Id sourceEventId,
        long sourceSequence) {
    private static final int EXTENSION_BYTES = 32;

    /** Copies a record of the library's. */
    static EventRecord of(Native.RecordStruct of) {
        return new EventRecord(
                Id.orNull(of.id),
                of.sequence,
                of.entity.text(),
                of.scope.text(),
                Short.toUnsignedInt(of.kind),
                Short.toUnsignedInt(of.payloadVersion),
                of.flags,
                (of.recordFlags & Native.RECORD_IMPORTED) != 0,
                of.version,
                of.timestampUs,
                of.recordedUs,
                Id.orNull(of.correlation),
                Id.orNull(of.causation),
                of.payload.bytes(),
                extensions(of.extensions, of.extensionCount),
                Hash.of(of.contentHash),
                Hash.of(of.eventHash),
                of.sourceNamespace.data == null ? null : of.sourceNamespace.text(),
                Id.orNull(of.sourceEventId),
                of.sourceSequence);
    }

    private static Map<String, byte[]> extensions(Pointer rows, long count) {
        Map<String, byte[]> found = new LinkedHashMap<>();
        for (long i = 0; i < count; i++) {
            Native.ExtensionStruct row = new Native.ExtensionStruct(rows.share(i * EXTENSION_BYTES));
            row.read();
            found.put(row.key.text(), row.value.bytes());
        }
        return Collections.unmodifiableMap(found);
    }
}
