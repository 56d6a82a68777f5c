package fbat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a query selects, how much of it, counts and lists; and anchors of the past. */
class QueryTest {
    private static final int EVENTS = 100;
    private static final OpenOptions OS = new OpenOptions().durability(Durability.OS);

    @TempDir
    Path directory;

    private Store store;

    /** Ten things, two scopes, categories 1 and 2 with types 0 to 4. */
    @BeforeEach
    void open() {
        store = Store.open(directory.resolve("s"), OS);
        store.append(IntStream.range(0, EVENTS).mapToObj(QueryTest::event).toList());
    }

    private static Event event(int i) {
        String scope = i % 2 == 0 ? "even" : "odd";
        return new Event("thing:" + i % 10, scope, Kind.of(1 + i / 50, i % 5)).timestampUs(i);
    }

    @AfterEach
    void close() {
        store.close();
        assertEquals(0, Fbat.liveHandles());
    }

    private List<Long> sequences(Query query) {
        List<Long> found = new ArrayList<>();
        store.forEach(query, event -> found.add(event.sequence()));
        return found;
    }

    @Test
    void aLimitIsHowManyThereAreInAllAndPageRowsHowManyAreReadAtOnce() {
        for (long limit : new long[] {1, 2, 7, 30, 99, 100}) {
            Query query = new Query().limit(limit).pageRows(7);
            List<Long> expected = IntStream.range(0, (int) limit).mapToObj(i -> i + 2L).toList();
            assertEquals(expected, sequences(query));
            assertEquals(limit, store.stream(query).count());
            assertEquals(limit, store.count(query));
            List<Long> back = sequences(query.flags(QueryFlag.BACKWARD));
            assertEquals(limit, back.size());
            assertEquals(101, back.get(0));
            try (Cursor cursor = store.cursor(new Query().limit(limit).pageRows(7))) {
                long rows = 0;
                for (int size = -1; size != 0; rows += size) {
                    size = cursor.next().size();
                }
                assertEquals(limit, rows);
            }
        }
        assertEquals(EVENTS, sequences(new Query().pageRows(7)).size());
        assertEquals(7, store.page(new Query().pageRows(7)).records().size());
    }

    @Test
    void aRegionHasSeveralScopesAndKinds() {
        assertEquals(50, count(new Region().scopes("odd")));
        assertEquals(100, count(new Region().scopes("odd", "even", "neither")));
        assertEquals(20, count(new Region().kinds(0x1001, 0x2003)));
        assertEquals(60, count(new Region().kinds(KindRange.category(1), KindRange.of(0x2003))));
        assertEquals(10, count(new Region().entity("thing:3").kinds(KindRange.category(1))
                .kinds(KindRange.category(1), KindRange.category(2))));
        Region none = new Region().kinds(new int[0]);
        assertThrows(FbatException.Invalid.class, () -> store.count(new Query().region(none)));
        Region nobody = new Region().scopes();
        assertThrows(FbatException.Invalid.class, () -> store.count(new Query().region(nobody)));
        Region backward = new Region().kinds(new KindRange(2, 1));
        assertThrows(FbatException.Invalid.class, () -> store.count(new Query().region(backward)));
        assertThrows(IllegalArgumentException.class, () -> KindRange.category(16));
    }

    private long count(Region region) {
        Query query = new Query().region(region);
        assertEquals(sequences(query).size(), store.count(query));
        return store.count(query);
    }

    @Test
    void entitiesAndScopesAreListedWithTheirEnds() {
        List<Summary> found = new ArrayList<>();
        store.entities(new ListOptions().pageRows(3)).forEach(found::add);
        List<String> names = IntStream.range(0, 10).mapToObj(i -> "thing:" + i).toList();
        assertEquals(names, found.stream().map(Summary::name).toList());
        assertEquals(new Summary("thing:3", 10, 5, 95, 3, 93), found.get(3));
        List<Summary> scopes = new ArrayList<>();
        store.scopes().forEach(scopes::add);
        assertEquals(List.of("even", "odd"), scopes.stream().map(Summary::name).toList());
        Summaries page = store.entityPage(new ListOptions().pageRows(4).after("thing:1"));
        assertEquals("thing:2", page.rows().get(0).name());
        assertFalse(page.isEnd());
        assertTrue(store.scopePage(new ListOptions()).isEnd());
        Summaries below = store.entityPage(new ListOptions().entity("thing:4"));
        assertEquals(1, below.rows().size());
        ListOptions empty = new ListOptions().entity("");
        assertThrows(FbatException.Invalid.class, () -> store.entityPage(empty));
        assertEquals(10, IntStream.range(0, 1).map(i -> size(store.entities())).sum());
    }

    private static int size(Iterable<?> all) {
        int[] count = new int[1];
        all.forEach(each -> count[0]++);
        return count[0];
    }

    @Test
    void storesAreComparedAsSets(@TempDir Path other) {
        try (Store to = Store.open(other.resolve("other"))) {
            assertEquals(0, to.setDigest().events());
            Differences first = store.diffPage(to, new DiffOptions().pageRows(60));
            assertEquals(60, first.rows().size());
            String after = first.rows().getLast().position();
            Differences rest = store.diffPage(to, new DiffOptions().after(after));
            assertEquals(40, rest.rows().size());
            assertEquals(0, rest.rows().get(0).inOther());
            to.importFrom(store, new ImportOptions().identity(ImportIdentity.ORIGIN));
            assertEquals(List.of(), store.diffPage(to, new DiffOptions()).rows());
            assertEquals(store.setDigest(), to.setDigest());
            assertEquals(50, to.setDigest(new Region().scopes("odd")).events());
            Origins origins = to.originPage(new OriginsOptions());
            assertEquals(1, origins.rows().size());
            assertEquals(store.namespace(), origins.rows().get(0).sourceNamespace());
        }
    }

    @Test
    void namesOfOthersBecomeEntities() {
        for (String name : List.of("a/b", "x=1|2", "../up", "50%", "Größe", "tab\t")) {
            String entity = Entity.encode(name);
            store.append(new Event(entity, "s", 0x1001));
            assertEquals(name, Entity.decode(entity));
        }
        assertEquals("a%2Fb", Entity.encode("a/b"));
        assertThrows(FbatException.Invalid.class, () -> Entity.encode(""));
        assertThrows(FbatException.Invalid.class, () -> Entity.decode("%zz"));
    }

    @Test
    void anAnchorOfThePastIsCompared() {
        Hash anchor = store.logHash();
        long sequence = store.frontier().visible();
        store.append(event(0));
        assertNotEquals(anchor, store.logHash());
        assertEquals(anchor, store.logHashAt(sequence));
        assertEquals(store.logHash(), store.verify().report().logHash());
        assertThrows(FbatException.NotFound.class, () -> store.logHashAt(sequence + 2));
        assertEquals(1, store.stats().systemEvents());
    }

    @Test
    void aSourceThatWentBackAndANamespaceOfTwoStoresAreRefused() {
        try (Store hub = Store.open(directory.resolve("hub"), OS);
                Store other = Store.open(directory.resolve("other"), OS)) {
            ImportReport report = hub.importFrom(store, new ImportOptions("device"));
            assertEquals(101, report.resumeAfter());
            ImportOptions later = new ImportOptions("device").after(report.resumeAfter());
            assertEquals(101, hub.importFrom(store, later).resumeAfter());
            ImportOptions beyond = new ImportOptions("device").after(500);
            FbatException diverged =
                    assertThrows(FbatException.class, () -> hub.importFrom(store, beyond));
            assertEquals(Status.SOURCE_DIVERGED, diverged.status());
            ErrorDetail detail = diverged.detail().orElseThrow();
            assertEquals(List.of(500L, 101L), List.of(detail.actual(), detail.allowed()));
            other.append(event(1));
            ImportOptions same = new ImportOptions("device");
            assertThrows(FbatException.Invalid.class, () -> hub.importFrom(other, same));
            ImportOptions allowed = new ImportOptions("device").flags(ImportFlag.ALLOW_OTHER_STORE);
            assertEquals(1, hub.importFrom(other, allowed).imported());
            assertThrows(FbatException.Invalid.class, () -> hub.importFrom(hub, same));
        }
    }

    @Test
    void storesThatFeedEachOtherByOriginHaveEveryEventOnce() {
        try (Store hub = Store.open(directory.resolve("hub"), OS);
                Store other = Store.open(directory.resolve("other"), OS)) {
            other.append(event(1));
            ImportOptions origin = new ImportOptions().identity(ImportIdentity.ORIGIN);
            List<Store> stores = List.of(store, hub, other);
            long last = 0;
            for (int round = 0; round < 2; round++) {
                last = 0;
                for (Store from : stores) {
                    for (Store to : stores) last += to.importFrom(from, origin).imported();
                }
            }
            assertEquals(0, last);
            assertEquals(store.count(new Query()), hub.count(new Query()));
            assertEquals(store.count(new Query()), other.count(new Query()));
            ImportOptions named = new ImportOptions("device");
            assertThrows(FbatException.Invalid.class, () -> hub.importFrom(store, named));
        }
    }
}
