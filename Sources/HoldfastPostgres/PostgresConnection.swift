#if PostgreSQL
import Foundation
import HoldfastIdempotency
import Synchronization

/// One statement: its text, and its parameters as PostgreSQL's text format has them.
public struct PostgresStatement: Sendable, Hashable {
    public let sql: String
    public let parameters: [String?]
    /// Whether the server is to keep it, because it comes again and again: then it parses and plans it once for each
    /// connection.
    let isKept: Bool

    init(_ sql: String, _ parameters: [String?] = [], isKept: Bool = false) {
        self.sql = sql
        self.parameters = parameters
        self.isKept = isKept
    }

    /// What the server knows it by: a hash of its text (FNV-1a), so that whoever shares a server's connection means the
    /// same by it.
    var name: String {
        let hash = sql.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return "holdfast_\(String(hash, radix: 16))"
    }
}

/// Rows as text; nil is NULL.
public typealias PostgresRows = [[String?]]

/// A connection of libpq, and the thread that blocks on it. Used by one caller at a time.
final class PostgresConnection: @unchecked Sendable {
    /// What the server, or the way to it, has said.
    struct Failure: Error, CustomStringConvertible {
        let description: String
        /// The server's five-character code; nil when the connection itself failed.
        let code: String?
        /// Whether the connection can be used again.
        let isUsable: Bool

        /// Whether the server does not know, or knows already, a statement that it was to keep: somebody stands between
        /// who hands out the server's connections in turn.
        var isAboutKeeping: Bool { code == "26000" || code == "42P05" }
    }

    private let queue = DispatchQueue(label: "holdfast.postgres")
    private let pq: LibPQ
    private let connection: LibPQ.Connection
    /// The statements that the server keeps; nil when it cannot be relied on to keep any.
    private var kept: Set<String>? = []
    private let silence: PostgresSilence?

    private init(_ connection: LibPQ.Connection, of pq: LibPQ, patience: Duration?) {
        self.connection = connection
        self.pq = pq
        silence = patience.map { PostgresSilence(patience: $0, socket: pq.socket(connection)) }
    }

    deinit { pq.finish(connection) }

    /// Connects. What the URL says wins over the defaults here.
    ///
    /// - Parameter patience: How long the server may take to answer what is sent in one go; nil for as long as it likes.
    static func connect(to url: String, patience: Duration? = nil) async throws(Failure) -> PostgresConnection {
        let result: Result<PostgresConnection, Failure> = await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: open(url, patience)) }
        }
        return try result.get()
    }

    private static func open(_ url: String, _ patience: Duration?) -> Result<PostgresConnection, Failure> {
        let pq: LibPQ
        do { pq = try LibPQ.shared() } catch {
            return .failure(Failure(description: error.description, code: nil, isUsable: false))
        }
        guard PostgresURL.canBeRead(url, by: pq) else {
            return .failure(Failure(description: PostgresURL.refusal, code: nil, isUsable: false))
        }
        guard let opened = opened(url, by: pq) else {
            return .failure(Failure(description: "no memory", code: nil, isUsable: false))
        }
        let connection = PostgresConnection(opened, of: pq, patience: patience)
        guard pq.status(opened) == LibPQ.connectionIsGood else { return .failure(connection.failure(nil)) }
        guard pq.enterPipelineMode(opened) == 1 else { return .failure(connection.failure(nil)) }
        return .success(connection)
    }

    /// Connects, or fails to: what it returns is to be asked, and to be finished.
    static func opened(_ url: String, by pq: LibPQ) -> LibPQ.Connection? {
        // A peer that is gone without a word must not hold a batch for the kernel's quarter of an hour.
        let options = [
            ("application_name", "holdfast"), ("connect_timeout", "5"), ("tcp_user_timeout", "10000"),
            ("keepalives_idle", "10"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
            ("client_encoding", "UTF8"), ("dbname", url),
        ]
        return withCStrings(options.map(\.0)) { keywords in
            withCStrings(options.map(\.1)) { values in pq.connectdbParams(keywords, values, 1) }
        }
    }

    /// Sends all statements in one go, and reads all answers: one round trip. After the first that fails, the server
    /// skips the others.
    func send(_ statements: [PostgresStatement]) async throws(Failure) -> [PostgresRows] {
        let result: Result<[PostgresRows], Failure> = await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: self.exchange(statements)) }
        }
        return try result.get()
    }

    /// Has the server keep nothing from now on: behind PgBouncer, the next transaction may be on another of its
    /// connections.
    func keepNothing() { kept = nil }

    /// What an answer will be of: a statement, or the keeping of one.
    private enum Sent {
        case statement
        case keeping(String)
    }

    /// - Returns: What was sent; nil when the connection is broken.
    private func write(_ statements: [PostgresStatement]) -> [Sent]? {
        var sent: [Sent] = []
        for statement in statements {
            let count = Int32(statement.parameters.count)
            let isWritten = withCStrings(statement.parameters) { values in
                guard statement.isKept, let kept else {
                    return pq.sendQueryParams(connection, statement.sql, count, nil, values, nil, nil, 0)
                }
                let name = statement.name
                if !kept.contains(name) {
                    guard pq.sendPrepare(connection, name, statement.sql, 0, nil) == 1 else { return 0 }
                    sent.append(.keeping(name))
                }
                return pq.sendQueryPrepared(connection, name, count, values, nil, nil, 0)
            }
            guard isWritten == 1 else { return nil }
            sent.append(.statement)
        }
        return pq.pipelineSync(connection) == 1 ? sent : nil
    }

    private func exchange(_ statements: [PostgresStatement]) -> Result<[PostgresRows], Failure> {
        silence?.begins()
        defer { silence?.ends() }
        guard let sent = write(statements) else { return .failure(failure(nil)) }
        var awaited = sent[...]
        var answers: [PostgresRows] = []
        var failed: Failure?
        var hasEnded = false
        while true {
            guard let result = pq.getResult(connection) else {
                // The end of one statement's results. Twice in a row, or on a connection that is gone, it is the end
                // of all.
                if hasEnded || pq.status(connection) != LibPQ.connectionIsGood { return .failure(broken(failed)) }
                hasEnded = true
                continue
            }
            defer { pq.clear(result) }
            hasEnded = false
            switch pq.resultStatus(result) {
            case LibPQ.pipelineEnd:
                return failed.map { .failure($0) } ?? .success(answers)
            case LibPQ.rowsDone, LibPQ.commandDone:
                switch awaited.popFirst() {
                case .keeping(let name): kept?.insert(name)
                case .statement, nil: answers.append(rows(of: result))
                }
            case LibPQ.pipelineAborted:
                break
            default:
                failed = failed ?? failure(result)
                if pq.status(connection) != LibPQ.connectionIsGood { return .failure(broken(failed)) }
            }
        }
    }

    private func rows(of result: LibPQ.Answer) -> PostgresRows {
        (0..<pq.ntuples(result)).map { row in
            (0..<pq.nfields(result)).map { column in
                guard pq.getisnull(result, row, column) == 0, let text = pq.getvalue(result, row, column) else {
                    return nil
                }
                return String(cString: text)
            }
        }
    }

    /// What has failed, on a connection that is not used again.
    private func broken(_ known: Failure?) -> Failure {
        let failure = known ?? failure(nil)
        return Failure(description: failure.description, code: failure.code, isUsable: false)
    }

    private func failure(_ result: LibPQ.Answer?) -> Failure {
        let text = result.flatMap { pq.resultErrorMessage($0) } ?? pq.errorMessage(connection)
        let message = text.map { String(cString: $0) } ?? "unknown"
        let code = result.flatMap { pq.resultErrorField($0, LibPQ.codeField) }.map { String(cString: $0) }
        let line = message.split(separator: "\n").joined(separator: " ")
        if let silence, silence.isTooLong {
            let words = "the server did not answer within \(silence.patience), and its connection is given up"
            return Failure(description: words, code: nil, isUsable: false)
        }
        return Failure(description: line, code: code, isUsable: pq.status(connection) == LibPQ.connectionIsGood)
    }
}

/// Hands an array of C strings that ends with a null to a function of C.
private func withCStrings<R>(
    _ strings: [String?], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> R
) -> R {
    let copies = strings.map { $0.flatMap { strdup($0) } }
    defer { for copy in copies { free(copy) } }
    let pointers = copies.map { UnsafePointer($0) } + [nil]
    return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
}
#endif
