import fbat.Event;
import fbat.EventRecord;
import fbat.ImportOptions;
import fbat.ImportReport;
import fbat.Provenance;
import fbat.Query;
import fbat.Receipt;
import fbat.Region;
import fbat.Store;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/**
 * Lamps report to a house; a district gathers what houses recorded, except what its filter leaves
 * out.
 *
 * <pre>java -cp CLASSES --enable-native-access=ALL-UNNAMED Lamps.java DIRECTORY</pre>
 */
public final class Lamps {
    private static final int SWITCHED = 0x1001; // category 1, type 1
    private static final int MOVED = 0x1002;

    private Lamps() {}

    public static void main(String[] arguments) throws IOException {
        Path directory = Path.of(arguments.length > 0 ? arguments[0] : ".");
        try (Store house = Store.open(directory.resolve("house"));
                Store district = Store.open(directory.resolve("district"))) {
            record(house);
            Query lamps = new Query().region(new Region().entity("lamp"));
            house.forEach(lamps, event -> System.out.println(event.entity() + " " + text(event)));
            gather(district, house);
            tellOrigins(district);
            refuse(district, house);
        }
    }

    private static void record(Store house) {
        List<Receipt> receipts = house.append(List.of(
                new Event("lamp:kitchen", "home", SWITCHED).payload("on"),
                new Event("lamp:kitchen", "home", MOVED).payload("to the window").causationItem(1),
                new Event("lamp:hall", "home", SWITCHED).payload("off")));
        for (Receipt each : receipts) {
            System.out.printf("event %d is on the disk: %b%n", each.sequence(), each.isDurable());
        }
    }

    private static String text(EventRecord event) {
        return new String(event.payload(), StandardCharsets.UTF_8);
    }

    private static void gather(Store district, Store house) {
        ImportOptions options = new ImportOptions("house/7");
        ImportReport report =
                district.importFrom(house, options, event -> event.kind() == SWITCHED);
        System.out.printf(
                "%d imported, %d left out%n", report.imported(), report.skippedFiltered());
    }

    private static void tellOrigins(Store district) {
        for (EventRecord event : district.events()) {
            Provenance from = event.provenance().orElseThrow();
            System.out.printf(
                    "%s was event %d of %s%n",
                    event.entity(), from.sourceSequence(), from.sourceNamespace());
        }
    }

    /** What a filter throws, checked exceptions too, is what the import throws. */
    private static void refuse(Store district, Store house) {
        try {
            district.importFrom(house, new ImportOptions("another name"), event -> {
                throw new IOException("no more room for " + event.entity());
            });
        } catch (IOException e) {
            System.out.println("refused: " + e.getMessage());
        }
    }
}
