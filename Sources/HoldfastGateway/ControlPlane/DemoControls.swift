#if Gateway
/// What the page can do to a demonstration service.
public struct DemoControls: Sendable {
    /// How the service behaves.
    public enum Mode: String, Sendable, CaseIterable {
        case ok, fail, hang, slow
    }

    /// What came of a burst of requests.
    public struct Traffic: Sendable, Encodable {
        public let sent: Int
        /// How many answers had each status; 0 counts those that never came.
        public let statuses: [Int: Int]

        public init(sent: Int, statuses: [Int: Int]) {
            self.sent = sent
            self.statuses = statuses
        }
    }

    let mode: @Sendable () -> Mode
    let charges: @Sendable () -> Int
    let setMode: @Sendable (Mode) -> Void
    let sendTraffic: @Sendable () async -> Traffic

    public init(
        mode: @escaping @Sendable () -> Mode, charges: @escaping @Sendable () -> Int,
        setMode: @escaping @Sendable (Mode) -> Void, sendTraffic: @escaping @Sendable () async -> Traffic
    ) {
        self.mode = mode
        self.charges = charges
        self.setMode = setMode
        self.sendTraffic = sendTraffic
    }
}
#endif
