#if Gateway
import ArgumentParser
import Foundation
import HoldfastGateway
import HoldfastIdempotency
import NIOHTTP1

/// What a person does about keys, through a running gateway's control plane: so no two processes open one store.
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Look at idempotency keys, and settle what is unknown.",
        subcommands: [ListKeys.self, ExplainKey.self, ResolveKey.self, PurgeKey.self])
}

/// Which gateway.
struct AdminOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("The gateway's control plane. Default: http://127.0.0.1:9090.", valueName: "url"),
        transform: Words.server)
    var admin: GatewayConfiguration.Address?

    @Option(help: ArgumentHelp("A file with the control plane's token.", valueName: "file"))
    var tokenFile: String?

    @Option(
        help: ArgumentHelp(
            "Instead: the gateway's configuration file, which has the address and the token.", valueName: "file"))
    var config: String?

    @Flag(help: "Print JSON, as the control plane gives it.")
    var json = false

    func validate() throws {
        guard config == nil || (admin == nil && tokenFile == nil) else {
            throw ValidationError("with --config, the file says it all: leave out --admin and --token-file")
        }
    }

    private func whom() throws -> AdminConfiguration {
        if let config { return try ConfigurationFile(path: config).configuration.admin }
        var whom = AdminConfiguration()
        if let admin { whom.address = admin }
        if let tokenFile { whom.token = try AdminConfiguration.token(inFile: tokenFile) }
        return whom
    }

    /// Asks the control plane.
    ///
    /// - Throws: What it says is wrong.
    func ask<Answer: Decodable>(
        _ method: HTTPMethod, _ path: String, _ query: [String: String] = [:], body: [UInt8] = [], as: Answer.Type
    ) async throws -> (answer: Answer, text: String) {
        var parts = URLComponents()
        parts.path = path
        if !query.isEmpty {
            parts.queryItems = query.sorted { $0.key < $1.key }.map { .init(name: $0.key, value: $0.value) }
        }
        // A plus would be read as a space.
        let uri = (parts.string ?? path).replacing("+", with: "%2B")
        let whom = try whom()
        let answer: SmallHTTPClient.Answer
        do {
            answer = try await SmallHTTPClient.send(method, uri, to: whom.address, token: whom.token, body: body)
        } catch {
            throw SmallHTTPClient.Failure(
                description: "no control plane at http://\(whom.address): \(words(of: error))")
        }
        guard answer.status != 401 else {
            throw SmallHTTPClient.Failure(
                description: whom.token == nil
                    ? "the control plane at http://\(whom.address) needs its token: give --token-file, or --config"
                    : "the control plane at http://\(whom.address) has another token than this one")
        }
        let data = Data(answer.body)
        guard answer.status == 200 else {
            let reason = try? JSONDecoder().decode(Refusal.self, from: data).error.message
            // A control plane that is another's has no such page, and does not say of what there is none.
            if answer.status == 404, let reason { throw NoSuchRecord(description: reason) }
            throw SmallHTTPClient.Failure(description: reason ?? "the control plane answered \(answer.status)")
        }
        return (try JSONDecoder().decode(Answer.self, from: data), String(decoding: data, as: UTF8.self))
    }
}

/// What was looked for is not there.
struct NoSuchRecord: Error, CustomStringConvertible {
    /// What the command ends with: an error of its own, so that no script takes a control plane that is away, or a wrong
    /// word, for a key that is not there.
    static let exitCode: Int32 = 3

    let description: String
}

/// What the control plane says is wrong.
private struct Refusal: Decodable {
    struct Reason: Decodable { let message: String }
    let error: Reason
}

extension KeyRecord {
    /// The whole story, for a person.
    var story: String {
        var lines = lookedFor.map { ["found    \($0)"] } ?? []
        lines += ["record   \(record)", "state    \(state)", "fence    \(fence)"]
        if let leaseEndsInSeconds {
            let when = spoken(abs(leaseEndsInSeconds))
            lines.append("lease    \(leaseEndsInSeconds > 0 ? "ends in \(when)" : "ended \(when) ago")")
        }
        lines.append("expires  in \(spoken(expiresInSeconds))")
        if let payloadBytes { lines.append("payload  \(payloadBytes) bytes") }
        if let cause {
            lines.append("cause")
            for (name, value) in cause.parts {
                lines.append("  \(name.padding(toLength: 13, withPad: " ", startingAt: 0))\(value)")
            }
        }
        if let causeUnreadable { lines.append("cause    it cannot be read: \(causeUnreadable)") }
        lines.append("history")
        for event in history {
            var line = "  \(spoken(event.secondsAgo)) ago: \(event.event), fence \(event.fence)"
            if !event.by.isEmpty { line += ", by \(event.by)" }
            if !event.why.isEmpty { line += ": \(event.why)" }
            lines.append(line)
        }
        return lines.joined(separator: "\n")
    }
}

/// Seconds, as a person says them: the two largest units.
func spoken(_ seconds: Double) -> String {
    guard seconds >= 1 else { return "\(Int(max(0, seconds) * 1_000)) ms" }
    var rest = Int(min(seconds, 1e12))
    var words: [String] = []
    for (unit, length) in [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)] where rest >= length {
        words.append("\(rest / length) \(unit)")
        rest %= length
    }
    return words.prefix(2).joined(separator: " ")
}

struct ListKeys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List records, those that stand in one way or all, and count those that are unknown.",
        discussion: "With --state, the oldest claim comes first.")

    @OptionGroup var options: AdminOptions

    @Option(
        help: ArgumentHelp("Only those that stand so.", valueName: Words.names(of: ClaimSummary.State.self)),
        transform: Words.choice)
    var state: ClaimSummary.State?

    @Option(help: "How many at the most: 1 to 100,000.")
    var limit = 100

    func validate() throws {
        guard (1...100_000).contains(limit) else {
            throw ValidationError("the limit is \(limit), but must be 1 to 100000")
        }
    }

    func run() async throws {
        var records: [KeyRecord] = []
        var cursor: String?
        var mayBeMore = false
        var store: StoreCounts?
        repeat {
            var query = ["looking-at": "\(min(1_000, state == nil || state == .completed ? 1_000 : limit))"]
            query["state"] = state?.rawValue
            query["after"] = cursor
            let page = try await options.ask(.GET, "/api/keys", query, as: KeyPage.self).answer
            mayBeMore = page.next != nil || page.records.count > limit - records.count
            records += page.records.prefix(limit - records.count)
            store = page.store
            cursor = page.next
        } while cursor != nil && records.count < limit
        let listing = KeyListing(records: records, mayBeMore: mayBeMore, store: store)
        // One document, however many pages it took.
        guard !options.json else { return say(String(decoding: try JSONEncoder().encode(listing), as: UTF8.self)) }
        say(listing.table)
        // Beside the table, for whoever reads that by a program.
        for remark in listing.remarks { complain(remark) }
    }
}

/// Which record: by its name, or by what the client said.
struct RecordOptions: ParsableArguments {
    @Argument(help: "The record's name, 64 digits: from a listing, a log, or a problem's 'record'.")
    var record: String?

    @Option(help: "Instead: the client's Idempotency-Key.")
    var key: String?

    @Option(
        help: ArgumentHelp(
            "With a key: the method, the host as clients name it, without its port, and the path.",
            valueName: "POST HOST/path"))
    var operation: String?

    @Option(help: "With a key: who called, as the gateway names callers. Default: somebody without credentials.")
    var caller: String?

    @Option(
        help: ArgumentHelp(
            """
            With a key, instead of a name: a file with the fields that name the caller, as the client sends them \
            ('Authorization: Bearer …', a line each), or what their certificate says (its SPIFFE identity, or its subject and \
            its issuer); '-' is the standard input. They are not given here, where others \
            on this machine could read them.
            """, valueName: "file"))
    var callerFields: String?

    @Option(
        help: ArgumentHelp(
            """
            With a key, where the route names callers by tokens: what theirs says, NAME=VALUE, such as sub=ada, and iss if \
            it has one. Once for each claim.
            """, valueName: "claim"))
    var callerClaim: [String] = []

    @Option(
        help: ArgumentHelp(
            """
            With a key, where the route has scopeFields: one that was sent, 'NAME: VALUE', or one that was not, 'NAME'. Once \
            for each, all of them.
            """, valueName: "field"))
    var scopeField: [String] = []

    func validate() throws {
        guard key != nil || scopeField.isEmpty else {
            throw ValidationError("--scope-field goes with --key and --operation")
        }
        guard callerClaim.isEmpty || (key != nil && caller == nil && callerFields == nil) else {
            throw ValidationError("--caller-claim goes with --key and --operation, and with no other caller")
        }
        if let claim = callerClaim.first(where: { !$0.dropFirst().contains("=") }) {
            throw ValidationError("the claim is '\(claim)', but must be NAME=VALUE, such as sub=ada")
        }
        guard (record == nil) == (key != nil), (key == nil) == (operation == nil) else {
            throw ValidationError("name a record, or give --key and --operation")
        }
        guard key != nil || (caller == nil && callerFields == nil), caller == nil || callerFields == nil else {
            throw ValidationError("--caller or --caller-fields goes with --key and --operation, and not both")
        }
        if let record, RecordID(record) == nil {
            throw ValidationError("the record is '\(record)', but must be 64 hexadecimal digits")
        }
    }

    func find(_ options: AdminOptions) async throws -> (answer: KeyRecord, text: String) {
        if let record { return try await options.ask(.GET, "/api/keys/\(record)", as: KeyRecord.self) }
        if !callerClaim.isEmpty {
            let pairs = callerClaim.map { $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false) }
            let claims = Dictionary(pairs.map { (String($0[0]), String($0[1])) }) { _, last in last }
            let order = FindOrder(key: key ?? "", operation: wholeOperation, callerFields: [], callerClaims: claims)
            return try await options.ask(
                .POST, "/api/key", body: Array(try JSONEncoder().encode(order)), as: KeyRecord.self)
        }
        if let callerFields {
            let order = FindOrder(
                key: key ?? "", operation: wholeOperation,
                callerLines: try InputFile.read(callerFields, for: "--caller-fields"))
            return try await options.ask(
                .POST, "/api/key", body: Array(try JSONEncoder().encode(order)), as: KeyRecord.self)
        }
        var query = ["key": key ?? "", "operation": wholeOperation]
        query["caller"] = caller
        return try await options.ask(.GET, "/api/key", query, as: KeyRecord.self)
    }
}

extension RecordOptions {
    /// The operation, as the gateway names it where fields are in the scope.
    private var wholeOperation: String {
        var values: [String: [String]] = [:]
        for field in scopeField {
            let parts = field.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            values[parts.first?.lowercased() ?? "", default: []] += parts.dropFirst()
        }
        return KeyScope.operation(
            operation ?? "", with: values.sorted { $0.key < $1.key }.map { (name: $0.key, values: $0.value) })
    }
}

struct ExplainKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Tell which request a record was made for, and its whole history: claims, fences, owners, times.",
        discussion: "Ends with 3 if there is no such record. That is no proof that nothing was executed.",
        aliases: ["show"])

    @OptionGroup var record: RecordOptions
    @OptionGroup var options: AdminOptions

    func run() async throws {
        let found = try await record.find(options)
        say(options.json ? found.text : found.answer.story)
    }
}

/// Who decides, and why: both are kept.
struct DecisionOptions: ParsableArguments {
    @Option(help: "Who decides: it is written into the record's history.")
    var by: String

    @Option(help: "Why: it is written into the record's history.")
    var why: String

    @Option(help: "The fence that was looked at; default: the present one. Nothing is changed if it is another by now.")
    var fence: Int64?
}

struct ResolveKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolve", abstract: "Say how what is unknown ended.",
        discussion: """
            --released: nothing happened, and the key may be executed again. --completed: it was executed; a repeat gets \
            the response that is given here, or, without one, learns that it was executed and not kept.
            """)

    enum Ending: String, EnumerableFlag { case released, completed }

    @OptionGroup var record: RecordOptions
    @Flag(help: "How it ended.") var ending: Ending
    @Option(help: "With --completed: the response's status.") var status: Int?
    @Option(help: "With --completed: the response's content type.") var contentType: String?
    @Option(help: ArgumentHelp("With --completed: a file with the response's body, any bytes.", valueName: "file"))
    var bodyFile: String?
    @OptionGroup var decision: DecisionOptions
    @OptionGroup var options: AdminOptions

    func validate() throws {
        let hasResponse = contentType != nil || bodyFile != nil
        if status == nil ? hasResponse : ending == .released {
            throw ValidationError("a response needs --completed and a --status")
        }
        if let status { try Self.check(status, contentType, hasBody: false) }
    }

    func run() async throws {
        let body = try bodyFile.map { Data(try InputFile.read($0, for: "--body-file")).base64EncodedString() }
        guard bodyFile == nil || contentType != nil || body == "" else {
            throw ValidationError("--body-file needs --content-type: a repeat's client reads the body by it")
        }
        if let status { try Self.check(status, contentType, hasBody: body?.isEmpty == false) }
        let found = try await record.find(options).answer
        let order = ResolveOrder(
            fence: decision.fence ?? found.fence, as: ending.rawValue,
            response: status.map { ResolveOrder.Answer(status: $0, contentType: contentType, bodyBase64: body) },
            by: decision.by,
            why: decision.why)
        let answer = try await options.ask(
            .POST, "/api/keys/\(found.record)/resolve", body: Array(try JSONEncoder().encode(order)),
            as: KeyRecord.self)
        say(options.json ? answer.text : answer.answer.story)
    }

    private static func check(_ status: Int, _ contentType: String?, hasBody: Bool) throws {
        do {
            try ResolveOrder.Answer.check(status: status, contentType: contentType, hasBody: hasBody)
        } catch {
            throw ValidationError("\(error)")
        }
    }
}

struct PurgeKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purge", abstract: "Forget a record that is not in flight, as if the key had never been seen.")

    @OptionGroup var record: RecordOptions
    @OptionGroup var decision: DecisionOptions
    @OptionGroup var options: AdminOptions

    func run() async throws {
        let found = try await record.find(options).answer
        let order = PurgeOrder(fence: decision.fence ?? found.fence, by: decision.by, why: decision.why)
        let answer = try await options.ask(
            .POST, "/api/keys/\(found.record)/purge", body: Array(try JSONEncoder().encode(order)),
            as: [String: String].self)
        say(options.json ? answer.text : "purged \(found.record)")
    }
}
#endif
