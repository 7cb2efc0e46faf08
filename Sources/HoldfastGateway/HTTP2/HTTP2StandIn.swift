#if Gateway
import NIOCore
import NIOHPACK

/// What stands in the place of a request's head that is too large: NIOHTTP2 would end the whole connection over it, and
/// its client would not learn why. It is answered with 431 (RFC 6585, section 5), and other streams go on.
enum HTTP2StandIn {
    /// A client that says so itself gets the same answer.
    private static let scheme = "too-large"

    /// - Parameter method: Whether there is a body in the answer depends on it.
    static func block(method: [UInt8]?) -> ByteBuffer {
        let isHead = method.map { $0.elementsEqual("HEAD".utf8) } ?? false
        var block = ByteBuffer()
        block.writeLiteral(name: Array(":method".utf8), value: Array((isHead ? "HEAD" : "GET").utf8))
        block.writeLiteral(name: Array(":scheme".utf8), value: Array(scheme.utf8))
        block.writeLiteral(name: Array(":path".utf8), value: Array("/".utf8))
        return block
    }

    static func stands(in fields: HPACKHeaders) -> Bool { fields.first(name: ":scheme") == scheme }
}
#endif
