package fbat;

import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Path;

/**
 * Paths as the file system has them: bytes, whatever {@code sun.jnu.encoding} is. A {@link Path}
 * keeps the bytes that it was found with, and its URI shows them.
 */
final class Paths {
    private static final int HEX = 16;

    private Paths() {}

    /** A path with a NUL after it. */
    static long terminated(Path path, Scratch scratch) {
        if (path.getFileSystem() != FileSystems.getDefault()) {
            throw new IllegalArgumentException(path + " is no path of the system's own files");
        }
        String text = path.toString();
        boolean ascii = text.chars().allMatch(c -> c < 0x80);
        byte[] bytes = ascii ? text.getBytes(StandardCharsets.US_ASCII) : bytesOf(path);
        long at = scratch.room(bytes.length + 1L);
        Memory.put(at, bytes);
        Memory.zero(at + bytes.length, 1);
        return at;
    }

    private static byte[] bytesOf(Path path) {
        // The URI of a directory ends with a slash.
        String escaped = path.toUri().getRawPath().replaceFirst("(?<=.)/$", "");
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int i = 0; i < escaped.length(); i++) {
            char c = escaped.charAt(i);
            bytes.write(c == '%' ? Integer.parseInt(escaped, i + 1, i + 3, HEX) : c);
            i += c == '%' ? 2 : 0;
        }
        return bytes.toByteArray();
    }

    /** A path that a struct points to, or null. */
    static Path path(long at) {
        byte[] bytes = Memory.bytes(at);
        if (bytes.length == 0) {
            return null;
        }
        StringBuilder plain = new StringBuilder();
        StringBuilder escaped = new StringBuilder("file://");
        boolean ascii = true;
        for (byte each : bytes) {
            ascii &= each >= 0;
            plain.append((char) (each & 0xff));
            escaped.append(each == '/' ? "/" : String.format("%%%02X", each));
        }
        // A relative path has no URI; it came from this side, as ASCII.
        if (ascii || bytes[0] != '/') {
            return Path.of(plain.toString());
        }
        return Path.of(URI.create(escaped.toString()));
    }
}
