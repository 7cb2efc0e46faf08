#if Gateway && canImport(Darwin)
import Dispatch
import Foundation
import Synchronization

/// Tells when files, or links on the way to them, have changed: by kqueue, through dispatch sources.
///
/// A burst of changes is told once for each turn of the queue. A file that is gone is not told: whoever puts another in
/// its place does that in two steps.
final class FileWatch: Sendable {
    private let paths: Mutex<[String]>
    private let sources = Mutex<[any DispatchSourceFileSystemObject]>([])
    private let queue = DispatchQueue(label: "holdfast.configuration")
    private let onChange: @Sendable () -> Void

    /// - Parameters:
    ///   - paths: The first is the one that must be there for a change to be told.
    ///   - onChange: Called on the watch's queue. Keep it short.
    init(_ paths: [String], onChange: @escaping @Sendable () -> Void) throws {
        self.paths = Mutex(paths)
        self.onChange = onChange
        queue.sync { arm() }
    }

    /// Watches these from now on.
    func watch(_ paths: [String]) {
        self.paths.withLock { $0 = paths }
        queue.async { [self] in arm() }
    }

    /// Ends the watch. Call it once.
    func end() {
        queue.async { [self] in
            paths.withLock { $0 = [] }
            arm()
        }
    }

    /// Kqueue tells of folders, not of names in them, and of the content of files that are open: so both are watched.
    private func arm() {
        var watched: Set<String> = []
        for path in paths.withLock({ $0 }) {
            FileSteps.walk(path) { folder, _ in watched.insert(folder) }
            watched.insert(path)
        }
        let fresh = watched.compactMap { path -> (any DispatchSourceFileSystemObject)? in
            let descriptor = open(path, O_EVTONLY | O_CLOEXEC)
            guard descriptor >= 0 else { return nil }
            let source = DispatchSource.makeFileSystemObjectSource(
                fileDescriptor: descriptor, eventMask: [.write, .extend, .rename, .delete], queue: queue)
            source.setEventHandler { [weak self] in self?.changed() }
            source.setCancelHandler { close(descriptor) }
            source.activate()
            return source
        }
        let old = sources.withLock { sources in
            defer { sources = fresh }
            return sources
        }
        for source in old { source.cancel() }
    }

    private func changed() {
        arm()
        if let first = paths.withLock({ $0.first }), access(first, F_OK) == 0 { onChange() }
    }
}
#endif
