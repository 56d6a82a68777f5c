package fbat.programs;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import fbat.Event;
import fbat.Store;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The programs, run as their users run them; and what only a process of its own shows. */
class ProgramsTest {
    private static final String CLASSES = "target/classes";
    private static final String BOTH = CLASSES + ":target/test-classes";
    private static final String NATIVE = "--enable-native-access=ALL-UNNAMED";
    private static final String EXAMPLES = "../../examples/java/";

    @TempDir
    Path directory;

    private static Process start(String input, Object... arguments) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current().info().command().orElseThrow());
        Arrays.stream(arguments).map(Object::toString).forEach(command::add);
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        try (OutputStream in = process.getOutputStream()) {
            in.write(input.getBytes(UTF_8));
        }
        return process;
    }

    private static List<String> run(String input, Object... arguments)
            throws IOException, InterruptedException {
        Process process = start(input, arguments);
        String output = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertEquals(0, process.waitFor(), output);
        return output.lines().toList();
    }

    private static List<String> interplay(String input, Object... arguments) throws Exception {
        List<Object> all = new ArrayList<>(List.of(NATIVE, "-cp", BOTH, "fbat.programs.Interplay"));
        all.addAll(List.of(arguments));
        return run(input, all.toArray());
    }

    private static List<String> mishap(Object... arguments) throws Exception {
        List<Object> all = new ArrayList<>(List.of(NATIVE, "-cp", BOTH, "fbat.programs.Mishaps"));
        all.addAll(List.of(arguments));
        return run("", all.toArray());
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
        String lamps = EXAMPLES + "Lamps.java";
        assertEquals(expected, run("", NATIVE, "-cp", CLASSES, lamps, directory));
    }

    @Test
    void theFirstProgramRunsWithTheModule() throws Exception {
        String first = EXAMPLES + "First.java";
        Path store = directory.resolve("lamps");
        List<String> found = run("", "--enable-native-access=fbat", "-p", CLASSES, "--add-modules",
                "fbat", first, store);
        assertEquals(List.of("lamp:kitchen on"), found);
    }

    @Test
    void aStoreIsWrittenReadImportedAndItsFramesAreDecoded() throws Exception {
        Path source = directory.resolve("source");
        Path hub = directory.resolve("hub");
        assertEquals(List.of(), interplay("", "write", source));
        List<String> events = interplay("", "read", source);
        assertEquals(300, events.size());
        String start = "3 sensor:1 Gebäude 0x1001 1 1 1700000000000001 ";
        assertTrue(events.get(1).startsWith(start), events.get(1));
        String counts = " filtered 120 reserved 1 conflicts 0 watermark 301";
        for (String said : List.of("imported 180 deduplicated 0", "imported 0 deduplicated 180")) {
            List<String> found = interplay("", "import", source, hub);
            assertEquals(List.of(said + counts), found);
        }
        String frames = String.join("\n", interplay("", "frame", hub));
        List<String> expected = events.stream()
                .map(line -> line.split(" "))
                .filter(fields -> Integer.decode(fields[3]) % 2 == 0)
                .map(f -> String.join(" ", "interplay/source", f[7], f[0], f[3], f[12]))
                .toList();
        assertEquals(expected, interplay(frames, "decode"));
    }

    /** Makes a program of a block of README. */
    private Path readme(int number) throws IOException {
        String readme = Files.readString(Path.of("README.md"));
        String code = readme.split("```java\n")[number].split("```")[0];
        Path program = directory.resolve("Readme.java");
        Files.writeString(program, """
                import fbat.*;
                import java.nio.file.Path;
                import java.util.List;
                public class Readme {
                    public static void main(String[] arguments) throws Exception {
                """ + code.replace("Path.of(\"", "Path.of(\"" + directory + "/") + "}}");
        return program;
    }

    @Test
    void whatReadmeShowsRuns() throws Exception {
        List<String> found = run("", NATIVE, "-cp", CLASSES, readme(1));
        assertEquals(List.of("lamp:kitchen"), found);
    }

    @Test
    void theLoopOfReadmeWaitsForTheNextEvent() throws Exception {
        try (Store house = Store.open(directory.resolve("house"))) {
            house.append(new Event("lamp:kitchen", "home", 0x1001));
            Process process = start("", NATIVE, "-cp", CLASSES, readme(2));
            try (BufferedReader output = process.inputReader(UTF_8)) {
                assertEquals("2 lamp:kitchen", output.readLine());
                house.append(new Event("door:front", "home", 0x1001));
                house.append(new Event("lamp:hall", "home", 0x1001));
                assertEquals("4 lamp:hall", output.readLine());
            } finally {
                process.destroyForcibly();
            }
        }
    }

    @Test
    void theProgramThatIsMeasuredRuns() throws Exception {
        List<String> found =
                run("", NATIVE, "-cp", BOTH, "fbat.programs.Bench", directory, "1000");
        List<String> jobs = found.stream().map(line -> line.split(" ")[0]).toList();
        assertEquals(List.of("append_batch", "page_scan", "import_filter"), jobs);
    }

    @Test
    void theMachineEndsWhileADaemonThreadImportsAndLogs() throws Exception {
        for (int i = 0; i < 5; i++) {
            assertEquals(List.of("ends"), mishap("exit", directory.resolve("exit" + i)));
        }
    }

    @Test
    void aMappedFileThatIsCutShortIsStillAnErrorOfTheMachine() throws Exception {
        assertEquals(List.of("InternalError"), mishap("truncate", directory));
    }

    @Test
    void theChecksOfTheMachineFindNothingButTheSignalHandler() throws Exception {
        List<String> found = run("", "-Xcheck:jni", NATIVE, "-cp", BOTH, "fbat.programs.Mishaps",
                "open", directory);
        List<String> wrong = found.stream()
                .filter(line -> line.matches("(?i).*(warning|fatal).*"))
                .toList();
        assertEquals(List.of("Warning: SIGBUS handler modified!"), wrong);
    }

    @Test
    void anEndlessRecursionThroughCallbacksIsAnError() throws Exception {
        List<String> found = mishap("nest", directory.resolve("nest"));
        assertEquals("caught ".repeat(20) + "0", found.get(found.size() - 1));
    }

    @Test
    void aProcessIsStartedInEachWayWhileAStoreIsOpen() throws Exception {
        for (String way : List.of("POSIX_SPAWN", "VFORK", "FORK")) {
            String property = "-Djdk.lang.Process.launchMechanism=" + way;
            List<String> found = run("", NATIVE, property, "-cp", BOTH, "fbat.programs.Mishaps",
                    "spawn", directory.resolve(way));
            List<String> said = found.stream().filter(line -> line.startsWith("000")).toList();
            assertEquals(List.of("000 0 busy"), said, found::toString);
        }
    }

    @Test
    void bytesOfAPathAreTheSameInEveryLocale() throws Exception {
        Path named = Path.of(directory.toUri().getRawPath(), "ascii");
        assertEquals(List.of("ascii"), mishap("name", named));
        Process process = new ProcessBuilder("bash", "-c",
                "mkdir -p $'" + directory + "/\\xfc\\xc3\\xbc' && cd '" + directory + "' && "
                        + "for at in */; do LC_ALL=C \"$0\" \"$@\" walk .; done; ls */",
                ProcessHandle.current().info().command().orElseThrow(), NATIVE, "-cp",
                Path.of("target/classes").toAbsolutePath() + ":"
                        + Path.of("target/test-classes").toAbsolutePath(),
                "fbat.programs.Mishaps").redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertEquals(0, process.waitFor(), output);
        assertTrue(output.contains("store.fbat"), output);
        assertTrue(output.contains("the same file: true"), output);
    }

    @Test
    void theLibraryIsFoundByPropertyThenInTheJarThenInTheSystem() throws Exception {
        Path library = Path.of("../../build/lib").toRealPath();
        Path copy = directory.resolve("classes");
        copyWithoutLibrary(Path.of(CLASSES), copy);
        String first = EXAMPLES + "First.java";
        for (Object named : List.of(library, library.resolve("libfbat.so"), "../../build/lib")) {
            Path store = Files.createTempDirectory(directory, "found");
            String property = "-Dfbat.library.path=" + named;
            assertEquals(List.of("lamp:kitchen on"),
                    run("", NATIVE, property, "-cp", copy, first, store));
        }
        String output = failing("-cp", copy, first, directory.resolve("none"));
        assertTrue(output.contains("there is no libfbat.so.0"), output);
        output = failing("-Dfbat.library.path=/nowhere", "-cp", copy, first, directory);
        assertTrue(output.contains("/nowhere: there is no such file"), output);
    }

    private static void copyWithoutLibrary(Path from, Path to) throws IOException {
        try (Stream<Path> all = Files.walk(from)) {
            for (Path each : (Iterable<Path>) all::iterator) {
                if (!each.toString().contains("libfbat")) {
                    Files.copy(each, to.resolve(from.relativize(each)));
                }
            }
        }
    }

    private static String failing(Object... arguments) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current().info().command().orElseThrow());
        command.add(NATIVE);
        Arrays.stream(arguments).map(Object::toString).forEach(command::add);
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().remove("FBAT_LIBRARY");
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertFalse(process.waitFor() == 0, output);
        return output;
    }
}
