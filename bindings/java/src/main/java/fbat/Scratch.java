package fbat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * What one call passes to the library, and what it answers with: structs, bytes, callbacks. They
 * are there until this is closed. The memory is used again by the calls after it.
 */
final class Scratch implements AutoCloseable, SegmentAllocator {
    private static final int ALIGNMENT = 16;
    private static final long SMALLEST = 16 << 10;
    private static final long LARGEST_KEPT = 256 << 10;
    private static final int KEPT = 64;
    /** One for each of so many threads; a call within a callback finds none, and makes one. */
    private static final AtomicReferenceArray<Scratch> POOL = new AtomicReferenceArray<>(KEPT);

    private final MemorySegment memory;
    private final List<Callbacks.Running> running = new ArrayList<>();
    private Arena more;
    private long used;
    private long next;
    private long end;

    private Scratch(long size) {
        memory = Arena.ofAuto().allocate(size, ALIGNMENT);
        begin();
    }

    static Scratch take() {
        Scratch kept = POOL.getAndSet(slot(), null);
        return kept == null ? new Scratch(SMALLEST) : kept;
    }

    private static int slot() {
        return (int) Thread.currentThread().threadId() & (KEPT - 1);
    }

    /** The place for an error comes first, and is NULL. */
    private void begin() {
        used = 0;
        next = memory.address();
        end = next + memory.byteSize();
        Memory.put(room(Long.BYTES), 0L);
    }

    @Override
    public void close() {
        running.forEach(Callbacks.Running::end);
        running.clear();
        Scratch kept = this;
        if (more != null) {
            more.close();
            more = null;
            long wanted = Math.min(Long.highestOneBit(used) << 1, LARGEST_KEPT);
            kept = wanted > memory.byteSize() ? new Scratch(wanted) : this;
        }
        if (kept == this) {
            begin();
        }
        POOL.set(slot(), kept);
    }

    /** Some memory, with anything in it. */
    long room(long size) {
        long wanted = (size + ALIGNMENT - 1) & -ALIGNMENT;
        if (wanted > end - next) {
            if (more == null) {
                more = Arena.ofConfined();
            }
            long chunk = Math.max(wanted, LARGEST_KEPT);
            next = more.allocate(chunk, ALIGNMENT).address();
            end = next + chunk;
        }
        long found = next;
        next += wanted;
        used += wanted;
        return found;
    }

    @Override
    public MemorySegment allocate(long size, long alignment) {
        return Memory.segment(room(size), size);
    }

    /** A place for a pointer, NULL so far. */
    long place() {
        long at = room(Long.BYTES);
        Memory.put(at, 0L);
        return at;
    }

    /** The place for the error of the call. */
    long err() {
        return memory.address();
    }

    /** A struct that is all zero but for its size. */
    long struct(int size) {
        return structs(size, 1);
    }

    /** The same as an array. */
    long structs(int size, int count) {
        long bytes = Math.multiplyExact((long) size, count);
        long first = room(bytes);
        Memory.zero(first, bytes);
        for (long at = first; at < first + bytes; at += size) {
            Memory.put(at, (long) size);
        }
        return first;
    }

    /** Points a struct to a copy of some bytes: a pointer, and their number behind it. */
    void bytes(long at, byte[] bytes) {
        long copy = room(Math.max(bytes.length, 1)); // an empty text is not the same as none
        Memory.put(copy, bytes);
        Memory.put(at, copy);
        Memory.put(at + Long.BYTES, (long) bytes.length);
    }

    /** Points a struct to a text; null is no text. */
    void text(long at, String text) {
        if (text != null) {
            bytes(at, Memory.utf8(text));
        }
    }

    /** An id; null is all zero. */
    long id(Id id) {
        long at = room(Native.ID_SIZE);
        Memory.zero(at, Native.ID_SIZE);
        Memory.put(at, id);
        return at;
    }

    /** A text of its own, as an {@code fbat_str}. */
    long str(String text) {
        long at = room(Memory.STR_BYTES);
        bytes(at, Memory.utf8(text));
        return at;
    }

    /** Points a struct to an array of texts; null is none, which an empty one is not. */
    void texts(long at, List<String> texts) {
        if (texts == null) {
            return;
        }
        long row = room((long) Memory.STR_BYTES * Math.max(texts.size(), 1));
        Memory.put(at, row);
        Memory.put(at + Long.BYTES, (long) texts.size());
        for (String each : texts) {
            bytes(row, Memory.utf8(each));
            row += Memory.STR_BYTES;
        }
    }

    /** Points a struct to an array of ranges of kinds; null is none, which an empty one is not. */
    void kinds(long at, List<KindRange> kinds) {
        if (kinds == null) {
            return;
        }
        long row = room((long) Native.KIND_RANGE_SIZE * Math.max(kinds.size(), 1));
        Memory.put(at, row);
        Memory.put(at + Long.BYTES, (long) kinds.size());
        for (KindRange each : kinds) {
            Memory.put(row + Native.AT_KIND_RANGE_FIRST, (short) each.first());
            Memory.put(row + Native.AT_KIND_RANGE_LAST, (short) each.last());
            row += Native.KIND_RANGE_SIZE;
        }
    }

    /** Points a struct to an array of extensions. */
    void extensions(long at, Map<String, byte[]> extensions) {
        if (extensions.isEmpty()) {
            return;
        }
        // As many as there is room for, whoever adds to the event meanwhile.
        List<Map.Entry<String, byte[]>> all = List.copyOf(extensions.entrySet());
        long row = room((long) Native.EXTENSION_SIZE * all.size());
        Memory.put(at, row);
        Memory.put(at + Long.BYTES, (long) all.size());
        for (Map.Entry<String, byte[]> each : all) {
            bytes(row + Native.AT_EXTENSION_KEY, Memory.utf8(each.getKey()));
            bytes(row + Native.AT_EXTENSION_VALUE, each.getValue());
            row += Native.EXTENSION_SIZE;
        }
    }

    /** Has a callback called by a struct, whose member for its data is behind the function's. */
    void callback(long at, Callbacks.Function function, Object callback) {
        if (callback != null) {
            Callbacks.Running begun = Callbacks.begin(callback);
            running.add(begun);
            Memory.put(at, function.address());
            Memory.put(at + Long.BYTES, begun.number());
        }
    }

    /** Hands the callbacks over to somebody who ends them later. */
    List<Callbacks.Running> keepCallbacks() {
        List<Callbacks.Running> kept = List.copyOf(running);
        running.clear();
        return kept;
    }

    /** What a callback of this call threw; null if none did. */
    Throwable thrown() {
        return Callbacks.thrown(running);
    }
}
