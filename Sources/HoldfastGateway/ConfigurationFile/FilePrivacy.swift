#if Gateway
import Foundation

/// Whether a file with a secret is read by nobody else.
///
/// Others may not read it. A group may, if it is one of the process's own or root's: that is how a secret gets to a service
/// that does not own it (a unit's group, Kubernetes' `fsGroup`, a credential of systemd). Where a link leads is what counts.
struct FilePrivacy: Equatable {
    /// The permissions, without what kind of file it is.
    let mode: UInt32
    let group: UInt32

    /// - Parameters:
    ///   - groups: The process's own.
    ///   - isRoot: Whether the process reads everything in any case, and is not who the file is for: somebody who checks a
    ///     configuration before a service runs by it.
    /// - Returns: What is wrong, and what to do; nil if nothing is.
    func fault(groups: Set<UInt32>, isRoot: Bool) -> String? {
        let words = "its mode is 0\(String(mode & 0o7777, radix: 8))"
        if mode & 0o007 != 0 {
            return "that others may not read (\(words): chmod 600, or 640 with the group of whoever runs the gateway)"
        }
        guard mode & 0o070 != 0, !isRoot, group != 0, !groups.contains(group) else { return nil }
        return "that only groups of the process may read (\(words), and its group is \(group): chmod 600, or chgrp)"
    }

    /// The same for this process.
    var fault: String? {
        var groups = [gid_t](repeating: 0, count: max(0, Int(getgroups(0, nil))))
        let count = getgroups(Int32(groups.count), &groups)
        return fault(groups: Set(groups.prefix(max(0, Int(count)))).union([getegid()]), isRoot: geteuid() == 0)
    }
}

extension FilePrivacy {
    init(_ status: stat) {
        self.init(mode: UInt32(status.st_mode) & 0o7777, group: UInt32(status.st_gid))
    }

    /// Of a file that is there.
    init?(ofFileAt path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(status)
    }
}
#endif
