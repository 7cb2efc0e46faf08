#if Gateway
import Foundation
import Logging

/// How many files and connections the process may have open.
enum Descriptors {
    /// Raises the limit as far as it goes, and tells when that is too little for the connections that may come: each needs
    /// one, and another towards the service. The usual soft limit is 1,024, for the sake of programs that use `select`.
    static func raise(for connections: Int, logger: Logger) {
        var limit = rlimit()
        #if canImport(Glibc)
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
        let resource = RLIMIT_NOFILE
        #endif
        guard getrlimit(resource, &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        guard setrlimit(resource, &limit) == 0, limit.rlim_cur < rlim_t(connections) * 2 else { return }
        logger.warning(
            "too few files may be open for all connections: raise the limit, or lower limits.connections",
            metadata: ["limit": "\(limit.rlim_cur)", "connections": "\(connections)"])
    }
}
#endif
