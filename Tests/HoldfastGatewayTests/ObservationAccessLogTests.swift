#if Gateway
import Foundation
import Logging
import Synchronization
import TestSupport
import Testing

@testable import HoldfastGateway

@Suite struct ObservationAccessLogTests {
    private let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func inFolder(_ body: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "holdfast-log-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder)
    }

    private func ids(in path: String) throws -> [UInt64] {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        return try text.split(separator: "\n").map { line in
            let id = try #require(try object(Array(line.utf8))["id"] as? String)
            return try #require(UInt64(id, radix: 16))
        }
    }

    @Test func `each report is one line, in the order in which they were told`() async throws {
        try await inFolder { folder in
            let log = try AccessLog(path: "\(folder)/access.log", logger: silent)
            for bits in 0..<5_000 as Range<UInt64> { log.write(.of(bits, path: "/a\nb")) }
            await log.close()
            #expect(try ids(in: "\(folder)/access.log") == Array(0..<5_000))
            #expect(log.figures == .init(written: 5_000))
            let mode = try FileManager.default.attributesOfItem(atPath: "\(folder)/access.log")[.posixPermissions]
            #expect((mode as? Int).map { $0 & 0o007 } == 0, "others cannot read it")
        }
    }

    @Test func `after the file was moved away, the log goes on in a new one, and no line is lost`() async throws {
        try await inFolder { folder in
            let log = try AccessLog(path: "\(folder)/access.log", logger: silent)
            for bits in 0..<100 as Range<UInt64> { log.write(.of(bits)) }
            try FileManager.default.moveItem(atPath: "\(folder)/access.log", toPath: "\(folder)/access.log.1")
            for bits in 100..<200 as Range<UInt64> { log.write(.of(bits)) }
            log.reopen()
            await log.close()
            for bits in 200..<300 as Range<UInt64> { log.write(.of(bits)) }
            await log.close()
            let (old, new) = (try ids(in: "\(folder)/access.log.1"), try ids(in: "\(folder)/access.log"))
            #expect(old + new == Array(0..<300))
            #expect(new.suffix(100) == Array(200..<300)[...])
        }
    }

    @Test func `when the file cannot be opened anew, the log goes on in the old one`() async throws {
        try await inFolder { folder in
            let path = "\(folder)/below/access.log"
            try FileManager.default.createDirectory(atPath: "\(folder)/below", withIntermediateDirectories: true)
            let log = try AccessLog(path: path, logger: silent)
            try FileManager.default.moveItem(atPath: "\(folder)/below", toPath: "\(folder)/away")
            log.reopen()
            log.write(.of(7))
            await log.close()
            #expect(try ids(in: "\(folder)/away/access.log") == [7])
        }
    }

    @Test func `a file that cannot be opened is an error at the start`() throws {
        let error = #expect(throws: GatewayError.self) { try AccessLog(path: "/nowhere/access.log", logger: silent) }
        #expect(error?.code == .cannotOpenLog)
        #expect(error?.description.contains("/nowhere/access.log") == true)
    }

    @Test func `whoever is slower than the requests loses lines, which are counted, and keeps nobody waiting`()
        async throws
    {
        try await inFolder { folder in
            // Nobody reads from the pipe, so the writer stands still when it is full.
            let path = "\(folder)/pipe"
            #expect(mkfifo(path, 0o600) == 0)
            let reader = open(path, O_RDONLY | O_NONBLOCK)
            var log: AccessLog? = try AccessLog(path: path, bound: 100, logger: silent)
            for bits in 0..<20_000 as Range<UInt64> { log?.write(.of(bits)) }
            let dropped = try #require(log?.figures.droppedFull)
            #expect(dropped > 10_000)
            // Now somebody does, until the log is gone.
            log = nil
            let lines = await offPool { () -> Int in
                _ = fcntl(reader, F_SETFL, 0)
                var lines = 0
                var buffer = [UInt8](repeating: 0, count: 1 << 16)
                while true {
                    let count = read(reader, &buffer, buffer.count)
                    guard count > 0 else { return lines }
                    lines += buffer[..<count].count { $0 == UInt8(ascii: "\n") }
                }
            }
            #expect(lines + dropped == 20_000)
            close(reader)
        }
    }

    @Test func `lines that the disk does not take are counted, and told of once`() async throws {
        let told = Told()
        let log = try AccessLog(path: "/dev/full", logger: Logger(label: "test") { _ in told })
        for bits in 0..<10 as Range<UInt64> {
            log.write(.of(bits))
            await log.close()
        }
        #expect(log.figures == .init(droppedFailed: 10))
        #expect(told.messages.list.withLock { $0.count } == 1)
    }

    @Test func `a share of the requests is sampled`() throws {
        func share(_ sample: Double, logs: Bool = true) throws -> Int {
            let log = logs ? try AccessLog(path: "/dev/null", logger: silent) : nil
            let observer = Observer(accessLog: log, sample: sample)
            return (0..<100).count { observer.isSampled(UInt64($0) * (UInt64.max / 100) + UInt64.max / 200) }
        }
        #expect(try share(1) == 100)
        #expect(try share(0) == 0)
        #expect(try share(0.25) == 25)
        #expect(try share(1, logs: false) == 0)
    }
}
#endif
