package fbat;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.util.function.Consumer;

/** Compares the sizes of structs with those of the library that is loaded, which its {@code _init} functions write. */
final class Layouts {
    private static final int ROOM_BYTES = 4096;

    private Layouts() {}

    static void check(Native library) {
        check("fbat_event", new Native.EventStruct().size(), library::fbat_event_init);
        check("fbat_receipt", new Native.ReceiptStruct().size(), library::fbat_receipt_init);
        check("fbat_import_report", new Native.ImportReportStruct().size(), library::fbat_import_report_init);
    }

    /** A later version of the library may know more members, behind those of this one. */
    private static void check(String name, int size, Consumer<Pointer> init) {
        try (Memory room = new Memory(ROOM_BYTES)) {
            init.accept(room);
            long found = room.getLong(0);
            if (found < size) {
                throw new UnsatisfiedLinkError("the library's " + name + " has " + found + " bytes, not " + size);
            }
        }
    }
}
