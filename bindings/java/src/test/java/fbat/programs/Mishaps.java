package fbat.programs;

import fbat.Durability;
import fbat.Event;
import fbat.Fbat;
import fbat.FbatException;
import fbat.ImportOptions;
import fbat.OpenOptions;
import fbat.Store;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;

/** What tests want to happen in a process of its own. */
public final class Mishaps {
    private static final int KIND = 0x1001;
    private static final int PAGE = 4096;

    private Mishaps() {}

    public static void main(String[] arguments) throws Exception {
        Path path = Path.of(arguments[1]);
        switch (arguments[0]) {
            case "exit" -> exit(path);
            case "truncate" -> truncate(path);
            case "open" -> filled(path.resolve("s"), 10).close();
            case "name" -> name(path);
            case "spawn" -> spawn(path);
            case "nest" -> nest(path);
            case "walk" -> walk(path);
            case "append" -> append(path);
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    private static Store filled(Path path, int count) {
        Store store = Store.open(path, new OpenOptions().durability(Durability.OS));
        store.append(IntStream.range(0, count)
                .mapToObj(i -> new Event("thing:" + i, "test", KIND).payload("x"))
                .toList());
        return store;
    }

    /** The last user thread ends while others are inside of callbacks. */
    private static void exit(Path path) throws Exception {
        Files.createDirectory(path);
        Fbat.setLog((level, line) -> line.length());
        Store source = filled(path.resolve("source"), 20_000);
        CountDownLatch begun = new CountDownLatch(3);
        for (int i = 0; i < 3; i++) {
            Store hub = Store.open(path.resolve("hub" + i));
            Thread thread = new Thread(() -> {
                for (int round = 0;; round++) {
                    hub.importFrom(source, new ImportOptions("n" + round), event -> {
                        begun.countDown();
                        return event.version() > 0;
                    });
                }
            });
            thread.setDaemon(true);
            thread.start();
        }
        begun.await();
        System.out.println("ends");
    }

    /** A buffer of the machine's own, whose file was cut short, after a store has mapped files. */
    private static void truncate(Path path) throws IOException {
        try (Store store = filled(path.resolve("s"), 1000)) {
            store.events().forEach(event -> {});
            Path file = path.resolve("mapped");
            Files.write(file, new byte[2 * PAGE]);
            try (FileChannel channel = FileChannel.open(
                    file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
                MappedByteBuffer mapped =
                        channel.map(FileChannel.MapMode.READ_WRITE, 0, 2 * PAGE);
                channel.truncate(0);
                System.out.println(touched(mapped));
            }
        }
    }

    private static String touched(MappedByteBuffer mapped) {
        try {
            return "read " + mapped.get(PAGE);
        } catch (InternalError e) {
            return "InternalError";
        }
    }

    /** Filters that import with filters, until there is no stack left. */
    private static void nest(Path path) throws IOException {
        Files.createDirectory(path);
        try (Store source = filled(path.resolve("source"), 1);
                Store hub = filled(path.resolve("hub"), 0)) {
            for (int i = 0; i < 20; i++) {
                int round = i;
                try {
                    nested(source, hub, 1000 * round);
                } catch (StackOverflowError e) {
                    System.out.print("caught ");
                }
            }
            System.out.println(source.verify().findings().size());
        }
    }

    private static boolean nested(Store source, Store hub, int depth) {
        hub.importFrom(source, new ImportOptions("n" + depth), e -> nested(source, hub, depth + 1));
        return true;
    }

    /** Another process is started while a store is open. */
    private static void spawn(Path path) throws Exception {
        try (Store store = filled(path, 3)) {
            for (int i = 0; i < 3; i++) {
                System.out.print(new ProcessBuilder("true").start().waitFor());
                store.append(new Event("after", "test", KIND));
            }
            System.out.println(" " + store.verify().findings().size() + " " + busy(path));
        }
    }

    private static String busy(Path path) {
        try (Store second = Store.open(path)) {
            return "opened " + second.path();
        } catch (FbatException.Busy e) {
            return "busy";
        }
    }

    private static void name(Path path) {
        try (Store store = filled(path, 1)) {
            System.out.println(store.path().getFileName());
        }
    }

    /** Makes a store in the one directory that is there, however the machine decodes its name. */
    private static void walk(Path path) throws IOException {
        try (DirectoryStream<Path> all = Files.newDirectoryStream(path, Files::isDirectory)) {
            for (Path each : all) {
                if (each.toString().chars().allMatch(c -> c < 0x80)) {
                    continue;
                }
                try (Store store = filled(each, 1)) {
                    System.out.println("the same file: " + Files.isSameFile(store.path(), each));
                }
            }
        }
    }

    /** Appends as many events, one by one, as each line says. */
    private static void append(Path path) throws IOException {
        try (Store store = filled(path, 0);
                BufferedReader in = new BufferedReader(new InputStreamReader(System.in))) {
            System.out.println("open");
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                for (int i = 0; i < Integer.parseInt(line); i++) {
                    store.append(new Event("thing:" + i % 10, "test", KIND).payload("" + i));
                }
            }
        }
    }
}
