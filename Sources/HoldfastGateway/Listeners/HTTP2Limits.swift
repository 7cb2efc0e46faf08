#if Gateway
import NIOCore
import NIOHPACK
import NIOHTTP2

/// What an HTTP/2 client may do to a connection. What it may not ends the connection with GOAWAY.
enum HTTP2Limits {
    /// What a client may have in flight on one stream before the gateway has read it, in bytes: HTTP/2's default.
    static let streamWindow = 65_535
    /// The same for all streams together.
    private static let connectionWindow = 256 << 10
    /// How much of a response may wait for a client that reads slowly, in bytes and for each stream.
    private static let responseBytes = 32 << 10
    /// PING, SETTINGS and PRIORITY floods (CVE-2019-9512, 9513, 9515), and frames that mean nothing here. A client that
    /// measures round trips pings often.
    static let controlFrames = 500
    static let controlFramesTime = TimeAmount.seconds(30)
    /// WINDOW_UPDATE floods: for each frame of DATA, and each request, a client opens two windows, and NIOHTTP2 ignores those
    /// of streams that are over without counting them. Beyond what a connection may begin with, as many may come as Envoy
    /// takes: ten for each frame of DATA.
    static let windowUpdates = 500
    static let windowUpdatesPerFrame = 10
    /// NIOHTTP2 reads heads of so many bytes until the client has agreed to our settings.
    static let headerLimitUntilAgreed = HPACKDecoder.defaultMaxHeaderListSize

    /// CONTINUATION flood (CVE-2024-27316): enough for the largest head that is read, in frames of the least size that a
    /// client may be held to, and a few that are not full.
    static func continuationFrames(_ headerLimit: Int) -> Int { headerLimit / (16 << 10) + 4 }

    /// What the gateway keeps of the fields that it has sent to a client, in bytes: HTTP/2's default. A client may offer a
    /// larger table, and whoever writes chooses how much of that is used (RFC 7541, section 4.2). NIOHPACK would use all,
    /// up to 4 GiB, and look for each field of each answer in it, from one end to the other.
    static let answerTable = HPACKEncoder.defaultDynamicTableSize
    private static let tableSetting: UInt16 = 1
    /// What RFC 9113, section 6.5.2, defines, and RFC 8441.
    private static let knownSettings: ClosedRange<UInt16> = 1...8
    /// The one number that stands for all that nobody knows: NIOHTTP2 ignores them (section 6.5.2) and keeps each.
    private static let unknownSetting: UInt16 = 0xFFFF

    /// Has a client's settings say what is made use of, and nothing that is kept without use.
    ///
    /// - Parameter settings: Where the first one stands.
    static func settle(bytes: inout ByteBuffer, settings: Int, _ count: Int) {
        for place in stride(from: settings, to: settings + 6 * count, by: 6) {
            guard let (name, value) = bytes.getMultipleIntegers(at: place, as: (UInt16, UInt32).self) else { return }
            if name == tableSetting, value > UInt32(answerTable) {
                bytes.setInteger(UInt32(answerTable), at: place + 2)
            } else if !knownSettings.contains(name), name != unknownSetting {
                bytes.setInteger(unknownSetting, at: place)
            }
        }
    }

    static func make(_ configuration: GatewayConfiguration, streams: Int) -> NIOHTTP2Handler.Configuration {
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: streams),
            HTTP2Setting(parameter: .maxHeaderListSize, value: configuration.headerLimit),
            HTTP2Setting(parameter: .initialWindowSize, value: streamWindow),
        ]
        connection.targetWindowSize = connectionWindow
        connection.maximumSequentialContinuationFrames = continuationFrames(configuration.headerLimit)
        connection.controlFrameRateLimit.maximumCount = controlFrames
        connection.controlFrameRateLimit.windowLength = controlFramesTime
        connection.maximumBufferedControlFrames = 500
        // Frames of streams that were reset here may still be on their way.
        // They are told by their numbers, not by a timer (RFC9113-5.1-10).
        connection.maximumRecentlyResetStreams = max(100, streams)
        // Empty DATA frames (CVE-2019-9518) and faults of single streams: as NIOHTTP2 has them.

        var stream = NIOHTTP2Handler.StreamConfiguration()
        stream.targetWindowSize = streamWindow
        stream.outboundBufferSizeHighWatermark = responseBytes
        stream.outboundBufferSizeLowWatermark = responseBytes / 2
        // Rapid reset (CVE-2023-44487), and streams that the client has the gateway reset (CVE-2025-8671).
        // All that costs the gateway more than the client has a bound here (RFC9113-10.5-2).
        stream.streamResetFrameRateLimit.maximumCount = 200
        stream.streamResetFrameRateLimit.windowLength = .seconds(30)
        stream.streamErrorRateLimit.maximumCount = 200
        stream.streamErrorRateLimit.windowLength = .seconds(30)
        return NIOHTTP2Handler.Configuration(connection: connection, stream: stream)
    }
}
#endif
