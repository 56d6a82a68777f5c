package fbat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What an import would bring, names with two contents, and where events are from. */
class LineageTest {
    private static final OpenOptions OS = new OpenOptions().durability(Durability.OS);
    private static final Id KEY = Id.of("00000000000000000000000000000009");

    @TempDir
    Path directory;

    private Store first;
    private Store hub;

    @BeforeEach
    void open() {
        first = Store.open(directory.resolve("first"), OS);
        hub = Store.open(directory.resolve("hub"), OS);
    }

    @AfterEach
    void close() {
        first.close();
        hub.close();
        assertEquals(0, Fbat.liveHandles());
    }

    private static ImportOptions keeping() {
        return new ImportOptions().identity(ImportIdentity.ORIGIN).onConflict(OnConflict.KEEP);
    }

    private static Event event(String payload) {
        return new Event("order:1", "tests", Kind.of(1, 1)).payload(payload.getBytes()).key(KEY);
    }

    /** Puts both contents of one name into the hub: of a store, and of a copy that went on. */
    private void contradict() {
        first.backup(directory.resolve("fork"));
        try (Store fork = Store.open(directory.resolve("fork"), OS)) {
            first.append(event("one"));
            fork.append(event("two"));
            assertEquals(1, hub.importFrom(first, keeping()).imported());
            assertEquals(1, hub.importFrom(fork, keeping()).conflictsKept());
        }
    }

    @Test
    void importsOfOneNameGoOnFromEachOther() {
        first.append(event("one"));
        ImportOptions nightly = new ImportOptions("plant").name("nightly");
        assertEquals(0, hub.importFrom(first, nightly).startedAfter());
        first.append(new Event("order:1", "tests", Kind.of(1, 1)));
        ImportReport second = hub.importFrom(first, nightly);
        assertEquals(List.of(2L, 1L), List.of(second.startedAfter(), second.imported()));
        assertEquals(SourceState.GOES_ON, second.sourceState());
        nightly.flags(ImportFlag.NO_RESUME);
        assertEquals(2, hub.importFrom(first, nightly).deduplicated());
    }

    @Test
    void aBackupMayGetAnIdOfItsOwn() {
        first.backup(directory.resolve("copy"), new BackupOptions().flags(BackupFlag.NEW_IDENTITY));
        try (Store copy = Store.open(directory.resolve("copy"), OS)) {
            assertNotEquals(first.id(), copy.id());
        }
    }

    @Test
    void aDryRunAndAPlanAppendNothing() {
        first.append(event("one"));
        List<PlanRow> plan = hub.planImport(first, new ImportOptions("plant"));
        assertEquals(1, plan.size());
        assertEquals("plant", plan.get(0).sourceNamespace());
        assertEquals("order", plan.get(0).entityPrefix());
        assertEquals(1, plan.get(0).events());
        assertEquals(3, plan.get(0).payloadBytes());
        ImportOptions dry = new ImportOptions("plant").flags(ImportFlag.DRY_RUN);
        assertEquals(1, hub.importFrom(first, dry).imported());
        assertEquals(1, hub.frontier().visible());
        assertEquals(1, hub.importFrom(first, new ImportOptions("plant")).imported());
        assertEquals(List.of(), hub.planImport(first, new ImportOptions("plant")));
        ImportOptions same = new ImportOptions("itself");
        assertThrows(FbatException.Invalid.class, () -> hub.planImport(hub, same));
    }

    @Test
    void eventsAreFoundByTheirOrigin() {
        contradict();
        List<EventRecord> found = hub.byOrigin(first.namespace(), KEY);
        assertEquals(
                List.of("one", "two"),
                found.stream().map(record -> new String(record.payload())).toList());
        assertEquals(1, first.byOrigin(first.namespace(), KEY, Column.FIXED).size());
        Id other = Id.of("00000000000000000000000000000008");
        assertEquals(List.of(), hub.byOrigin(first.namespace(), other));
        assertThrows(FbatException.Invalid.class, () -> hub.byOrigin("", KEY));
    }

    @Test
    void namesWithTwoContentsAreListed() {
        contradict();
        Conflicts found = hub.conflictPage(0, 0);
        assertTrue(found.isEnd());
        assertEquals(1, found.rows().size());
        Conflict row = found.rows().get(0);
        assertEquals(first.namespace(), row.sourceNamespace());
        assertEquals(KEY, row.sourceEventId());
        assertEquals(row.sequence() + 1, row.keptSequence());
        assertEquals(row.keptContentHash(), hub.get(row.keptId()).orElseThrow().contentHash());
        assertEquals(List.of(), hub.conflictPage(row.sequence(), 1).rows());
        assertThrows(FbatException.Invalid.class, () -> hub.conflictPage(0, 65_537));
    }

    @Test
    void sourcesAreSummedUp() {
        assertEquals(List.of(), hub.sources());
        first.append(event("one"));
        hub.importFrom(first, keeping());
        List<Source> sources = hub.sources();
        assertEquals(1, sources.size());
        assertEquals(first.namespace(), sources.get(0).sourceNamespace());
        assertEquals(1, sources.get(0).imported());
    }
}
