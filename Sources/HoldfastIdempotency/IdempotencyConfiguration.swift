import FoundationEssentials
public import Holdfast

/// How long claims and outcomes last, and how many callers may wait: plain data.
public struct IdempotencyConfiguration: Sendable, Hashable {
    /// How long a claim lasts: 1 s to 1 hour. Default: 60 s. It has to outlast the work; when it ends without an
    /// outcome, the key becomes unknown.
    public var lease: Duration = .seconds(60)

    /// How long an outcome is kept, counted from its recording: 1 minute to 365 days. Default: 24 h, as with Stripe.
    public var retention: Duration = .seconds(86_400)

    /// How many duplicates of one key may wait for its outcome: 0 to 10,000, for an execution here and, as many again,
    /// for one in another process. Default: 64. Beyond it, and at zero always, a duplicate of what is in flight conflicts
    /// at once.
    public var waitersPerKey: Int = 64

    /// How many keys may be in flight in this process, and how many duplicates may wait for other processes: 1 to
    /// 1,000,000. Default: 10,000. Beyond it, a new key is refused as `overloaded`, and a duplicate conflicts.
    public var keysInFlight: Int = 10_000

    /// How long the recording of an outcome is tried while the store fails: zero to 1 hour, from 50 ms apart to 2 s.
    /// Default: 30 s, which a server's restart seldom outlasts. Then it is tried once more without the payload, and after
    /// that the outcome is unknown. It goes on beyond the lease's end: what comes late is taken as long as nobody has
    /// taken the key over.
    public var recordingTime: Duration = .seconds(30)

    /// The most bytes of an outcome that is kept: 0 to 63 MiB, which every store can give back. Default: 16 MiB. What is
    /// larger leaves the tombstone that it was executed.
    public var outcomeBytes: Int = 16 << 20

    /// What every store can give back.
    package static let outcomeBytesBound = 63 << 20

    /// How many keys one caller may have claimed within a retention: 1 to 1,000,000,000; nil is no bound, the default.
    /// Counted by each process for itself, since its start.
    public var keysPerCaller: Int?

    /// How many bytes of outcomes one caller may have had recorded within a retention: 1 to 2⁵⁰; nil is no bound, the
    /// default. The last that was let in may pass it. Counted as the keys are.
    public var bytesPerCaller: Int?

    /// The same for all callers of one origin, as whoever begins a key says it: an address, say. nil is no bound, the
    /// default.
    public var keysPerOrigin: Int?
    public var bytesPerOrigin: Int?

    /// The most keys that the whole store may hold: 1 to 1,000,000,000,000; nil is no bound. Default: 10,000,000, about
    /// 5 GB of records, and 115 keys a second all day with a retention of 24 h. Beyond it new keys are refused as `full`;
    /// known ones are answered, and what expires makes room. A store that answers at once has a bound of its own instead.
    public var storeKeys: Int? = 10_000_000

    /// The most bytes of outcomes that the whole store may hold: 1 to 2⁵⁰; nil is no bound. Default: 8 GiB, which a small
    /// machine's disk of 20 GB has beside the records. Beyond it new keys are refused, and the outcomes of those that are
    /// in flight are not kept.
    public var storeBytes: Int? = 8 << 30

    /// How long an outcome that is a refusal (``Claim/Outcome/refused``) is kept for a caller to whom nothing has succeeded
    /// from there, as far as this process remembers: 1 minute to 365 days, and never longer than any other. Default: 10
    /// minutes: clients try again within seconds, and whoever is refused costs a store the least.
    public var refusedRetention: Duration = .seconds(600)

    /// How many bytes of outcomes are kept at hand for ten seconds, so that a repeat that comes soon need not ask the
    /// store: 0 to 16 GiB. Default: 16 MiB. At zero, none.
    public var replayCacheBytes: Int = 16 << 20

    /// Who this process is, for the records' history: 1 to 64 bytes. Default: the host's name and the process's number.
    public var owner: String = "\(ProcessInfo.processInfo.hostName):\(ProcessInfo.processInfo.processIdentifier)"

    public init() {}

    /// Checks every option.
    ///
    /// - Throws: `ConfigurationError` for the first option out of its range.
    public func validate() throws(ConfigurationError) {
        try require("lease", lease, in: IdempotencyEngine.leases)
        try require("retention", retention, in: IdempotencyEngine.retentions)
        try require("waitersPerKey", waitersPerKey, in: 0...10_000)
        try require("keysInFlight", keysInFlight, in: 1...1_000_000)
        try require("recordingTime", recordingTime, in: .zero ... .seconds(3_600))
        try require("outcomeBytes", outcomeBytes, in: 0...Self.outcomeBytesBound)
        if let keysPerCaller { try require("keysPerCaller", keysPerCaller, in: 1...1_000_000_000) }
        if let bytesPerCaller { try require("bytesPerCaller", bytesPerCaller, in: 1...(1 << 50)) }
        if let keysPerOrigin { try require("keysPerOrigin", keysPerOrigin, in: 1...1_000_000_000) }
        if let bytesPerOrigin { try require("bytesPerOrigin", bytesPerOrigin, in: 1...(1 << 50)) }
        if let storeKeys { try require("storeKeys", storeKeys, in: 1...1_000_000_000_000) }
        if let storeBytes { try require("storeBytes", storeBytes, in: 1...(1 << 50)) }
        try require("refusedRetention", refusedRetention, in: IdempotencyEngine.retentions)
        try require("replayCacheBytes", replayCacheBytes, in: 0...(16 << 30))
        try require("owner's length in bytes", owner.utf8.count, in: 1...ClaimHistory.nameBound)
    }
}
