#if Gateway
import Crypto
import Foundation
import NIOHTTP1

/// Whether a service has agreed to the WebSocket that a client asks for.
///
/// A client must look (RFC 6455, section 4.1), and so must whoever joins two connections: a service, or another proxy
/// before it, that answers 101 without having understood would read what the client sends next as requests of the
/// gateway's, past every route.
enum WebSocketHandshake {
    private static let identifier = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    static func isAgreed(_ answer: HTTPHeaders, to request: HTTPHeaders) -> Bool {
        guard answer["upgrade"].map({ $0.lowercased() }) == ["websocket"],
            answer[canonicalForm: "connection"].contains(where: { $0.lowercased() == "upgrade" }),
            let key = request["sec-websocket-key"].first
        else { return false }
        return answer["sec-websocket-accept"] == [accept(key)]
    }

    /// What a service says to a key (section 4.2.2).
    static func accept(_ key: String) -> String {
        Data(Insecure.SHA1.hash(data: Data((key + identifier).utf8))).base64EncodedString()
    }
}
#endif
