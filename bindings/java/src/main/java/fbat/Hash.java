package fbat;

import java.util.HexFormat;

/** A 256-bit BLAKE3 hash: shown as 64 lower-case hex digits. Immutable. */
public record Hash(String hex) {
    static final int BYTES = 32;

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

    static void requireHex(String hex, int bytes) {
        if (!hex.matches("[0-9a-f]{" + 2 * bytes + "}")) {
            throw new IllegalArgumentException("'" + hex + "' is not " + 2 * bytes + " lower-case hex digits");
        }
    }

    static boolean isZero(byte[] bytes) {
        for (byte each : bytes) {
            if (each != 0) {
                return false;
            }
        }
        return true;
    }

    @Override
    public String toString() {
        return hex;
    }
}
