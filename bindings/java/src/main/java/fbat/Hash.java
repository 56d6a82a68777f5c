package fbat;

import java.util.HexFormat;

/** A 256-bit BLAKE3 hash: shown as 64 lower-case hex digits. Immutable. */
public record Hash(String hex) {
    private static final int BYTES = 32;

    /**
     * @param hex 64 lower-case hex digits.
     * @throws IllegalArgumentException it is anything else.
     */
    public Hash {
        requireHex(hex, BYTES);
    }

    static Hash of(byte[] bytes) {
        return new Hash(HexFormat.of().formatHex(bytes));
    }

    static byte[] bytesOf(Hash hash) {
        return HexFormat.of().parseHex(hash.hex);
    }

    static void requireHex(String hex, int bytes) {
        if (!hex.matches("[0-9a-f]{" + 2 * bytes + "}")) {
            throw new IllegalArgumentException("'" + hex + "' is no hex of " + bytes + " bytes");
        }
    }

    @Override
    public String toString() {
        return hex;
    }
}
