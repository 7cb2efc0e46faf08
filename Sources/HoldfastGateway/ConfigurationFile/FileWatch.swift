#if Gateway
import Foundation

/// A path, step by step: the names on the way to a file, each in the folder that holds it, through links and what they
/// point to.
///
/// A file is replaced by writing it, by putting another in its place, or by turning a link on the way to it, as Kubernetes
/// does with a whole folder. Each of these changes one of these names in one of these folders.
struct FileSteps {
    /// As in Linux.
    private static let linkLimit = 40

    /// - Parameter visit: Called for each name before it is followed, so that a folder is watched before it is looked into.
    static func walk(_ path: String, _ visit: (_ folder: String, _ name: String) -> Void) {
        var rest = components(path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path)
        var folder: [Substring] = []
        var links = 0
        while let name = rest.popFirst() {
            if name == ".." {
                folder = folder.dropLast()
                continue
            }
            let parent = "/" + folder.joined(separator: "/")
            visit(parent, String(name))
            let whole = parent == "/" ? "/\(name)" : "\(parent)/\(name)"
            guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: whole) else {
                folder.append(name)
                continue
            }
            links += 1
            guard links <= linkLimit else { return }
            if target.hasPrefix("/") { folder = [] }
            rest = components(target) + rest
        }
    }

    private static func components(_ path: String) -> ArraySlice<Substring> {
        path.split(separator: "/").filter { $0 != "." }[...]
    }
}

#if os(Linux) || os(Android)
import Synchronization

/// Tells when files, or links on the way to them, have changed: by inotify, read by a thread of its own that sleeps
/// otherwise.
///
/// A burst of changes is told once, after the last that was in the queue. A file that is gone is not told: whoever puts
/// another in its place does that in two steps.
final class FileWatch: Sendable {
    private struct State {
        var paths: [String]
        /// What is watched, by its watch.
        var folders: [Int32: Folder] = [:]
    }

    /// A folder, and the names in it that matter.
    private struct Folder {
        let path: String
        var names: Set<String> = []
    }

    private static let mask = UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR)

    private let state: Mutex<State>
    private let events: Int32
    /// What the thread waits for beside the events: both ends of a pipe.
    private let ending: (read: Int32, write: Int32)
    private let onChange: @Sendable () -> Void

    /// - Parameters:
    ///   - paths: The first is the one that must be there for a change to be told.
    ///   - onChange: Called on the watch's thread. Keep it short.
    /// - Throws: When the system gives no inotify, of which each user may have some.
    init(_ paths: [String], onChange: @escaping @Sendable () -> Void) throws {
        events = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        guard events >= 0 else { throw Self.error() }
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            let error = Self.error()
            close(events)
            throw error
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        ending = (ends[0], ends[1])
        state = Mutex(State(paths: paths))
        self.onChange = onChange
        arm()
        Thread.detachNewThread { [self] in listen() }
    }

    /// Watches these from now on.
    func watch(_ paths: [String]) {
        state.withLock { $0.paths = paths }
        arm()
    }

    /// Ends the thread. Call it once.
    func end() { close(ending.write) }

    private static func error() -> POSIXError { POSIXError(POSIXErrorCode(rawValue: errno) ?? .EMFILE) }

    private func arm() {
        state.withLock { state in
            var folders: [Int32: Folder] = [:]
            for path in state.paths {
                FileSteps.walk(path) { folder, name in
                    // A folder that may not be read is one whose changes are not noticed; those below it are.
                    let watch = inotify_add_watch(events, folder, Self.mask)
                    if watch >= 0 { folders[watch, default: Folder(path: folder)].names.insert(name) }
                }
            }
            for watch in state.folders.keys where folders[watch] == nil { inotify_rm_watch(events, watch) }
            state.folders = folders
        }
    }

    private func listen() {
        var waits = [events, ending.read].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while poll(&waits, 2, -1) >= 0 || errno == EINTR {
            guard waits[1].revents == 0 else { break }
            guard drain() else { continue }
            arm()
            let first = state.withLock { $0.paths.first }
            if let first, access(first, F_OK) == 0 { onChange() }
        }
        close(events)
        close(ending.read)
    }

    /// Reads what is in the queue to its end. True when something of it matters.
    private func drain() -> Bool {
        var matters = false
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 8) { buffer in
            while let start = buffer.baseAddress {
                let count = read(events, start, buffer.count)
                guard count > 0 else { return }
                var place = 0
                while place + MemoryLayout<inotify_event>.size <= count {
                    let event = buffer.loadUnaligned(fromByteOffset: place, as: inotify_event.self)
                    let nameStart = place + MemoryLayout<inotify_event>.size
                    let bytes = buffer[nameStart..<min(count, nameStart + Int(event.len))].prefix { $0 != 0 }
                    if isRelevant(event, name: String(decoding: bytes, as: UTF8.self)) { matters = true }
                    place = nameStart + Int(event.len)
                }
            }
        }
        return matters
    }

    private func isRelevant(_ event: inotify_event, name: String) -> Bool {
        // What did not fit into the queue may have been anything.
        if event.mask & UInt32(IN_Q_OVERFLOW) != 0 { return true }
        guard let folder = state.withLock({ $0.folders[event.wd] }), folder.names.contains(name) else { return false }
        guard event.mask & UInt32(IN_CLOSE_WRITE | IN_MOVED_TO) == 0 else { return true }
        // A file that was created is empty until it has been written and closed; a link, to whatever, is whole at once.
        let found = try? FileManager.default.attributesOfItem(atPath: "\(folder.path)/\(name)")
        let isFile = found?[.type] as? FileAttributeType == .typeRegular
        return !(isFile && found?[.referenceCount] as? Int == 1)
    }
}
#endif
#endif
