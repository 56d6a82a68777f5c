package fbat;

import java.util.List;

/**
 * What a walk over a store found.
 *
 * @param report what was checked.
 * @param findings what is wrong; none for a sound store.
 */
public record Verification(VerifyReport report, List<Finding> findings) {}
