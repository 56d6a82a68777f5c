package fbat.example;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The programs, run as their users run them. */
class ExamplesTest {
    @TempDir
    Path directory;

    private static List<String> run(Class<?> program, String input, Object... arguments)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                ProcessHandle.current().info().command().orElseThrow(),
                "-cp",
                System.getProperty("java.class.path"),
                program.getName()));
        List.of(arguments).forEach(argument -> command.add(argument.toString()));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        try (OutputStream in = process.getOutputStream()) {
            in.write(input.getBytes(UTF_8));
        }
        String output = new String(process.getInputStream().readAllBytes(), UTF_8);
        List<String> lines = output.lines().toList();
        assertEquals(0, process.waitFor(), () -> String.join("\n", lines));
        return lines;
    }

    @Test
    void lampsTellWhatTheyDid() throws Exception {
        List<String> expected = List.of(
                "event 2 is on the disk: true",
                "event 3 is on the disk: true",
                "event 4 is on the disk: true",
                "lamp:kitchen on",
                "lamp:kitchen to the window",
                "lamp:hall off",
                "2 imported, 1 left out",
                "lamp:kitchen was event 2 of house/7",
                "lamp:hall was event 4 of house/7",
                "refused: no more room for lamp:kitchen");
        assertEquals(expected, run(Lamps.class, "", directory));
    }

    @Test
    void aStoreIsWrittenReadImportedAndItsFramesAreDecoded() throws Exception {
        Path source = directory.resolve("source");
        Path hub = directory.resolve("hub");
        assertEquals(List.of(), run(Interplay.class, "", "write", source));
        List<String> events = run(Interplay.class, "", "read", source);
        assertEquals(300, events.size());
        String start = "3 sensor:1 Gebäude 0x1001 1 1 1700000000000001 ";
        assertTrue(events.get(1).startsWith(start), events.get(1));
        String counts = " filtered 120 reserved 1 conflicts 0 watermark 301";
        for (String said : List.of("imported 180 deduplicated 0", "imported 0 deduplicated 180")) {
            List<String> found = run(Interplay.class, "", "import", source, hub);
            assertEquals(List.of(said + counts), found);
        }
        String frames = String.join("\n", run(Interplay.class, "", "frame", hub));
        List<String> expected = events.stream()
                .map(line -> line.split(" "))
                .filter(fields -> Integer.decode(fields[3]) % 2 == 0)
                .map(f -> String.join(" ", "interplay/source", f[7], f[0], f[3], f[12]))
                .toList();
        assertEquals(expected, run(Interplay.class, frames, "decode"));
    }
}
