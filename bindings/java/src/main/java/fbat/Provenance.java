package fbat;

import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;

/**
 * Where an imported event came from.
 *
 * @param namespace the name that its source had in the import.
 * @param eventId its id in the source.
 * @param sequence its global sequence in the source.
 * @param frame the same as an FBATIP frame, to be sent elsewhere.
 */
public record Provenance(String namespace, Id eventId, long sequence, int kind, Hash contentHash, byte[] frame) {
    /**
     * Reads an FBATIP frame, which has to be canonical.
     *
     * @throws FbatException it is no such frame.
     */
    public static Provenance decode(byte[] frame) {
        PointerByReference out = new PointerByReference();
        PointerByReference err = new PointerByReference();
        FbatException.check(Native.LIBRARY.fbat_provenance_decode(frame, frame.length, 0, out, err), err);
        return take(out.getValue());
    }

    /** Copies a provenance of the library's, and frees it. */
    static Provenance take(Pointer provenance) {
        Native library = Native.LIBRARY;
        try {
            return new Provenance(
                    library.fbat_provenance_get_namespace(provenance).text(),
                    Id.orNull(library.fbat_provenance_get_event_id(provenance).bytes),
                    library.fbat_provenance_get_sequence(provenance),
                    Short.toUnsignedInt(library.fbat_provenance_get_kind(provenance)),
                    Hash.of(library.fbat_provenance_get_content_hash(provenance).bytes),
                    encode(provenance));
        } finally {
            library.fbat_provenance_free(provenance);
        }
    }

    private static byte[] encode(Pointer provenance) {
        Native library = Native.LIBRARY;
        PointerByReference out = new PointerByReference();
        PointerByReference err = new PointerByReference();
        FbatException.check(library.fbat_provenance_encode(provenance, out, err), err);
        Pointer frame = out.getValue();
        try {
            return library.fbat_buffer_data(frame).getByteArray(0, Math.toIntExact(library.fbat_buffer_len(frame)));
        } finally {
            library.fbat_buffer_free(frame);
        }
    }
}
