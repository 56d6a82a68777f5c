package fbat;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** An array of {@code fbat_str} with what it points to, for one call. */
final class Texts implements AutoCloseable {
    private static final int ROW_BYTES = 16;
    private final Memory rows;
    private final Memory bytes;

    Texts(List<String> texts) {
        List<byte[]> encoded = texts.stream().map(text -> text.getBytes(StandardCharsets.UTF_8)).toList();
        // One byte more, since no memory of JNA's is empty.
        bytes = new Memory(1L + encoded.stream().mapToLong(each -> each.length).sum());
        rows = new Memory(1L + (long) ROW_BYTES * encoded.size());
        long at = 0;
        for (int i = 0; i < encoded.size(); i++) {
            byte[] each = encoded.get(i);
            bytes.write(at, each, 0, each.length);
            rows.setPointer((long) ROW_BYTES * i, bytes.share(at));
            rows.setLong((long) ROW_BYTES * i + Long.BYTES, each.length);
            at += each.length;
        }
    }

    Pointer pointer() {
        return rows;
    }

    @Override
    public void close() {
        rows.close();
        bytes.close();
    }
}
