#if Gateway
import Foundation

/// Keeps what is in the process's memory in it: keys, tokens, passwords, bodies.
package enum MemoryDumps {
    #if os(Linux)
    private static let resource = __rlimit_resource_t(RLIMIT_CORE.rawValue)
    #else
    private static let resource = RLIMIT_CORE
    #endif

    /// Has the kernel write no core when the process crashes, nor hand one to a program that collects them, which asks
    /// for no limit; and lets no other process of the same user read its memory or its environment (`/proc/PID/mem` and
    /// `environ`, `ptrace`). It cannot be undone for the files that it has written before.
    ///
    /// - Returns: Whether all of it is so now.
    @discardableResult package static func forbid() -> Bool {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        let isLimited = setrlimit(resource, &none) == 0
        #if os(Linux)
        return isLimited && setUndumpable()
        #else
        return isLimited
        #endif
    }

    #if os(Linux)
    /// `prctl(PR_SET_DUMPABLE, 0)`. C declares it with any number of arguments, which Swift does not call; the kernel
    /// takes five words in any case, and on Linux's machines words are passed in the same registers either way.
    private static func setUndumpable() -> Bool {
        typealias Control = @convention(c) (CInt, CUnsignedLong, CUnsignedLong, CUnsignedLong, CUnsignedLong) -> CInt
        guard let symbol = dlsym(nil, "prctl") else { return false }
        return unsafeBitCast(symbol, to: Control.self)(4, 0, 0, 0, 0) == 0
    }
    #endif
}
#endif
