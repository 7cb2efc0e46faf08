#if Gateway
import Foundation

/// How many files and connections the process may have open.
package enum Descriptors {
    #if os(Linux)
    private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
    private static let resource = RLIMIT_NOFILE
    #endif

    /// As it is now; nil where the operating system does not say.
    static var limit: Int? { current.map { Int(clamping: $0.rlim_cur) } }

    /// Raises the limit as far as it goes. The usual soft limit is 1,024, for the sake of programs that use `select`.
    package static func raise() {
        guard var limit = current else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(resource, &limit)
    }

    private static var current: rlimit? {
        var limit = rlimit()
        return getrlimit(resource, &limit) == 0 ? limit : nil
    }
}
#endif
