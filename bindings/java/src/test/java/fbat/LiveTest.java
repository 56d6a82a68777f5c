package fbat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Waiting for what comes, and following it. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class LiveTest {
    private static final int NOTE = 0x1001;

    @TempDir
    Path directory;

    private final ExecutorService threads = Executors.newCachedThreadPool();

    @AfterEach
    void nothingOfTheLibraryIsLeft() {
        threads.shutdownNow();
        assertEquals(0, Fbat.liveHandles());
    }

    private Store filled(int count) {
        OpenOptions options = new OpenOptions().durability(Durability.OS);
        Store store = Store.open(directory.resolve("s"), options);
        store.append(IntStream.range(0, count).mapToObj(i -> note("thing:" + i)).toList());
        return store;
    }

    private static Event note(String entity) {
        return new Event(entity, "test", NOTE);
    }

    private static Query fromNowOn(Store store) {
        return new Query().after(store.frontier().visible());
    }

    private static void until(BooleanSupplier is) throws InterruptedException {
        while (!is.getAsBoolean()) {
            Thread.sleep(1);
        }
    }

    /** Begins what waits, and returns when it does. */
    private <T> Future<T> waiting(Store store, Callable<T> call) throws InterruptedException {
        Future<T> begun = threads.submit(call);
        until(() -> store.stats().news() != News.NONE);
        Thread.sleep(20);
        return begun;
    }

    private static FbatException failure(Future<?> of) {
        return (FbatException) assertThrows(ExecutionException.class, of::get).getCause();
    }

    /** Another process that appends. */
    private static final class Appender implements AutoCloseable {
        private final Process process;
        private final Writer to;

        Appender(Path path) throws IOException {
            String java = ProcessHandle.current().info().command().orElseThrow();
            process = new ProcessBuilder(java, "--enable-native-access=ALL-UNNAMED", "-cp",
                    "target/classes:target/test-classes", "fbat.programs.Mishaps", "append",
                    path.toString()).redirectError(ProcessBuilder.Redirect.INHERIT).start();
            to = process.outputWriter();
            assertEquals("open", process.inputReader().readLine());
        }

        void append(int count) throws IOException {
            to.write(count + "\n");
            to.flush();
        }

        @Override
        public void close() throws InterruptedException {
            process.destroyForcibly().waitFor();
        }
    }

    @Test
    void aWaitEndsWhenAnotherThreadAppends() throws Exception {
        try (Store store = filled(3)) {
            assertEquals(News.NONE, store.stats().news());
            assertEquals(4, store.await(3).visible());
            Future<Frontier> found = waiting(store, () -> store.await(4));
            assertEquals(News.PROCESS, store.stats().news());
            System.gc(); // for which no thread has to come back from the library
            assertFalse(found.isDone());
            store.append(note("a"));
            assertEquals(5, found.get().visible());
        }
    }

    @Test
    void aWaitEndsWhenAnotherProcessAppends() throws Exception {
        filled(3).close();
        Path path = directory.resolve("s");
        try (Store store = Store.openReading(path); Appender other = new Appender(path)) {
            Future<Frontier> found = waiting(store, () -> store.await(4));
            assertTrue(List.of(News.KERNEL, News.POLL).contains(store.stats().news()));
            assertFalse(found.isDone());
            other.append(1);
            assertEquals(5, found.get().visible());
        }
    }

    @Test
    void aWaitForWhatIsDurableEndsWithASync() throws Exception {
        try (Store store = filled(0)) {
            store.sync();
            store.append(note("a"));
            WaitOptions durable = new WaitOptions().flags(WaitFlag.DURABLE);
            assertEquals(2, store.await(1).visible());
            Future<Frontier> found = waiting(store, () -> store.await(1, durable));
            assertFalse(found.isDone());
            store.sync();
            assertEquals(2, found.get().durable());
        }
    }

    @Test
    void aTimeoutIsAnExceptionThatSaysWhereTheFrontierWas() throws Exception {
        try (Store store = filled(3); Cursor cursor = store.cursor(new Query().after(4))) {
            for (Duration time : List.of(Duration.ofMillis(20), Duration.ofNanos(1), Duration.ZERO,
                    Duration.ofSeconds(-1))) {
                WaitOptions options = new WaitOptions().timeout(time);
                long begun = System.nanoTime();
                FbatException.Timeout late = assertThrows(
                        FbatException.Timeout.class, () -> store.await(7, options));
                assertTrue(System.nanoTime() - begun >= time.toNanos());
                assertEquals(Status.TIMEOUT, late.status());
                assertEquals(Category.CANCELLED, late.category());
                ErrorDetail detail = late.detail().orElseThrow();
                assertEquals(List.of(4L, 7L), List.of(detail.actual(), detail.allowed()));
                assertThrows(FbatException.Timeout.class, () -> cursor.await(options));
            }
            store.append(note("a"));
            assertEquals(5, cursor.await().get(0).sequence());
        }
    }

    @Test
    void aTokenEndsAllWaitsThatCarryIt() throws Exception {
        try (Store store = filled(3); Cancel cancel = new Cancel();
                Cursor cursor = store.cursor(fromNowOn(store));
                Subscription live = store.follow(
                        fromNowOn(store), new WaitOptions().cancel(cancel))) {
            WaitOptions options = new WaitOptions().cancel(cancel);
            List<Future<?>> all = List.of(
                    waiting(store, () -> store.await(4, options)),
                    waiting(store, () -> cursor.await(options)),
                    waiting(store, () -> live.iterator().hasNext()));
            cancel.trigger();
            for (Future<?> each : all) {
                assertEquals(Status.CANCELLED, failure(each).status());
            }
            assertThrows(FbatException.Cancelled.class, () -> store.await(3, options));
            assertThrows(FbatException.Cancelled.class, () -> cursor.await(options));
        }
    }

    @Test
    void anInterruptEndsAWaitInThreadsOfEachSort() throws Exception {
        try (Store store = filled(3); Cancel cancel = new Cancel();
                Cursor cursor = store.cursor(fromNowOn(store))) {
            WaitOptions options = new WaitOptions().cancel(cancel);
            List<Callable<?>> waits =
                    List.of(() -> store.await(4, options), () -> cursor.await(options));
            for (Callable<?> each : waits) {
                for (Thread.Builder sort : List.of(Thread.ofPlatform(), Thread.ofVirtual())) {
                    assertEquals("InterruptedException false", interrupted(sort, each));
                }
            }
            assertFalse(cancel.isTriggered());
            Thread.currentThread().interrupt();
            assertThrows(InterruptedException.class, () -> store.await(3));
            assertEquals(4, store.await(3).visible());
        }
    }

    /** What an interrupted call throws, and whether its thread is interrupted then. */
    private static String interrupted(Thread.Builder sort, Callable<?> call) throws Exception {
        CompletableFuture<String> found = new CompletableFuture<>();
        Thread thread = sort.start(() -> {
            try {
                found.complete("returned " + call.call());
            } catch (Exception e) {
                found.complete(e.getClass().getSimpleName() + " " + Thread.interrupted());
            }
        });
        Thread.sleep(20);
        thread.interrupt();
        return found.get();
    }

    @Test
    void anInterruptedLoopThrowsAndItsThreadStaysInterrupted() throws Exception {
        try (Store store = filled(3); Subscription live = store.follow(fromNowOn(store))) {
            String found = interrupted(Thread.ofPlatform(), () -> live.iterator().next());
            assertEquals("Cancelled true", found);
            store.append(note("a"));
            assertEquals("a", live.iterator().next().entity());
        }
    }

    @Test
    void closingTheStoreEndsAllWaits() throws Exception {
        Store store = filled(3);
        try (Cursor cursor = store.cursor(fromNowOn(store));
                Subscription live = store.follow(fromNowOn(store))) {
            List<Future<?>> all = List.of(
                    waiting(store, () -> store.await(4)),
                    waiting(store, () -> cursor.await()),
                    waiting(store, () -> live.iterator().next()));
            store.close();
            for (Future<?> each : all) {
                assertEquals(Status.CLOSED, failure(each).status());
            }
            assertThrows(FbatException.Closed.class, () -> store.await(0));
        }
    }

    @Test
    void closingACursorOrASubscriptionEndsItsWait() throws Exception {
        try (Store store = filled(3)) {
            Cursor cursor = store.cursor(fromNowOn(store));
            Subscription live = store.follow(new Query());
            Iterator<EventRecord> each = live.iterator();
            assertEquals(2, each.next().sequence());
            Future<?> page = waiting(store, () -> cursor.await());
            cursor.close();
            assertEquals(Status.CLOSED, failure(page).status());
            AtomicInteger rest = new AtomicInteger();
            Future<?> loop = threads.submit(() -> live.forEach(event -> rest.incrementAndGet()));
            until(() -> rest.get() == 2);
            Thread.sleep(20);
            assertFalse(loop.isDone());
            live.close();
            loop.get();
            assertFalse(each.hasNext());
            assertEquals(1, Fbat.liveHandles());
        }
    }

    @Test
    void aSubscriptionHasEachEventOnceWhicheverProcessWrites() throws Exception {
        filled(5).close();
        Path path = directory.resolve("s");
        List<String> expected = new ArrayList<>();
        List<String> found = new ArrayList<>();
        List<Long> sequences = new ArrayList<>();
        try (Store store = Store.openReading(path);
                Subscription live = store.follow(fromNowOn(store).pageRows(100))) {
            for (int writer = 0; writer < 2; writer++) {
                try (Appender other = new Appender(path)) { // which is killed
                    other.append(1000);
                    Iterator<EventRecord> each = live.iterator();
                    for (int i = 0; i < 1000; i++) {
                        EventRecord event = each.next();
                        expected.add(Integer.toString(i));
                        found.add(new String(event.payload(), StandardCharsets.UTF_8));
                        sequences.add(event.sequence());
                    }
                }
            }
            List<Long> all = store.stream(new Query().after(6)).map(EventRecord::sequence).toList();
            assertEquals(expected, found);
            assertEquals(all, sequences);
        }
    }

    @Test
    void aSubscriptionFromNowOnHasOnlyWhatComesInItsRegion() throws Exception {
        try (Store store = filled(3)) {
            Query query = fromNowOn(store).region(new Region().entity("lamp"));
            try (Subscription live = store.follow(query)) {
                Future<String> first = waiting(store, () -> live.iterator().next().entity());
                store.append(List.of(note("thing:1"), note("lamp:1"), note("lamp:2")));
                assertEquals("lamp:1", first.get());
                for (EventRecord event : live) {
                    assertEquals("lamp:2", event.entity());
                    break;
                }
            }
            assertEquals(1, Fbat.liveHandles());
        }
    }

    @Test
    void aSubscriptionEndsWhereNoMoreCanCome() {
        try (Store store = filled(10)) {
            for (Query query : List.of(new Query().limit(4).pageRows(3), new Query().until(5),
                    new Query().until(5).flags(QueryFlag.BACKWARD))) {
                try (Stream<EventRecord> events = store.follow(query).stream()) {
                    assertEquals(4, events.count());
                }
            }
            try (Stream<EventRecord> events = store.follow(new Query()).stream()) {
                assertEquals(10, events.limit(10).count());
            }
            assertEquals(1, Fbat.liveHandles());
        }
    }

    @Test
    void aSubscriptionGoesOnAfterATimeout() {
        try (Store store = filled(3); Subscription live = store.follow(
                fromNowOn(store), new WaitOptions().timeoutMs(1))) {
            Iterator<EventRecord> each = live.iterator();
            assertThrows(FbatException.Timeout.class, each::hasNext);
            store.append(note("a"));
            assertEquals("a", each.next().entity());
            assertThrows(FbatException.Timeout.class, each::next);
        }
    }

    @Test
    void virtualThreadsThatWaitLeaveTheirCarriersToOthers() throws Exception {
        ExecutorService virtual = Executors.newVirtualThreadPerTaskExecutor();
        try (Store store = filled(3)) {
            List<Future<Frontier>> all = new ArrayList<>();
            for (int i = 0; i < 4 * Runtime.getRuntime().availableProcessors(); i++) {
                all.add(virtual.submit(() -> store.await(4)));
            }
            until(() -> store.stats().news() != News.NONE);
            Thread.sleep(20);
            virtual.submit(() -> store.append(note("a"))).get();
            for (Future<Frontier> each : all) {
                assertEquals(5, each.get().visible());
            }
        } finally {
            virtual.shutdownNow();
        }
    }

    @Test
    void aListenerOfACursorThatIsClosedMeanwhileHarmsNothing() throws Exception {
        try (Store store = filled(3)) {
            CompletableFuture<Cursor> made = new CompletableFuture<>();
            Cursor cursor = store.cursor(new Query().progress(p -> made.join().close()));
            made.complete(cursor);
            Future<?> found = threads.submit(() -> cursor.await());
            assertThrows(ExecutionException.class, found::get);
        }
    }

    /** Keeps what it is told. */
    private static final class Kept implements Flow.Subscriber<EventRecord> {
        private final BlockingQueue<Object> told = new LinkedBlockingQueue<>();
        private volatile Flow.Subscription subscription;

        @Override
        public void onSubscribe(Flow.Subscription begun) {
            subscription = begun;
        }

        @Override
        public void onNext(EventRecord event) {
            told.add(event.sequence());
        }

        @Override
        public void onError(Throwable thrown) {
            told.add(thrown);
        }

        @Override
        public void onComplete() {
            told.add("complete");
        }

        List<Object> next(int count) throws InterruptedException {
            List<Object> found = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                found.add(told.take());
            }
            return found;
        }
    }

    private static Kept subscribed(Flow.Publisher<EventRecord> to) {
        Kept kept = new Kept();
        to.subscribe(kept);
        return kept;
    }

    @Test
    void aPublisherDeliversWhatIsRequested() throws Exception {
        try (Store store = filled(5)) {
            Flow.Publisher<EventRecord> publisher = store.publisher(new Query());
            Kept kept = subscribed(publisher);
            Kept other = subscribed(publisher);
            kept.subscription.request(1);
            kept.subscription.request(1);
            assertEquals(List.of(2L, 3L), kept.next(2));
            assertNull(kept.told.poll(50, TimeUnit.MILLISECONDS));
            kept.subscription.request(Long.MAX_VALUE);
            kept.subscription.request(Long.MAX_VALUE);
            assertEquals(List.of(4L, 5L, 6L), kept.next(3));
            store.append(note("a"));
            assertEquals(List.of(7L), kept.next(1));
            kept.subscription.cancel();
            other.subscription.cancel();
            until(() -> Fbat.liveHandles() == 1);
            store.append(note("a"));
            assertNull(kept.told.poll(50, TimeUnit.MILLISECONDS));
            assertNull(other.told.poll());
        }
    }

    @Test
    void aPublisherTellsOfEachEndOnce() throws Exception {
        Store store = filled(5);
        Kept limited = subscribed(store.publisher(new Query().limit(2)));
        limited.subscription.request(2);
        assertEquals(List.of(2L, 3L, "complete"), limited.next(3));
        Kept wrong = subscribed(store.publisher(fromNowOn(store)));
        wrong.subscription.request(0);
        assertInstanceOf(IllegalArgumentException.class, wrong.told.take());
        ExecutorService one = Executors.newSingleThreadExecutor();
        Flow.Publisher<EventRecord> late =
                store.publisher(fromNowOn(store), new WaitOptions().timeoutMs(1), one);
        assertInstanceOf(FbatException.Timeout.class, subscribed(late).told.take());
        one.shutdown();
        assertInstanceOf(RejectedExecutionException.class, subscribed(late).told.take());
        Kept closed = subscribed(store.publisher(fromNowOn(store)));
        closed.subscription.request(1);
        until(() -> Fbat.liveHandles() == 3);
        store.close();
        assertInstanceOf(FbatException.Closed.class, closed.told.take());
        for (Kept each : List.of(limited, wrong, closed)) {
            assertNull(each.told.poll(20, TimeUnit.MILLISECONDS));
        }
    }
}
