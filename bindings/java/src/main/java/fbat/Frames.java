package fbat;

import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;

/** Provenances as FBATIP frames, to be sent elsewhere. */
public final class Frames {
    private Frames() {}

    /**
     * Reads a frame, which has to be canonical.
     *
     * @throws FbatException it is no such frame.
     */
    public static Provenance decode(byte[] frame) {
        Native.Provenance found = new Native.Provenance();
        PointerByReference err = new PointerByReference();
        found.write();
        try (Arena arena = new Arena()) {
            // Of a copy that does not move: the text of what is decoded points into it.
            Pointer bytes = arena.bytes(frame);
            int status = Native.LIBRARY.fbat_provenance_decode(
                    bytes, frame.length, 0, found.getPointer(), err);
            FbatException.check(status, err);
            found.read();
            return Provenance.of(found);
        }
    }

    /** Writes a frame. */
    public static byte[] encode(Provenance provenance) {
        Native.Provenance to = new Native.Provenance();
        PointerByReference frame = new PointerByReference();
        PointerByReference err = new PointerByReference();
        try (Arena arena = new Arena()) {
            provenance.write(to, arena);
            to.write();
            int status = Native.LIBRARY.fbat_provenance_encode(to.getPointer(), frame, err);
            FbatException.check(status, err);
        }
        Pointer buffer = frame.getValue();
        try {
            long length = Native.LIBRARY.fbat_buffer_len(buffer);
            return Arena.bytes(Native.LIBRARY.fbat_buffer_data(buffer), length);
        } finally {
            Native.LIBRARY.fbat_buffer_free(buffer);
        }
    }
}
