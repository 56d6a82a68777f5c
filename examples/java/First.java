import fbat.Event;
import fbat.EventRecord;
import fbat.Store;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** The shortest whole program: opens a store, appends an event, reads everything back. */
public final class First {
    private First() {}

    public static void main(String[] arguments) {
        Path path = Path.of(arguments.length > 0 ? arguments[0] : "lamps");
        try (Store store = Store.open(path)) {
            store.append(new Event("lamp:kitchen", "home", 0x1001).payload("on"));
            for (EventRecord event : store.events()) {
                String payload = new String(event.payload(), StandardCharsets.UTF_8);
                System.out.println(event.entity() + " " + payload);
            }
        }
    }
}
