package fbat;

import java.util.List;

/**
 * What a repair kept and lost.
 *
 * @param report what was kept.
 * @param findings what is wrong with the damaged store, and which sequences are lost by it.
 */
public record Repair(RepairReport report, List<Finding> findings) {}
