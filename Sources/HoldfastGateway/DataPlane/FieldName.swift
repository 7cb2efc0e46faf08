#if Gateway
/// The fields of which the gateway knows what they mean. Telling them apart allocates nothing.
enum FieldName {
    case host, via, expect, contentLength, transferEncoding, connection, upgrade, date, maxForwards
    case forwardedFor, forwardedProto, forwardedHost, forwarded
    case traceparent, tracestate
    case timeout, attempt
    case requestID
    /// Speaks of one connection, as `connection` and `transfer-encoding` do.
    case hopByHop
    case other

    init(_ name: String) {
        self =
            switch name.utf8.count {
            case 2: name.is("te") ? .hopByHop : .other
            case 3: name.is("via") ? .via : .other
            case 4: name.is("host") ? .host : name.is("date") ? .date : .other
            // No field at all: CGI would make HTTP_PROXY of it, which programs take for the proxy that they are to use.
            case 5: name.is("proxy") ? .hopByHop : .other
            case 6: name.is("expect") ? .expect : .other
            case 7: name.is("upgrade") ? .upgrade : name.is("trailer") ? .hopByHop : .other
            case 9: name.is("forwarded") ? .forwarded : .other
            case 10:
                name.is("connection")
                    ? .connection
                    : name.is("keep-alive") ? .hopByHop : name.is("tracestate") ? .tracestate : .other
            case 11: name.is("traceparent") ? .traceparent : .other
            case 12: name.is("max-forwards") ? .maxForwards : name.is("x-request-id") ? .requestID : .other
            case 14: name.is("content-length") ? .contentLength : name.is("http2-settings") ? .hopByHop : .other
            case 15: name.is("x-forwarded-for") ? .forwardedFor : .other
            case 16:
                name.is("x-forwarded-host")
                    ? .forwardedHost
                    : name.is("proxy-connection")
                        ? .hopByHop
                        : name.is("holdfast-timeout") ? .timeout : name.is("holdfast-attempt") ? .attempt : .other
            case 17:
                name.is("transfer-encoding")
                    ? .transferEncoding
                    : name.is("x-forwarded-proto") ? .forwardedProto : .other
            case 18: name.is("proxy-authenticate") ? .hopByHop : .other
            case 19: name.is("proxy-authorization") ? .hopByHop : .other
            case 25: name.is("proxy-authentication-info") ? .hopByHop : .other
            default: .other
            }
    }
}

extension String {
    /// Whether it is this name, in any case.
    ///
    /// - Parameter name: In lower case.
    func `is`(_ name: StaticString) -> Bool {
        let count = name.utf8CodeUnitCount
        guard utf8.count == count else { return false }
        let same = utf8.withContiguousStorageIfAvailable { bytes in
            (0..<count).allSatisfy { Self.lower(bytes[$0]) == name.utf8Start[$0] }
        }
        return same ?? utf8.enumerated().allSatisfy { Self.lower($1) == name.utf8Start[$0] }
    }

    static func lower(_ byte: UInt8) -> UInt8 {
        (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
    }
}
#endif
