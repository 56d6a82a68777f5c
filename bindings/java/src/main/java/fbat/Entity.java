package fbat;

import java.nio.charset.StandardCharsets;

/**
 * Entities and scopes for names of others, which have what entities refuse: paths, URLs, topics.
 */
public final class Entity {
    private Entity() {}

    @FunctionalInterface
    private interface Coder {
        int code(long text, long length, long out, long err);
    }

    /**
     * The entity, or scope, that stands for any text: percent encoding of what is refused.
     *
     * @throws FbatException the text is empty, or the entity would have more than 1024 bytes.
     */
    public static String encode(String text) {
        return coded(Native::fbat_entity_encode, text);
    }

    /**
     * The text that an entity, or scope, of {@link #encode} stands for.
     *
     * @throws FbatException this is no such entity.
     */
    public static String decode(String entity) {
        return coded(Native::fbat_entity_decode, entity);
    }

    private static String coded(Coder coder, String text) {
        try (Scratch scratch = Scratch.take()) {
            long given = scratch.str(text);
            long made = scratch.place();
            long data = Memory.getLong(given);
            long length = Memory.getLong(given + Long.BYTES);
            FbatException.check(coder.code(data, length, made, scratch.err()), scratch);
            return new String(Frames.taken(Memory.getLong(made)), StandardCharsets.UTF_8);
        }
    }
}
