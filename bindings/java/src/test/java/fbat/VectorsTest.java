package fbat;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The golden vectors of the fixed byte formats. */
class VectorsTest {
    private static final Path FILE = Path.of("../../tests/golden/vectors/fbatip.json");
    private static final HexFormat HEX = HexFormat.of();

    @TempDir
    Path directory;

    private static List<JsonObject> section(String name) throws IOException {
        List<JsonObject> found = new ArrayList<>();
        JsonObject all = JsonParser.parseString(Files.readString(FILE)).getAsJsonObject();
        for (JsonElement each : all.getAsJsonArray(name)) {
            found.add(each.getAsJsonObject());
        }
        assertFalse(found.isEmpty(), name);
        return found;
    }

    private static byte[] bytes(JsonObject of, String name) {
        return HEX.parseHex(of.get(name).getAsString());
    }

    private static Provenance provenance(JsonObject of) {
        String id = of.has("source_event_id_hex") ? "source_event_id_hex" : "source_event_id";
        Id event = Id.of(of.get(id).getAsString());
        return new Provenance(
                of.get("schema_version").getAsInt(),
                new String(bytes(of, "source_namespace_hex"), StandardCharsets.UTF_8),
                event.equals(Id.of("0".repeat(32))) ? null : event,
                Long.parseUnsignedLong(of.get("source_global_sequence").getAsString()),
                of.get("source_kind").getAsInt(),
                Hash.of(of.get("source_content_hash").getAsString()));
    }

    /** The status as the vectors name it, or the provenance where there is one. */
    private static Object outcome(Supplier<Provenance> decoded) {
        try {
            return decoded.get();
        } catch (FbatException e) {
            return e.code().replace("FBAT_ERR_", "");
        }
    }

    private static void same(JsonObject vector, String mode, String fields, Object found) {
        String name = vector.get("name").getAsString() + " " + mode;
        String wanted = vector.get(mode).getAsString();
        boolean ok = wanted.equals("OK");
        JsonObject parts = vector.getAsJsonObject(vector.has(fields) ? fields : "fields");
        assertEquals(ok ? hashed(provenance(parts)) : wanted, hashed(found), name);
    }

    /** A hash of zeros is none. */
    private static Object hashed(Object found) {
        if (found instanceof Provenance p
                && Hash.of("0".repeat(64)).equals(p.sourceContentHash())) {
            return new Provenance(p.schemaVersion(), p.sourceNamespace(), p.sourceEventId(),
                    p.sourceSequence(), p.sourceKind(), null);
        }
        return found;
    }

    @Test
    void framesAreReadAndWrittenAsTheVectorsSay() throws IOException {
        for (String part : List.of("frames", "damaged_frames")) {
            for (JsonObject vector : section(part)) {
                byte[] frame = bytes(vector, "frame_hex");
                same(vector, "strict", "fields", outcome(() -> Frames.decode(frame)));
                same(vector, "lenient", "lenient_fields",
                        outcome(() -> Frames.decode(frame, WireFlag.LENIENT)));
                if (vector.get("strict").getAsString().equals("OK")) {
                    Provenance fields = provenance(vector.getAsJsonObject("fields"));
                    assertArrayEquals(frame, Frames.encode(fields));
                    byte[] body = Frames.encodeBody(fields);
                    assertEquals(hashed(fields), hashed(Frames.decodeBody(body)));
                }
            }
        }
    }

    @Test
    void keysAndHashesAreThoseOfTheVectors() throws IOException {
        for (JsonObject vector : section("operation_keys")) {
            String[] parts = vector.getAsJsonArray("parts").asList().stream()
                    .map(JsonElement::getAsString)
                    .toArray(String[]::new);
            Id key = Id.ofOperation(vector.get("domain").getAsString(), parts);
            assertEquals(vector.get("key").getAsString(), key.hex());
        }
        for (JsonObject vector : section("content_hashes")) {
            Hash hash = Hash.ofContent(bytes(vector, "bytes_hex"));
            assertEquals(vector.get("content_hash").getAsString(), hash.hex());
        }
    }

    @Test
    void namespacesOfDirectoriesAreThoseOfTheirPaths() {
        String found = Fbat.namespaceFromPath(directory);
        String path = directory.toAbsolutePath().toString();
        Hash hash = Hash.ofContent(path.getBytes(StandardCharsets.UTF_8));
        assertEquals("data-dir:" + hash.hex(), found);
    }
}
