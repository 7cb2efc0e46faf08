#if PostgreSQL
import Foundation

/// The functions of libpq that the store uses, named as libpq names them without its prefix.
///
/// The library is loaded when the first store is opened, not linked: it brings two dozen others (OpenSSL, Kerberos, LDAP,
/// GnuTLS), which a process with another store would carry in its memory for nothing. It stays loaded. What is declared
/// here is libpq's binary interface of major version 5, which has been stable since 2006.
final class LibPQ: Sendable {
    /// `PGconn` and `PGresult`, whose insides are libpq's own.
    typealias Connection = OpaquePointer
    typealias Answer = OpaquePointer
    typealias Text = UnsafeMutablePointer<CChar>
    typealias Texts = UnsafePointer<UnsafePointer<CChar>?>

    /// Why libpq cannot be used, in a sentence that says what to do.
    struct Missing: Error, CustomStringConvertible {
        let description: String
    }

    // CONNECTION_OK of ConnStatusType, and of ExecStatusType what the store looks at.
    static let connectionIsGood: CInt = 0
    static let commandDone: CInt = 1
    static let rowsDone: CInt = 2
    static let pipelineEnd: CInt = 10
    static let pipelineAborted: CInt = 11
    /// PG_DIAG_SQLSTATE: the field of an error that has the server's five-character code.
    static let codeField = CInt(UInt8(ascii: "C"))

    let connectdbParams: @Sendable @convention(c) (Texts?, Texts?, CInt) -> Connection?
    let status: @Sendable @convention(c) (Connection) -> CInt
    let errorMessage: @Sendable @convention(c) (Connection) -> Text?
    let finish: @Sendable @convention(c) (Connection) -> Void
    let socket: @Sendable @convention(c) (Connection) -> CInt

    let enterPipelineMode: @Sendable @convention(c) (Connection) -> CInt
    let pipelineSync: @Sendable @convention(c) (Connection) -> CInt
    let sendQueryParams:
        @Sendable @convention(c) (
            Connection, UnsafePointer<CChar>, CInt, UnsafePointer<UInt32>?, Texts?, UnsafePointer<CInt>?,
            UnsafePointer<CInt>?, CInt
        ) -> CInt
    let sendPrepare:
        @Sendable @convention(c) (
            Connection, UnsafePointer<CChar>, UnsafePointer<CChar>, CInt, UnsafePointer<UInt32>?
        ) -> CInt
    let sendQueryPrepared:
        @Sendable @convention(c) (
            Connection, UnsafePointer<CChar>, CInt, Texts?, UnsafePointer<CInt>?, UnsafePointer<CInt>?, CInt
        ) -> CInt
    let getResult: @Sendable @convention(c) (Connection) -> Answer?
    let exec: @Sendable @convention(c) (Connection, UnsafePointer<CChar>) -> Answer?

    let resultStatus: @Sendable @convention(c) (Answer?) -> CInt
    let resultErrorMessage: @Sendable @convention(c) (Answer) -> Text?
    let resultErrorField: @Sendable @convention(c) (Answer, CInt) -> Text?
    let ntuples: @Sendable @convention(c) (Answer) -> CInt
    let nfields: @Sendable @convention(c) (Answer) -> CInt
    let getisnull: @Sendable @convention(c) (Answer, CInt, CInt) -> CInt
    let getvalue: @Sendable @convention(c) (Answer, CInt, CInt) -> Text?
    let clear: @Sendable @convention(c) (Answer?) -> Void

    let consumeInput: @Sendable @convention(c) (Connection) -> CInt
    /// What it returns is `PGnotify`: the channel, a process's id in a word of its own, the payload, a link.
    let notifies: @Sendable @convention(c) (Connection) -> UnsafeMutablePointer<Text?>?
    let freemem: @Sendable @convention(c) (UnsafeMutableRawPointer?) -> Void

    /// What it returns is an array of `PQconninfoOption`: ``optionWords`` words each, of which the first is the keyword
    /// and the one at ``optionValue`` the value. It ends with one whose keyword is null.
    let conninfoParse:
        @Sendable @convention(c) (UnsafePointer<CChar>, UnsafeMutablePointer<Text?>?) -> UnsafeMutablePointer<Text?>?
    let conninfoFree: @Sendable @convention(c) (UnsafeMutablePointer<Text?>?) -> Void
    /// Six pointers and an `int`, in 64 bits.
    static let optionWords = 7
    static let optionValue = 3
    static let notifiedPayload = 2

    #if canImport(Darwin)
    // Homebrew keeps it out of the folders that the loader searches.
    static let names = [
        "libpq.5.dylib", "/opt/homebrew/opt/libpq/lib/libpq.5.dylib", "/usr/local/opt/libpq/lib/libpq.5.dylib",
    ]
    #else
    static let names = ["libpq.so.5"]
    #endif

    private static let loaded = Result<LibPQ, Missing> { () throws(Missing) in try LibPQ(names: names) }

    /// The library, which the first caller loads.
    static func shared() throws(Missing) -> LibPQ { try loaded.get() }

    /// Loads the first of these libraries that is there.
    init(names: [String]) throws(Missing) {
        var reason = ""
        var library: UnsafeMutableRawPointer?
        for name in names where library == nil {
            library = dlopen(name, RTLD_NOW | RTLD_LOCAL)
            if library == nil { reason = dlerror().map { String(cString: $0) } ?? name }
        }
        guard let library else {
            throw Missing(
                description: "a store on PostgreSQL needs libpq 14 or later, which cannot be loaded (\(reason)): "
                    + "install it (Debian, Ubuntu: apt install libpq5; macOS: brew install libpq)")
        }
        func function<F>(_ name: String) throws(Missing) -> F {
            guard let symbol = dlsym(library, name) else {
                throw Missing(description: "libpq is older than version 14: it has no \(name)")
            }
            return unsafeBitCast(symbol, to: F.self)
        }
        connectdbParams = try function("PQconnectdbParams")
        status = try function("PQstatus")
        errorMessage = try function("PQerrorMessage")
        finish = try function("PQfinish")
        socket = try function("PQsocket")
        enterPipelineMode = try function("PQenterPipelineMode")
        pipelineSync = try function("PQpipelineSync")
        sendQueryParams = try function("PQsendQueryParams")
        sendPrepare = try function("PQsendPrepare")
        sendQueryPrepared = try function("PQsendQueryPrepared")
        getResult = try function("PQgetResult")
        exec = try function("PQexec")
        resultStatus = try function("PQresultStatus")
        resultErrorMessage = try function("PQresultErrorMessage")
        resultErrorField = try function("PQresultErrorField")
        ntuples = try function("PQntuples")
        nfields = try function("PQnfields")
        getisnull = try function("PQgetisnull")
        getvalue = try function("PQgetvalue")
        clear = try function("PQclear")
        consumeInput = try function("PQconsumeInput")
        notifies = try function("PQnotifies")
        freemem = try function("PQfreemem")
        conninfoParse = try function("PQconninfoParse")
        conninfoFree = try function("PQconninfoFree")
    }
}
#endif
