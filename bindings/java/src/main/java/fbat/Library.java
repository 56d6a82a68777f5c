package fbat;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** Finds the library, and its functions. */
final class Library {
    private static final String FILE =
            "libfbat.so." + Native.VERSION_MAJOR + "." + Native.VERSION_MINOR;
    private static final SymbolLookup FUNCTIONS = load();

    private Library() {}

    static MethodHandle function(String name, FunctionDescriptor shape) {
        return function(FUNCTIONS, name, shape);
    }

    private static MethodHandle function(
            SymbolLookup among, String name, FunctionDescriptor shape) {
        MemorySegment found = among.find(name)
                .orElseThrow(() -> new UnsatisfiedLinkError("the library has no " + name));
        return Linker.nativeLinker().downcallHandle(found, shape);
    }

    /** A call of a function throws nothing of its own. */
    static RuntimeException unexpected(Throwable t) {
        if (t instanceof Error error) {
            throw error;
        }
        return t instanceof RuntimeException e ? e : new IllegalStateException(t);
    }

    /** What the property or FBAT_LIBRARY names, else what is in the jar, else the system's. */
    private static SymbolLookup load() {
        String named = System.getProperty("fbat.library.path", System.getenv("FBAT_LIBRARY"));
        if (named != null && !named.isEmpty()) {
            Path path = Path.of(named).toAbsolutePath();
            return checked(open(Files.isDirectory(path) ? path.resolve(FILE) : path));
        }
        try (InputStream packed = Library.class.getResourceAsStream(resource())) {
            return checked(packed == null ? system() : unpacked(packed));
        } catch (IOException e) {
            throw new UncheckedIOException("the library can't be unpacked from the jar", e);
        }
    }

    /** Where a jar has the library of this machine. */
    private static String resource() {
        String directory = "native/linux-" + System.getProperty("os.arch");
        return directory + "/" + FILE + "." + Native.VERSION_PATCH;
    }

    private static SymbolLookup system() {
        try {
            return SymbolLookup.libraryLookup(FILE, Arena.global());
        } catch (IllegalArgumentException e) {
            String places = "-Dfbat.library.path and FBAT_LIBRARY name none, the jar has no "
                    + resource() + ", and the system finds none";
            throw refused("there is no " + FILE + ": " + places, e);
        }
    }

    /** A file that is loaded needs no name any more. */
    private static SymbolLookup unpacked(InputStream packed) throws IOException {
        Path file = Files.createTempFile("libfbat-", ".so");
        try {
            Files.copy(packed, file, StandardCopyOption.REPLACE_EXISTING);
            return open(file);
        } finally {
            Files.delete(file);
        }
    }

    private static SymbolLookup open(Path file) {
        try {
            return SymbolLookup.libraryLookup(file, Arena.global());
        } catch (IllegalArgumentException e) {
            String why = Files.exists(file) ? "the system can't load it" : "there is no such file";
            throw refused(file + ": " + why, e);
        }
    }

    private static UnsatisfiedLinkError refused(String why, Exception cause) {
        UnsatisfiedLinkError error = new UnsatisfiedLinkError(why);
        error.initCause(cause);
        return error;
    }

    private static SymbolLookup checked(SymbolLookup found) {
        FunctionDescriptor shape = FunctionDescriptor.of(ValueLayout.JAVA_INT);
        try {
            int version = (int) function(found, "fbat_abi_version", shape).invokeExact();
            if (version != Native.ABI_VERSION) {
                throw new UnsatisfiedLinkError("the library that was found has ABI version "
                        + version + ", not " + Native.ABI_VERSION);
            }
            return found;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }
}
