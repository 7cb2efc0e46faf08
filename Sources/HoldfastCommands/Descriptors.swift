#if Gateway
import Foundation

/// How many files and connections the process may have open.
enum Descriptors {
    /// Raises the limit as far as it goes. The usual soft limit is 1,024, for the sake of programs that use `select`.
    static func raise() {
        var limit = rlimit()
        #if canImport(Glibc)
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
        let resource = RLIMIT_NOFILE
        #endif
        guard getrlimit(resource, &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(resource, &limit)
    }
}
#endif
