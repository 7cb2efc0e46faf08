#if Gateway
import HoldfastHTTP
import Foundation
import Logging
import Synchronization

/// One JSON line for each request that is told, in a file or on the standard output.
///
/// Lines are made and written on a queue of the log's own. What waits for it is bounded: when the disk, or whoever reads
/// the standard output, is slower than the requests, lines are dropped and counted, and no request waits.
final class AccessLog: Sendable {
    /// How many reports wait for the writer by default: what comes in a tenth of a second at a gateway's maximum.
    static let usualBound = 8_192

    /// How many reports were written, and how many were not.
    struct Figures: Sendable, Hashable {
        var written = 0
        /// The writer was too slow.
        var droppedFull = 0
        /// The file could not be written to.
        var droppedFailed = 0
    }

    private struct State {
        var waiting: [Line] = []
        var isWriting = false
        var figures = Figures()
    }

    private let bound: Int
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "holdfast.access-log")
    private let file: File

    /// - Parameter path: Nil is the standard output.
    /// - Throws: ``GatewayError`` when the file cannot be opened.
    init(path: String?, bound: Int = usualBound, logger: Logger) throws(GatewayError) {
        self.bound = max(1, bound)
        file = File(path: path, logger: logger)
        if let path, let error = file.open() { throw .cannotOpenLog(at: path, because: error) }
    }

    var figures: Figures { state.withLock { $0.figures } }

    /// What has a line.
    enum Line: Sendable {
        case end(RequestReport)
        case begin(BeginReport)

        func write(to text: inout JSONText) {
            switch self {
            case .end(let report): report.write(to: &text)
            case .begin(let report): report.write(to: &text)
            }
        }
    }

    /// Has a line written, soon.
    func write(_ report: RequestReport) { write(.end(report)) }

    func write(_ line: Line) {
        let isFirst = state.withLock { state in
            guard state.waiting.count < bound else {
                state.figures.droppedFull += 1
                return false
            }
            state.waiting.append(line)
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if isFirst { queue.async { self.writeAll() } }
    }

    /// Opens the file anew, under the same name. When that fails, the old file is written on.
    func reopen() { queue.async { self.file.reopen() } }

    /// Waits until all that was told is written, but no longer than ten seconds: whoever has stopped reading the standard
    /// output must not keep the gateway from ending.
    func close() async {
        await withCheckedContinuation { continuation in
            let once = Once(continuation)
            queue.async {
                // What came while a batch was written has its own turn behind this one.
                while self.writeBatch() {}
                once.resume()
            }
            DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(10)) { once.resume() }
        }
    }

    /// One batch a turn, so that ``reopen()`` has its turn, too.
    private func writeAll() {
        if writeBatch() { queue.async { self.writeAll() } }
    }

    /// Writes what waits.
    ///
    /// - Returns: Whether anything did.
    private func writeBatch() -> Bool {
        let batch = state.withLock { state in
            defer { state.waiting = [] }
            if state.waiting.isEmpty { state.isWriting = false }
            return state.waiting
        }
        if batch.isEmpty { return false }
        var start = 0
        while start < batch.count {
            var text = JSONText()
            var end = start
            while end < batch.count, text.bytes.count < 1 << 16 {
                batch[end].write(to: &text)
                text.lineBreak()
                end += 1
            }
            let isWritten = file.write(text.bytes)
            state.withLock { state in
                if isWritten {
                    state.figures.written += end - start
                } else {
                    state.figures.droppedFailed += end - start
                }
            }
            start = end
        }
        return true
    }
}

/// Resumes what waits for the first of several.
private final class Once: Sendable {
    private let continuation: Mutex<CheckedContinuation<Void, Never>?>

    init(_ continuation: CheckedContinuation<Void, Never>) { self.continuation = Mutex(continuation) }

    func resume() { continuation.withLock { $0.take() }?.resume() }
}
#endif
