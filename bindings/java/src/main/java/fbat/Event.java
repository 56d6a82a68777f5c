package fbat;

import com.sun.jna.Memory;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/** An event to append. What is not set is empty. Not for several threads at once. */
public final class Event {
    /** What is expected of the entity before the event. */
    public enum Expect {
        ANY, ABSENT, PRESENT, VERSION
    }

    private static final int EXTENSION_BYTES = 32;
    private static final int KIND_MAX = 0xffff;

    private final String entity;
    private final String scope;
    private final int kind;
    private byte[] payload = new byte[0];
    private int payloadVersion;
    private int flags;
    private Id key;
    private Expect expect = Expect.ANY;
    private long expectedVersion;
    private Long timestampUs;
    private Id correlation;
    private Id causation;
    private int causationItem;
    private final Map<String, byte[]> extensions = new LinkedHashMap<>();

    /**
     * @param entity what it is about: 1 to 1024 bytes of UTF-8 without control bytes, {@code / .. | =}.
     * @param scope whose event it is; same rules.
     * @param kind category in the top 4 bits, not 0x0 nor 0xD; type in the low 12.
     */
    public Event(String entity, String scope, int kind) {
        this.entity = Objects.requireNonNull(entity, "entity");
        this.scope = Objects.requireNonNull(scope, "scope");
        this.kind = requireU16(kind, "kind");
    }

    public Event payload(byte[] bytes) {
        payload = bytes.clone();
        return this;
    }

    public Event payload(String text) {
        return payload(text.getBytes(StandardCharsets.UTF_8));
    }

    /** Which version of its payload's schema: the caller's own, 0 to 65,535. */
    public Event payloadVersion(int version) {
        payloadVersion = requireU16(version, "payloadVersion");
        return this;
    }

    /** The caller's own, every bit. */
    public Event flags(int bits) {
        flags = bits;
        return this;
    }

    /** Idempotency key, which becomes the event's id. */
    public Event key(Id id) {
        key = id;
        return this;
    }

    public Event expect(Expect what) {
        expect = what;
        return this;
    }

    /** The entity has to have exactly so many events. */
    public Event expectVersion(long version) {
        expectedVersion = version;
        return expect(Expect.VERSION);
    }

    /** Microseconds since 1970. Without it, the event takes the recorded time of its batch. */
    public Event timestampUs(long microseconds) {
        timestampUs = microseconds;
        return this;
    }

    /** What the event belongs to, across entities. */
    public Event correlation(Id id) {
        correlation = id;
        return this;
    }

    /** The event that caused this one. */
    public Event causation(Id id) {
        causation = id;
        return this;
    }

    /** The item of the same batch that caused this one, counted from 1; 0 for none. */
    public Event causationItem(int item) {
        causationItem = item;
        return this;
    }

    /** A named value; the key is {@code prefix.field} in ASCII. */
    public Event extension(String name, byte[] value) {
        extensions.put(name, value.clone());
        return this;
    }

    private static int requireU16(int value, String what) {
        if (value < 0 || value > KIND_MAX) {
            throw new IllegalArgumentException(what + " " + value + " is not from 0 to " + KIND_MAX);
        }
        return value;
    }

    /** Writes it for the library. The struct owns what it points to, until it is collected. */
    void write(Native.EventStruct to) {
        to.structSize = to.size();
        to.entity.set(entity.getBytes(StandardCharsets.UTF_8));
        to.scope.set(scope.getBytes(StandardCharsets.UTF_8));
        to.kind = (short) kind;
        to.payloadVersion = (short) payloadVersion;
        to.payload.set(payload);
        to.key = Id.bytesOf(key);
        to.expect = expect.ordinal();
        to.flags = flags;
        to.expectedVersion = expectedVersion;
        if (timestampUs != null) {
            to.options = Native.EVENT_HAS_TIMESTAMP;
            to.timestampUs = timestampUs;
        }
        to.correlation = Id.bytesOf(correlation);
        to.causation = Id.bytesOf(causation);
        to.causationItem = causationItem;
        writeExtensions(to);
        to.write();
    }

    private void writeExtensions(Native.EventStruct to) {
        if (extensions.isEmpty()) {
            return;
        }
        Memory rows = new Memory((long) EXTENSION_BYTES * extensions.size());
        Native.ExtensionStruct[] structs = new Native.ExtensionStruct[extensions.size()];
        int i = 0;
        for (Map.Entry<String, byte[]> each : extensions.entrySet()) {
            structs[i] = new Native.ExtensionStruct(rows.share((long) EXTENSION_BYTES * i));
            structs[i].key.set(each.getKey().getBytes(StandardCharsets.UTF_8));
            structs[i].value.set(each.getValue());
            structs[i].write();
            i++;
        }
        to.owned = structs;
        to.extensions = rows;
        to.extensionCount = structs.length;
    }
}
