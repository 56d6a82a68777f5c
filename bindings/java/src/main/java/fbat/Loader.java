package fbat;

/** Finds the library. */
final class Loader {
    private Loader() {}

    /** The file that the property {@code fbat.library} or FBAT_LIBRARY names, else the loader's. */
    static Native load() {
        String named = System.getProperty("fbat.library", System.getenv("FBAT_LIBRARY"));
        String soname = "libfbat.so." + Native.VERSION_MAJOR + "." + Native.VERSION_MINOR;
        String file = named == null || named.isEmpty() ? soname : named;
        Native library = com.sun.jna.Native.load(file, Native.class);
        int found = library.fbat_abi_version();
        if (found != Native.ABI_VERSION) {
            String versions = found + ", not " + Native.ABI_VERSION;
            throw new UnsatisfiedLinkError(file + " has ABI version " + versions);
        }
        return library;
    }
}
