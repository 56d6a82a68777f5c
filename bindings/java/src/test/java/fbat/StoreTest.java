package fbat;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoreTest {
    private static final int NOTE = 0x1001;

    @TempDir
    Path directory;

    @AfterEach
    void nothingOfTheLibraryIsLeft() {
        assertEquals(0, Fbat.liveHandles());
    }

    private Store open(String name) {
        return Store.open(directory.resolve(name), new OpenOptions().durability(Durability.OS));
    }

    private static Event note(String entity, int i) {
        return new Event(entity, "test", NOTE).payload(Integer.toString(i));
    }

    private static void appendMany(Store store, int count) {
        store.append(IntStream.range(0, count).mapToObj(i -> note("thing:1", i)).toList());
    }

    private static Query under(String entity) {
        return new Query().region(new Region().entity(entity));
    }

    private static String text(EventRecord event) {
        return new String(event.payload(), UTF_8);
    }

    private static FbatException refused(String code, Category category, Runnable body) {
        FbatException e = assertThrows(FbatException.class, body::run);
        assertEquals(code, e.code(), e.getMessage());
        assertEquals(category, e.category());
        return e;
    }

    @Test
    void everyMemberOfAnEventIsReadBack() {
        try (Store store = open("s")) {
            Id key = Id.ofOperation("test", "key");
            Id other = Id.ofOperation("test", "other");
            Event event = new Event("thing:ü", "Gebäude", 0xf123)
                    .payload(new byte[] {0, 1, -1})
                    .payloadVersion(65535)
                    .flags(0xfedcba98)
                    .key(key)
                    .expect(Expect.ABSENT)
                    .timestampUs(-5)
                    .correlation(other)
                    .causation(key)
                    .extension("a.b", new byte[] {7})
                    .extension("c.d", new byte[0]);
            Receipt receipt = store.append(event);
            EventRecord found = store.get(key).orElseThrow();
            assertEquals(List.of(key, 2L), List.of(receipt.id(), receipt.sequence()));
            assertEquals(List.of(1L, -5L), List.of(receipt.version(), receipt.timestampUs()));
            assertEquals("thing:ü Gebäude", found.entity() + " " + found.scope());
            assertArrayEquals(new byte[] {0, 1, -1}, found.payload());
            assertEquals(List.of(0xf123, 65535), List.of(found.kind(), found.payloadVersion()));
            assertEquals(0xfedcba98, found.flags());
            assertEquals(List.of(other, key), List.of(found.correlation(), found.causation()));
            assertEquals(List.of("a.b", "c.d"), List.copyOf(found.extensions().keySet()));
            assertArrayEquals(new byte[] {7}, found.extensions().get("a.b"));
            assertEquals(receipt.eventHash(), found.eventHash());
            assertEquals(receipt.contentHash(), found.contentHash());
            assertEquals(receipt.recordedUs(), found.recordedUs());
            assertFalse(found.isImported() || receipt.isDurable() || receipt.isReplayed());
            assertNull(found.sourceNamespace());
            assertTrue(store.get(other).isEmpty());
        }
    }

    @Test
    void aBatchIsAllOrNothingAndTheErrorNamesTheItem() {
        try (Store store = open("s")) {
            appendMany(store, 3);
            Event wrong = note("thing:1", 1).expect(Expect.VERSION).expectedVersion(7);
            FbatException e = refused("FBAT_ERR_VERSION_CONFLICT", Category.CONFLICT, () ->
                    store.append(List.of(note("thing:2", 0), wrong)));
            ErrorDetail detail = e.detail().orElseThrow();
            assertEquals(List.of(3L, 7L), List.of(detail.actual(), detail.allowed()));
            assertEquals(1, detail.item());
            List<String> payloads = new ArrayList<>();
            store.forEach(new Query(), event -> payloads.add(text(event)));
            assertEquals(List.of("0", "1", "2"), payloads);
            assertEquals(List.of(), store.append(List.of()));
        }
    }

    @Test
    void aQueryGoesOverSeveralPages() {
        try (Store store = open("s")) {
            appendMany(store, 2500);
            store.append(List.of(note("thing", 0), note("thing:1:below", 0), note("thing:10", 0)));
            List<Long> versions = new ArrayList<>();
            store.forEach(under("thing:1"), event -> versions.add(event.version()));
            assertEquals(2501, versions.size());
        }
    }

    @Test
    void aStoreThatIsOpenElsewhereOrMissingIsAnError() throws IOException {
        try (Store store = open("s")) {
            refused("FBAT_ERR_BUSY", Category.BUSY, () -> open("s"));
            assertEquals(1, store.append(List.of(note("a", 1))).size());
        }
        refused("FBAT_ERR_STORE_NOT_FOUND", Category.NOT_FOUND, () ->
                Store.open(directory.resolve("none"), new OpenOptions().mode(OpenMode.MUST_EXIST)));
        Files.createFile(directory.resolve("file"));
        FbatException e = refused("FBAT_ERR_IO", Category.IO, () -> open("file/store"));
        assertEquals(20, e.detail().orElseThrow().osError()); // ENOTDIR
        Path path = e.detail().orElseThrow().path();
        assertTrue(path.startsWith(directory.resolve("file")), path.toString());
    }

    @Test
    void useAfterCloseIsAnErrorAndClosingAgainIsNone() {
        Store store = open("s");
        try (Store other = open("o")) {
            store.close();
            store.close();
            Id id = Id.ofOperation("a");
            List<Runnable> uses = List.of(
                    () -> appendMany(store, 1),
                    () -> store.get(id),
                    () -> store.forEach(new Query(), event -> {}),
                    () -> store.head("a"),
                    () -> store.importFrom(other, new ImportOptions("n")),
                    () -> other.importFrom(store, new ImportOptions("n")));
            uses.forEach(use -> refused("FBAT_ERR_CLOSED", Category.CLOSED, use));
        }
    }

    @Test
    void anImportBringsEachEventOnceWithItsProvenance() {
        try (Store source = open("source"); Store hub = open("hub")) {
            appendMany(source, 10);
            ImportOptions options = new ImportOptions("test/source");
            ImportReport first = hub.importFrom(source, options, event -> event.version() <= 6);
            assertEquals(List.of(6L, 4L), List.of(first.imported(), first.skippedFiltered()));
            assertEquals(1, first.skippedReserved());
            ImportReport second = hub.importFrom(source, options);
            assertEquals(List.of(4L, 6L), List.of(second.imported(), second.deduplicated()));
            assertEquals(11, second.sourceHighWatermark());
            List<EventRecord> events = new ArrayList<>();
            hub.forEach(new Query(), events::add);
            assertEquals(10, events.size());
            EventRecord event = events.get(3);
            Provenance from = event.provenance().orElseThrow();
            assertEquals("test/source", from.sourceNamespace());
            assertEquals(List.of(5L, NOTE), List.of(from.sourceSequence(), from.sourceKind()));
            assertEquals(event.contentHash(), from.sourceContentHash());
            String id = from.sourceEventId().hex();
            assertEquals(event.id(), Id.ofOperation("batpak.import", "test/source", id));
            byte[] frame = Frames.encode(from);
            Provenance decoded = Frames.decode(frame);
            assertEquals(from.sourceEventId(), decoded.sourceEventId());
            assertEquals(from, decoded);
            frame[20] ^= 1;
            refused("FBAT_ERR_WIRE_CHECKSUM", Category.CORRUPT, () -> Frames.decode(frame));
            assertTrue(source.get(from.sourceEventId()).orElseThrow().provenance().isEmpty());
        }
    }

    @Test
    void whatAFilterThrowsArrivesAsItIsWithTheReport() {
        try (Store source = open("source"); Store hub = open("hub")) {
            appendMany(source, 10);
            ImportOptions options = new ImportOptions("n").chunkSize(2);
            List<Throwable> all =
                    List.of(new IOException(), new IllegalStateException(), new AssertionError());
            for (Throwable thrown : all) {
                Filter<Exception> filter = event -> {
                    if (event.version() == 7) {
                        throwAny(thrown);
                    }
                    return true;
                };
                Throwable found = assertThrows(
                        Throwable.class, () -> hub.importFrom(source, options, filter));
                assertSame(thrown, found);
                FbatException stopped = (FbatException) found.getSuppressed()[0];
                assertEquals("FBAT_STOPPED_BY_CALLBACK", stopped.code());
                ImportReport report = stopped.report().orElseThrow();
                assertEquals(6, report.imported() + report.deduplicated());
            }
        }
    }

    /** Any of them, so that one test shows checked exceptions, unchecked ones and errors. */
    private static void throwAny(Throwable thrown) throws Exception {
        if (thrown instanceof Error error) {
            throw error;
        }
        throw (Exception) thrown;
    }

    @Test
    void aFilterMayUseTheStoresButNotCloseThem() {
        try (Store source = open("source"); Store hub = open("hub")) {
            appendMany(source, 3);
            ImportReport report = hub.importFrom(source, new ImportOptions("n"), event -> {
                assertEquals(event.sequence(), source.get(event.id()).orElseThrow().sequence());
                hub.append(List.of(note("audit", (int) event.version())));
                refused("FBAT_ERR_BUSY", Category.BUSY, hub::close);
                return true;
            });
            assertEquals(3, report.imported());
        }
    }

    @Test
    void anotherThreadCancelsAnImport() throws Exception {
        ExecutorService threads = Executors.newSingleThreadExecutor();
        try (Store source = open("source"); Store hub = open("hub"); Cancel cancel = new Cancel()) {
            appendMany(source, 1000);
            CountDownLatch underWay = new CountDownLatch(20);
            Future<?> cancelled = threads.submit(() -> {
                underWay.await();
                cancel.trigger();
                return null;
            });
            ImportOptions options = new ImportOptions("n").chunkSize(1).cancel(cancel);
            FbatException e = refused("FBAT_ERR_CANCELLED", Category.CANCELLED, () ->
                    hub.importFrom(source, options, event -> {
                        underWay.countDown();
                        return pause();
                    }));
            cancelled.get();
            long imported = e.report().orElseThrow().imported();
            assertTrue(imported >= 1 && imported < 1000, () -> "imported " + imported);
        } finally {
            threads.shutdownNow();
        }
    }

    /** Gives the other thread time: an import of these would be done before. */
    private static boolean pause() {
        try {
            TimeUnit.MILLISECONDS.sleep(1);
            return true;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void eightThreadsAppendToAndReadFromOneStoreAtOnce() throws Exception {
        int threadCount = 8;
        int events = 200;
        ExecutorService threads = Executors.newFixedThreadPool(threadCount);
        try (Store store = open("s")) {
            List<Callable<Integer>> tasks = IntStream.range(0, threadCount)
                    .mapToObj(t -> "thread:" + t)
                    .<Callable<Integer>>map(entity -> () -> appendAndRead(store, entity, events))
                    .toList();
            for (Future<Integer> each : threads.invokeAll(tasks)) {
                assertEquals(events, each.get());
            }
        } finally {
            threads.shutdownNow();
        }
    }

    private static int appendAndRead(Store store, String entity, int events) {
        for (int i = 0; i < events; i++) {
            Receipt receipt = store.append(List.of(note(entity, i))).get(0);
            assertEquals(i + 1, receipt.version());
            assertEquals(Integer.toString(i), text(store.get(receipt.id()).orElseThrow()));
        }
        List<String> read = new ArrayList<>();
        store.forEach(under(entity), event -> read.add(text(event)));
        assertEquals(IntStream.range(0, events).mapToObj(Integer::toString).toList(), read);
        return read.size();
    }

    @Test
    void aRegionHasTimesAndAFilterSeesTheColumnsThatItAskedFor() {
        try (Store source = open("source"); Store hub = open("hub")) {
            for (int i = 0; i < 10; i++) {
                source.append(List.of(note("thing:1", i).timestampUs(1000L * i)));
            }
            Region region = new Region().scopes("test").timestampUs(3000, 5000);
            List<Long> times = new ArrayList<>();
            source.forEach(new Query().region(region), event -> times.add(event.timestampUs()));
            assertEquals(List.of(3000L, 4000L, 5000L), times);
            ImportOptions options = new ImportOptions("n").region(region);
            assertEquals(0, imported(hub, source, options));
            assertEquals(1, imported(hub, source, options.filterColumns(Column.PAYLOAD)));
        }
    }

    private static long imported(Store hub, Store source, ImportOptions options) {
        return hub.importFrom(source, options, event -> text(event).equals("4")).imported();
    }

    @Test
    void aQueryIsCancelled() {
        try (Store store = open("s"); Cancel cancel = new Cancel()) {
            appendMany(store, 3);
            cancel.trigger();
            Query query = new Query().cancel(cancel);
            refused("FBAT_ERR_CANCELLED", Category.CANCELLED, () -> store.forEach(query, e -> {}));
            OpenOptions options = new OpenOptions().cancel(cancel);
            Path other = directory.resolve("other");
            refused("FBAT_ERR_CANCELLED", Category.CANCELLED, () -> Store.open(other, options));
        }
    }

    @Test
    void whatIsNoIdIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> Id.of("xyz"));
        assertThrows(IllegalArgumentException.class, () -> Id.of("+" + "0".repeat(31)));
        assertThrows(IllegalArgumentException.class, () -> Hash.of("00"));
        assertThrows(IllegalArgumentException.class, () -> new Event("a", "b", 65536));
    }
}
