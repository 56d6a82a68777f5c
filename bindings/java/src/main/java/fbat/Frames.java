package fbat;

import java.util.Optional;

/** Provenances as FBATIP frames and as bare bodies, to be sent elsewhere and read back. */
public final class Frames {
    /** The schema version that this library writes, and the highest that it reads. */
    public static final int SCHEMA_VERSION = Native.PROVENANCE_SCHEMA_VERSION;

    private Frames() {}

    @FunctionalInterface
    private interface Reader {
        int read(long bytes, long length, int flags, long out, long err);
    }

    @FunctionalInterface
    private interface Writer {
        int write(long provenance, long out, long err);
    }

    /**
     * Reads a frame: magic, version, checksum, body.
     *
     * @throws FbatException it is no such frame, or, without {@link WireFlag#LENIENT}, not the one
     *     canonical encoding.
     */
    public static Provenance decode(byte[] frame, WireFlag... flags) {
        return read(Native::fbat_provenance_decode, frame, flags);
    }

    /**
     * Reads a bare body, as the extension {@code batpak.import.provenance} has it.
     *
     * @throws FbatException as {@link #decode}.
     */
    public static Provenance decodeBody(byte[] body, WireFlag... flags) {
        return read(Native::fbat_provenance_from_extension, body, flags);
    }

    /** Writes a frame. */
    public static byte[] encode(Provenance provenance) {
        return written(Native::fbat_provenance_encode, provenance);
    }

    /** Writes a bare body. */
    public static byte[] encodeBody(Provenance provenance) {
        return written(Native::fbat_provenance_encode_body, provenance);
    }

    private static Provenance read(Reader reader, byte[] bytes, WireFlag... flags) {
        try (Scratch scratch = Scratch.take()) {
            // Text of what is decoded points into the bytes.
            long given = scratch.room(2 * Long.BYTES);
            scratch.bytes(given, bytes);
            long found = scratch.struct(Native.PROVENANCE_SIZE);
            int bits = WireFlag.sum(flags);
            long data = Memory.getLong(given);
            int status = reader.read(data, bytes.length, bits, found, scratch.err());
            FbatException.check(status, scratch);
            return Provenance.at(found);
        }
    }

    private static byte[] written(Writer writer, Provenance provenance) {
        try (Scratch scratch = Scratch.take()) {
            long given = scratch.struct(Native.PROVENANCE_SIZE);
            provenance.write(given, scratch);
            long made = scratch.place();
            FbatException.check(writer.write(given, made, scratch.err()), scratch);
            return taken(Memory.getLong(made));
        }
    }

    /** Copies a buffer of the library's, and frees it. */
    static byte[] taken(long buffer) {
        try {
            return Memory.copy(Native.fbat_buffer_data(buffer), Native.fbat_buffer_len(buffer));
        } finally {
            Native.fbat_buffer_free(buffer);
        }
    }

    /** A record has the parts of its provenance; what an import kept of an event is the event's. */
    static Optional<Provenance> provenanceOf(EventRecord of) {
        if (!of.isImported() || of.isProvenanceUnreadable()) {
            return Optional.empty();
        }
        if (of.rawProvenance().length != 0) {
            return Optional.of(decodeBody(of.rawProvenance()));
        }
        return Optional.of(new Provenance(SCHEMA_VERSION, of.sourceNamespace(), of.sourceEventId(),
                of.sourceSequence(), of.kind(), of.contentHash()));
    }
}
