package fbat.programs;

import static java.nio.charset.StandardCharsets.UTF_8;

import fbat.Event;
import fbat.EventRecord;
import fbat.Frames;
import fbat.Id;
import fbat.ImportOptions;
import fbat.ImportReport;
import fbat.OpenOptions;
import fbat.Provenance;
import fbat.Query;
import fbat.Store;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** One store, every language: tests/outside/interplay/README.md says what each command does. */
public final class Interplay {
    private static final int EVENTS = 300;
    private static final int CATEGORY_1 = 0x1000;
    private static final long FIRST_TIMESTAMP_US = 1_700_000_000_000_000L;
    private static final HexFormat HEX = HexFormat.of();
    private static final PrintStream OUT = new PrintStream(System.out, false, UTF_8);

    private Interplay() {}

    public static void main(String[] arguments) throws IOException {
        String command = arguments.length > 0 ? arguments[0] : "";
        List<Path> paths = Arrays.stream(arguments).skip(1).map(Path::of).toList();
        switch (command + " " + paths.size()) {
            case "write 1" -> write(paths.get(0));
            case "read 1" -> read(paths.get(0));
            case "import 2" -> importInto(paths.get(0), paths.get(1));
            case "frame 1" -> frame(paths.get(0));
            case "decode 0" -> decode();
            default -> {
                String each = "write|read|frame DIR | import SOURCE DESTINATION | decode";
                System.err.println("usage: interplay " + each);
                System.exit(2);
            }
        }
        OUT.flush();
    }

    private static void write(Path path) {
        try (Store store = Store.open(path, new OpenOptions().label("interplay"))) {
            store.append(IntStream.range(0, EVENTS).mapToObj(Interplay::eventOf).toList());
        }
    }

    private static Event eventOf(int i) {
        byte[] payload = new byte[i % 50];
        for (int at = 0; at < payload.length; at++) {
            payload[at] = (byte) at;
        }
        String scope = i % 2 == 0 ? "plant" : "Gebäude";
        Event event = new Event("sensor:" + i % 7, scope, CATEGORY_1 + i % 5)
                .payload(payload)
                .payloadVersion(i % 3)
                .key(Id.ofOperation("interplay", Integer.toString(i)))
                .timestampUs(FIRST_TIMESTAMP_US + i)
                .correlation(Id.ofOperation("interplay-correlation", Integer.toString(i / 10)))
                .causationItem(i % 10 == 3 ? 1 : 0);
        if (i % 4 == 0) {
            event.extension("test.index", Integer.toString(i).getBytes(UTF_8));
        }
        return event;
    }

    private static Store openReading(Path path) {
        return Store.openReading(path);
    }

    private static void read(Path path) {
        try (Store store = openReading(path)) {
            store.forEach(new Query(), event -> OUT.println(lineOf(event)));
        }
    }

    private static String lineOf(EventRecord event) {
        String extensions = event.extensions().entrySet().stream()
                .map(each -> each.getKey() + "=" + HEX.formatHex(each.getValue()))
                .collect(Collectors.joining(","));
        String from = event.sourceNamespace() + "/" + event.sourceSequence();
        return String.join(
                " ",
                Long.toString(event.sequence()),
                event.entity(),
                event.scope(),
                kindText(event.kind()),
                Integer.toString(event.payloadVersion()),
                Long.toString(event.version()),
                Long.toString(event.timestampUs()),
                event.id().hex(),
                orDash(event.correlation() == null ? "" : event.correlation().hex()),
                orDash(event.causation() == null ? "" : event.causation().hex()),
                orDash(HEX.formatHex(event.payload())),
                orDash(extensions),
                event.contentHash().hex(),
                event.isImported() ? from + "/" + event.sourceEventId() : "-");
    }

    private static String orDash(String text) {
        return text.isEmpty() ? "-" : text;
    }

    private static String kindText(int kind) {
        return String.format("0x%04x", kind);
    }

    private static void importInto(Path sourcePath, Path destinationPath) {
        try (Store source = openReading(sourcePath);
                Store destination = Store.open(destinationPath)) {
            ImportOptions options = new ImportOptions("interplay/source");
            ImportReport report = destination.importFrom(
                    source, options, event -> (event.kind() & 0xfff) % 2 == 0);
            OUT.printf(
                    "imported %d deduplicated %d filtered %d reserved %d conflicts %d watermark "
                            + "%d%n",
                    report.imported(),
                    report.deduplicated(),
                    report.skippedFiltered(),
                    report.skippedReserved(),
                    report.conflicts(),
                    report.sourceHighWatermark());
        }
    }

    private static void frame(Path path) {
        try (Store store = openReading(path)) {
            store.forEach(new Query(), event -> event.provenance()
                    .map(Frames::encode)
                    .ifPresent(frame -> OUT.println(HEX.formatHex(frame))));
        }
    }

    private static void decode() throws IOException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            Provenance provenance = Frames.decode(HEX.parseHex(line));
            OUT.println(String.join(
                    " ",
                    provenance.sourceNamespace(),
                    provenance.sourceEventId().hex(),
                    Long.toUnsignedString(provenance.sourceSequence()),
                    kindText(provenance.sourceKind()),
                    provenance.sourceContentHash().hex()));
        }
    }
}
