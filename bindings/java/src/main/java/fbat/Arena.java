package fbat;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What one call passes to the library: bytes and structs, which live until this is closed. */
final class Arena implements AutoCloseable {
    private static final int STR_BYTES = 16;
    private static final int EXTENSION_BYTES = 32;
    private static final int U16_MAX = 0xffff;

    private final List<Memory> memories = new ArrayList<>();
    private final List<Structure> structs = new ArrayList<>();

    <S extends Structure> S keep(S struct) {
        structs.add(struct);
        return struct;
    }

    private Memory room(long size) {
        Memory memory = new Memory(Math.max(size, 1)); // no memory of JNA's is empty
        memories.add(memory);
        return memory;
    }

    /** A copy of some bytes. */
    Pointer bytes(byte[] bytes) {
        Memory copy = room(bytes.length);
        copy.write(0, bytes, 0, bytes.length);
        return copy;
    }

    /** Points {@code to} to a text; null is no text. */
    void text(Native.Str to, String text) {
        if (text != null) {
            byte[] bytes = utf8(text);
            to.data = bytes(bytes);
            to.len = bytes.length;
        }
    }

    /** An array of {@code fbat_str}. */
    Pointer texts(List<String> texts) {
        Memory rows = room((long) STR_BYTES * texts.size());
        for (int i = 0; i < texts.size(); i++) {
            put(rows, (long) STR_BYTES * i, utf8(texts.get(i)));
        }
        return rows;
    }

    /** An array of {@code fbat_extension}. */
    Pointer extensions(Map<String, byte[]> extensions) {
        Memory rows = room((long) EXTENSION_BYTES * extensions.size());
        long at = 0;
        for (Map.Entry<String, byte[]> each : extensions.entrySet()) {
            put(rows, at, utf8(each.getKey()));
            put(rows, at + STR_BYTES, each.getValue());
            at += EXTENSION_BYTES;
        }
        return rows;
    }

    /** Scopes of a region. An empty list is refused by the library. */
    Pointer texts(String[] texts) {
        if (texts == null) {
            return null;
        }
        Memory rows = room((long) STR_BYTES * Math.max(texts.length, 1));
        for (int i = 0; i < texts.length; i++) {
            put(rows, (long) STR_BYTES * i, utf8(texts[i]));
        }
        return rows;
    }

    /** Ranges of kinds of a region. */
    Pointer kinds(KindRange[] kinds) {
        if (kinds == null) {
            return null;
        }
        Memory rows = room((long) Integer.BYTES * Math.max(kinds.length, 1));
        for (int i = 0; i < kinds.length; i++) {
            rows.setShort((long) Integer.BYTES * i, (short) u16(kinds[i].first(), "first"));
            rows.setShort((long) Integer.BYTES * i + 2, (short) u16(kinds[i].last(), "last"));
        }
        return rows;
    }

    private void put(Memory rows, long at, byte[] bytes) {
        rows.setPointer(at, bytes(bytes));
        rows.setLong(at + Long.BYTES, bytes.length);
    }

    @Override
    public void close() {
        memories.forEach(Memory::close);
    }

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** Copies bytes of the library's. */
    static byte[] bytes(Pointer data, long length) {
        return data == null ? new byte[0] : data.getByteArray(0, Math.toIntExact(length));
    }

    /** Copies a text of the library's; null where there is none. */
    static String text(Native.Str of) {
        return of.data == null ? null : new String(bytes(of.data, of.len), StandardCharsets.UTF_8);
    }

    /** Copies the extensions of an event. */
    static Map<String, byte[]> extensions(Pointer rows, long count) {
        Map<String, byte[]> found = new LinkedHashMap<>();
        for (long i = 0; i < count; i++) {
            Native.Extension row = new Native.Extension(rows.share(i * EXTENSION_BYTES));
            found.put(text(row.key), bytes(row.value, row.valueLen));
        }
        return Collections.unmodifiableMap(found);
    }

    static int u16(int value, String what) {
        if (value < 0 || value > U16_MAX) {
            throw new IllegalArgumentException(what + " " + value + " is not from 0 to " + U16_MAX);
        }
        return value;
    }
}
