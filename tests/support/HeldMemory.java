import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.util.ArrayList;
import java.util.List;

/** Loaded into an application that runs, it holds so many percent of its memory, as a leak would; with 0 it lets go. */
public final class HeldMemory {
    private static final int STEP = 4 << 20;
    private static final List<byte[]> HELD = new ArrayList<>();

    private HeldMemory() {}

    public static void agentmain(String percent) {
        HELD.clear();
        System.gc();
        MemoryPoolMXBean old = ManagementFactory.getMemoryPoolMXBeans().stream()
                .filter(pool -> pool.getName().startsWith("Tenured"))
                .findFirst()
                .orElseThrow();
        long wanted = old.getUsage().getMax() / 100 * Long.parseLong(percent);
        // A collection moves what is held to where the old things are.
        while (old.getUsage().getUsed() < wanted) {
            HELD.add(new byte[STEP]);
            System.gc();
        }
    }
}
