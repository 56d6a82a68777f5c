package fbat;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The rest of the header: figures, pages, cursors, verification, copies, repair, the log. */
class WholeTest {
    private static final int NOTE = 0x1 << 12 | 1;
    private static final OpenOptions OS = new OpenOptions().durability(Durability.OS);

    @TempDir
    Path directory;

    @AfterEach
    void nothingOfTheLibraryIsLeft() {
        assertEquals(0, Fbat.liveHandles());
    }

    private Store filled(String name, int count) {
        Store store = Store.open(directory.resolve(name), OS);
        store.append(IntStream.range(0, count)
                .mapToObj(i -> new Event("thing:" + i % 10, "test", NOTE).payload("note " + i))
                .toList());
        return store;
    }

    private static FbatException refused(int status, Runnable body) {
        FbatException e = assertThrows(FbatException.class, body::run);
        assertEquals(status, e.status(), e.getMessage());
        return e;
    }

    @Test
    void aStoreTellsAboutItself() {
        OpenOptions options = new OpenOptions().label("Größe").durability(Durability.OS);
        try (Store store = Store.open(directory.resolve("s"), options)) {
            assertTrue(store.openReport().isCreated());
            assertEquals("Größe", store.label());
            assertEquals("store:" + store.id(), store.namespace());
            assertEquals(directory.resolve("s"), store.path());
            assertFalse(store.isReadOnly());
            Receipt receipt = store.append(new Event("a", "b", NOTE).payload("c"));
            assertEquals(new Frontier(2, 2), store.sync());
            assertEquals(2, store.frontier().visible());
            assertEquals(2, store.stats().events());
            Head head = store.head("a").orElseThrow();
            assertEquals(new Head(1, 2, receipt.id(), receipt.eventHash()), head);
            assertTrue(store.head("nobody").isEmpty());
            Hash before = store.logHash();
            store.append(new Event("a", "b", NOTE));
            assertNotEquals(before, store.logHash());
            try (Store reader = Store.openReading(directory.resolve("s"))) {
                assertTrue(reader.isReadOnly());
                refused(Status.READ_ONLY, () -> reader.append(new Event("a", "b", NOTE)));
            }
        }
        assertEquals("0.2.0", Fbat.version());
        assertEquals(Native.ABI_VERSION, Fbat.abiVersion());
    }

    @Test
    void aRepeatedKeyIsAReplay() {
        try (Store store = filled("s", 0)) {
            Event event = new Event("a", "b", NOTE).key(Id.ofOperation("test", "1"));
            assertFalse(store.append(event).isReplayed());
            assertTrue(store.append(event).isReplayed());
            refused(Status.IDEMPOTENCY_CONFLICT, () -> store.append(event.payload("other")));
        }
    }

    @Test
    void pagesIteratorsStreamsAndCursorsReadTheSame() {
        try (Store store = filled("s", 2500)) {
            List<Long> sequences = new ArrayList<>();
            store.events().forEach(event -> sequences.add(event.sequence()));
            assertEquals(IntStream.range(0, 2500).mapToObj(i -> i + 2L).toList(), sequences);
            try (Stream<EventRecord> stream = store.stream(new Query())) {
                assertEquals(sequences, stream.map(EventRecord::sequence).toList());
            }
            Query back = new Query().flags(QueryFlag.BACKWARD);
            List<Long> reversed = new ArrayList<>();
            store.forEach(back, event -> reversed.add(event.sequence()));
            assertEquals(sequences.reversed(), reversed);
            Page first = store.page(new Query());
            Page second = store.page(new Query().after(first.resume()));
            assertEquals(first.resume() + 1, second.records().get(0).sequence());
            assertFalse(first.isEnd());
            Iterator<EventRecord> left = store.events().iterator();
            assertEquals(2, left.next().sequence()); // and nothing of it has to be closed
            assertEquals(1, Fbat.liveHandles());
        }
    }

    @Test
    void aCursorFollowsTheLog() {
        try (Store store = filled("s", 3); Cursor cursor = store.cursor(new Query())) {
            assertEquals(3, cursor.next().size());
            assertEquals(List.of(), cursor.next());
            store.append(new Event("late", "test", NOTE));
            assertEquals("late", cursor.next().get(0).entity());
            store.close();
            refused(Status.CLOSED, cursor::next);
            cursor.close();
            refused(Status.CLOSED, cursor::next);
        }
    }

    @Test
    void anEmptyEntityIsNotEveryEntity() {
        try (Store store = filled("s", 3)) {
            Query computed = new Query().region(new Region().entity(""));
            refused(Status.INVALID_ARGUMENT, () -> store.page(computed));
            assertEquals(3, store.page(new Query().region(new Region())).records().size());
            refused(Status.INVALID_COORDINATE, () -> store.append(new Event("", "b", NOTE)));
            Event half = new Event("\ud800", "b", NOTE);
            assertThrows(IllegalArgumentException.class, () -> store.append(half));
        }
    }

    @Test
    void withoutANamespaceTheSourceIsKnownByItsOwn() {
        try (Store source = filled("source", 3); Store hub = filled("hub", 0)) {
            assertEquals(3, hub.importFrom(source, new ImportOptions()).imported());
            for (EventRecord event : hub.events()) {
                assertEquals(source.namespace(), event.provenance().orElseThrow()
                        .sourceNamespace());
            }
            refused(Status.INVALID_ARGUMENT, () -> hub.importFrom(source, new ImportOptions("")));
        }
    }

    @Test
    void everyLongCallReportsProgressAndThrowsWhatItsListenerThrows() throws IOException {
        List<Progress> seen = new ArrayList<>();
        try (Store store = filled("s", 3000); Store hub = filled("hub", 0)) {
            store.sync();
            VerifyOptions watched = new VerifyOptions().progress(seen::add);
            assertEquals(List.of(), store.verify(watched).findings());
            Progress last = seen.get(seen.size() - 1);
            assertEquals(last.total(), last.done());
            IllegalStateException stop = new IllegalStateException("enough");
            ProgressListener stopping = progress -> {
                throw stop;
            };
            hub.append(new Event("a", "b", NOTE));
            hub.close();
            Path closed = directory.resolve("hub");
            List<Runnable> calls = List.of(
                    () -> store.verify(new VerifyOptions().progress(stopping)),
                    () -> store.page(new Query().progress(stopping)),
                    () -> next(store, new Query().progress(stopping)),
                    () -> store.backup(directory.resolve("b"), new BackupOptions()
                            .progress(stopping)),
                    () -> Store.repair(closed, directory.resolve("r"), new RepairOptions()
                            .progress(stopping)),
                    () -> stoppedImport(closed, store, stop));
            for (Runnable call : calls) {
                assertSame(stop, assertThrows(IllegalStateException.class, call::run));
            }
            FbatException failure = (FbatException) stop.getSuppressed()[0];
            assertEquals("FBAT_STOPPED_BY_CALLBACK", failure.code());
        }
    }

    private static void next(Store store, Query query) {
        try (Cursor cursor = store.cursor(query)) {
            cursor.next();
        }
    }

    private static void stoppedImport(Path path, Store source, RuntimeException stop) {
        try (Store hub = Store.open(path, OS)) {
            hub.importFrom(source, new ImportOptions("n").progress(report -> {
                throw stop;
            }));
        }
    }

    @Test
    void aBackupIsAStoreAndGetsAnIdOfItsOwn() {
        try (Store store = filled("s", 100)) {
            Path copy = directory.resolve("copy");
            BackupReport report = store.backup(copy, new BackupOptions().flags(BackupFlag.LINK));
            assertEquals(101, report.events());
            assertEquals(store.logHash(), report.logHash());
            Id made = Store.newIdentity(copy);
            assertNotEquals(store.id(), made);
            try (Store opened = Store.open(copy)) {
                assertEquals(made, opened.id());
            }
        }
    }

    @Test
    void whatIsFullIsCompressedAndReadsTheSame() {
        OpenOptions small = new OpenOptions().segmentBytes(65536);
        try (Store store = Store.open(directory.resolve("s"), small)) {
            for (int i = 0; i < 1000; i++) {
                store.append(new Event("a", "b", NOTE).payload(new byte[500]));
            }
            Hash before = store.logHash();
            long bytes = store.stats().logBytes();
            CompressReport report = store.compress(new CompressOptions().level(3));
            long saved = report.bytesBefore() - report.bytesAfter();
            assertTrue(report.segments() > 0 && saved > 0);
            assertEquals(bytes - saved, store.stats().logBytes());
            assertEquals(before, store.logHash());
            assertEquals(List.of(), store.verify().findings());
            assertEquals(0, store.compress().segments());
        }
    }

    @Test
    void damageIsFoundAndRepairedIntoANewStore() throws IOException {
        filled("s", 100).close();
        Path log;
        try (Stream<Path> files = Files.list(directory.resolve("s"))) {
            log = files.max((a, b) -> Long.compare(a.toFile().length(), b.toFile().length()))
                    .orElseThrow();
        }
        try (RandomAccessFile file = new RandomAccessFile(log.toFile(), "rw")) {
            byte[] all = new byte[(int) file.length()];
            file.readFully(all);
            file.seek(new String(all, StandardCharsets.ISO_8859_1).indexOf("note 50"));
            file.write('N');
        }
        Repair repair = Store.repair(directory.resolve("s"), directory.resolve("repaired"));
        assertEquals(1, repair.report().lostSequences());
        Finding lost = repair.findings().stream()
                .filter(each -> each.firstSequence() != 0)
                .findFirst()
                .orElseThrow();
        assertEquals(52, lost.firstSequence());
        assertTrue(lost.path().startsWith(directory.resolve("s")), lost.toString());
        try (Store store = Store.openReading(directory.resolve("repaired"))) {
            Verification verified = store.verify();
            assertEquals(List.of(), verified.findings());
            assertEquals(1, verified.report().lostSequences());
        }
    }

    @Test
    void theLogGoesToItsListener() throws IOException {
        List<String> lines = new CopyOnWriteArrayList<>();
        Fbat.setLog((level, line) -> {
            lines.add(level + " " + line);
            throw new IllegalStateException("goes to the handler of the thread");
        });
        Thread.setDefaultUncaughtExceptionHandler((thread, thrown) -> {});
        try {
            filled("s", 3).close();
            try (Stream<Path> files = Files.list(directory.resolve("s"))) {
                for (Path each : files.filter(f -> f.toString().contains("idx")).toList()) {
                    Files.write(each, new byte[] {1});
                }
            }
            Files.deleteIfExists(directory.resolve("s/clean"));
            Store.open(directory.resolve("s")).close();
        } finally {
            Fbat.setLog(null);
            Thread.setDefaultUncaughtExceptionHandler(null);
        }
        int before = lines.size();
        filled("t", 1).close();
        assertEquals(before, lines.size());
        assertFalse(lines.isEmpty());
    }

    @Test
    void kindsIdsAndHashesAreValues() {
        for (int kind = 0; kind <= 0xffff; kind++) {
            assertEquals(kind, Kind.of(Kind.category(kind), Kind.type(kind)));
        }
        refused(Status.INVALID_ARGUMENT, () -> Kind.of(16, 0));
        Id id = Id.of("0123456789ABCDEF0123456789abcdef");
        assertEquals("0123456789abcdef0123456789abcdef", id.hex());
        assertEquals(id, Id.of(id.toUuid()));
        assertEquals(UUID.fromString("01234567-89ab-cdef-0123-456789abcdef"), id.toUuid());
        assertTrue(Id.of("f" + "0".repeat(31)).compareTo(id) > 0);
        Hash hash = Hash.ofContent(new byte[0]);
        assertEquals(hash, Hash.of(hash.hex()));
        assertTrue(hash.hex().startsWith("af1349b9f5f9a1a6"), hash.hex());
        assertArrayEquals(hash.bytes(), Hash.of(hash.hex()).bytes());
    }

    @Test
    void whatIsPassedInIsCopiedAndWhatIsHandedOutIsACopy() {
        try (Store store = filled("s", 0)) {
            byte[] payload = {1, 2, 3};
            List<Event> batch = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                payload[0] = (byte) i;
                batch.add(new Event("a", "b", NOTE).payload(payload).extension("a.b", payload));
            }
            payload[0] = 99;
            store.append(batch);
            List<Integer> first = new ArrayList<>();
            for (EventRecord event : store.events()) {
                first.add((int) event.payload()[0]);
                first.add((int) event.extensions().get("a.b")[0]);
            }
            assertEquals(List.of(0, 0, 1, 1, 2, 2), first);
        }
    }

    @Test
    void aBatchOfAnySizeFits() {
        try (Store store = filled("s", 0)) {
            byte[] large = new byte[5 << 20];
            large[large.length - 1] = 7;
            for (int count : new int[] {1, 100, 3000, 0}) {
                List<Event> events = IntStream.range(0, count)
                        .mapToObj(i -> new Event("many:" + i, "test", NOTE).payload("x"))
                        .toList();
                assertEquals(count, store.append(events).size());
            }
            Receipt receipt = store.append(new Event("large", "test", NOTE).payload(large));
            assertArrayEquals(large, store.get(receipt.id()).orElseThrow().payload());
            List<Event> tooMany =
                    IntStream.range(0, 65_537).mapToObj(i -> new Event("a", "b", NOTE)).toList();
            refused(Status.LIMIT_EXCEEDED, () -> store.append(tooMany));
        }
    }

    @Test
    void timesAreThoseOfJavaToo() {
        try (Store store = filled("s", 0)) {
            Instant time = Instant.parse("1969-07-20T20:17:40.123456Z");
            Event event = new Event("a", "b", NOTE).timestamp(time.plusNanos(789));
            Receipt receipt = store.append(event);
            assertEquals(time, receipt.timestamp());
            EventRecord found = store.get(receipt.id()).orElseThrow();
            assertEquals(time, found.timestamp());
            assertEquals(receipt.recorded(), found.recorded());
            Region region = new Region().timestamp(time, time);
            assertEquals(1, store.page(new Query().region(region)).records().size());
            Event beyond = new Event("a", "b", NOTE);
            assertThrows(ArithmeticException.class, () -> beyond.timestamp(Instant.MAX));
        }
    }

    @Test
    void everyCategoryIsAClassOfExceptions() {
        try (Store store = filled("s", 0)) {
            assertThrows(FbatException.Busy.class, () -> filled("s", 0));
            assertThrows(FbatException.Invalid.class, () -> store.append(new Event("", "b", NOTE)));
            Event wrong = new Event("a", "b", NOTE).expect(Expect.PRESENT);
            assertThrows(FbatException.Conflict.class, () -> store.append(wrong));
            Path missing = directory.resolve("no/such/place");
            assertThrows(FbatException.Io.class, () -> Store.open(missing));
            assertThrows(FbatException.NotFound.class, () -> Store.openReading(missing));
            store.close();
            assertThrows(FbatException.Closed.class, store::stats);
        }
    }

    @Test
    void aStoreThatIsUsedWhileManyCloseItIsOpenOrClosed() throws Exception {
        for (int round = 0; round < 50; round++) {
            Store store = filled("s" + round, 1);
            Callable<Void> use = () -> {
                try {
                    for (;;) {
                        store.head("thing:0");
                        store.append(new Event("a", "b", NOTE));
                    }
                } catch (FbatException.Closed e) {
                    return null;
                }
            };
            Callable<Void> close = () -> {
                store.close();
                return null;
            };
            try (ExecutorService threads = Executors.newFixedThreadPool(6)) {
                List<Callable<Void>> all = List.of(use, use, close, close, close, close);
                for (Future<Void> each : threads.invokeAll(all)) {
                    each.get();
                }
            }
        }
    }

    @Test
    void virtualThreadsAndClosingFromAnotherThread() throws Exception {
        Store store = filled("s", 100);
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Integer>> all = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
                all.add(threads.submit(() -> {
                    int[] count = new int[1];
                    store.events().forEach(event -> count[0]++);
                    return count[0];
                }));
            }
            for (Future<Integer> each : all) {
                assertEquals(100, each.get());
            }
            Future<Integer> late = threads.submit(() -> {
                for (;;) {
                    store.events().forEach(event -> {});
                }
            });
            Thread.sleep(20);
            store.close();
            Throwable failed = assertThrows(ExecutionException.class, late::get).getCause();
            assertEquals(Category.CLOSED, ((FbatException) failed).category());
        }
    }
}
