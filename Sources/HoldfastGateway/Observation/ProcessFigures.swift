#if Gateway
import Foundation

/// What the operating system says of this process. What it does not say is nil, and is not told.
struct ProcessFigures: Sendable {
    var cpuSeconds: Double?
    /// Since 1970.
    var startSeconds: Double?
    var residentBytes: Int?
    var virtualBytes: Int?
    var openFiles: Int?
    var maximumFiles: Int?

    init() {}

    /// As it is now. Reads some files of `/proc`: not for an event loop.
    static func now() -> ProcessFigures {
        var figures = ProcessFigures()
        figures.maximumFiles = Descriptors.limit
        #if os(Linux)
        figures.readProc()
        #endif
        return figures
    }

    #if os(Linux)
    private mutating func readProc() {
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        // The command's name comes first, in parentheses, and may hold anything. After it, fields are numbered from 3.
        if let text = Self.text(of: "/proc/self/stat"), let end = text.lastIndex(of: ")"), ticks > 0 {
            let fields = text[end...].dropFirst(2).split(separator: " ")
            func field(_ number: Int) -> Double? {
                fields.indices.contains(number - 3) ? Double(fields[number - 3]) : nil
            }
            if let user = field(14), let system = field(15) { cpuSeconds = (user + system) / ticks }
            virtualBytes = field(23).map { Int($0) }
            residentBytes = field(24).map { Int($0) * Int(sysconf(Int32(_SC_PAGESIZE))) }
        }
        startSeconds = Self.start
        // One of them is the folder itself.
        openFiles = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")).map { max(0, $0.count - 1) }
    }

    /// Found once. The kernel's time of the boot moves when the clock is put right, and nobody has started then.
    private static let start: Double? = {
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        guard ticks > 0, let text = Self.text(of: "/proc/self/stat"), let end = text.lastIndex(of: ")") else {
            return nil
        }
        let fields = text[end...].dropFirst(2).split(separator: " ")
        let boot = Self.text(of: "/proc/stat")?.split(separator: "\n").first { $0.hasPrefix("btime ") }
        guard fields.count > 19, let start = Double(fields[19]), let boot = boot.flatMap({ Double($0.dropFirst(6)) })
        else { return nil }
        return boot + start / ticks
    }()

    /// What `/proc` holds has no size before it is read.
    private static func text(of path: String) -> String? {
        FileHandle(forReadingAtPath: path).flatMap { file in
            (try? file.readToEnd()).flatMap { $0 }.map { String(decoding: $0, as: UTF8.self) }
        }
    }
    #endif
}
#endif
