package fbat.programs;

import fbat.Durability;
import fbat.Event;
import fbat.EventRecord;
import fbat.ImportOptions;
import fbat.ImportReport;
import fbat.Kind;
import fbat.OpenOptions;
import fbat.Store;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What an event costs from Java: makes stores below an empty directory, and prints nanoseconds per
 * event for the jobs of benches/bindings/bench.c.
 *
 * <pre>Bench DIRECTORY COUNT</pre>
 */
public final class Bench {
    private static final int BATCH = 256;
    private static final int ENTITIES = 100;
    private static final int KIND = 0x1001;

    private Bench() {}

    public static void main(String[] arguments) {
        if (arguments.length != 2) {
            System.err.println("usage: Bench DIRECTORY COUNT");
            System.exit(2);
        }
        Path directory = Path.of(arguments[0]);
        int count = Integer.parseInt(arguments[1]);
        OpenOptions buffered = new OpenOptions().durability(Durability.OS);
        try (Store source = Store.open(directory.resolve("source"), buffered);
                Store hub = Store.open(directory.resolve("destination"), buffered)) {
            long began = System.nanoTime();
            append(source, count);
            show("append_batch", began, count);
            began = System.nanoTime();
            scan(source, count);
            show("page_scan", began, count);
            began = System.nanoTime();
            importAll(hub, source, count);
            show("import_filter", began, count);
        }
    }

    private static void show(String job, long began, int count) {
        System.out.printf("%s %.1f%n", job, (double) (System.nanoTime() - began) / count);
    }

    private static void expect(long found, long expected) {
        if (found != expected) {
            throw new IllegalStateException(found + ", not " + expected);
        }
    }

    private static void append(Store store, int count) {
        List<Event> batch = new ArrayList<>(BATCH);
        byte[] payload = new byte[BATCH];
        for (int i = 0; i < count; i++) {
            for (int at = 0; at < payload.length; at++) {
                payload[at] = (byte) (i + at * 7 + (i >> 8));
            }
            String entity = "sensor:" + (char) ('0' + i % ENTITIES / 100)
                    + (char) ('0' + i % ENTITIES / 10 % 10) + (char) ('0' + i % 10);
            batch.add(new Event(entity, "bench", KIND).payload(payload));
            if (batch.size() == BATCH || i + 1 == count) {
                store.append(batch);
                batch.clear();
            }
        }
    }

    private static void scan(Store store, int count) {
        long events = 0;
        long payloadBytes = 0;
        long entityChars = 0;
        for (EventRecord each : store.events()) {
            events++;
            payloadBytes += each.payload().length;
            entityChars += each.entity().length();
        }
        expect(events, count);
        expect(payloadBytes, 256L * count);
        expect(entityChars, 10L * count);
    }

    private static void importAll(Store hub, Store source, int count) {
        int[] kinds = new int[1];
        ImportReport report = hub.importFrom(source, new ImportOptions("bench"), event -> {
            kinds[0] += Kind.category(event.kind()) == 1 ? 1 : 0;
            return true;
        });
        expect(report.imported(), count);
        expect(kinds[0], count);
    }
}
