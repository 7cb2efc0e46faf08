#if Gateway
import NIOCore
import NIOHPACK

@testable import HoldfastGateway

/// What NIOHPACK makes of field blocks that ``HPACKReader`` has read: names and values in turn, in bytes.
struct FieldDecoder {
    static let limit = 16_384

    var reader = HPACKReader()
    private var decoder = HPACKDecoder(
        allocator: ByteBufferAllocator(), maxDynamicTableSize: 4_096, maxHeaderListSize: 1 << 20)
    private(set) var last: HPACKReader.Reading?

    mutating func fields(_ block: [UInt8], most: Int = 2 * limit) throws -> [[UInt8]] {
        var buffer = ByteBuffer(bytes: block)
        let reading = try reader.read(buffer, fits: most / 2, most: most)
        last = reading
        switch reading {
        case .asItIs: break
        case .rewritten(let other): buffer = other
        case .tooLarge: return []
        }
        return try decoder.decodeHeaders(from: &buffer).flatMap { [$0.name.fieldBytes, $0.value.fieldBytes] }
    }
}
#endif
