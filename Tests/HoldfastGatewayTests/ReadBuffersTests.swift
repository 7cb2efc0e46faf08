#if Gateway
import NIOCore
import Testing

@testable import HoldfastGateway

/// The large buffers that an event loop's connections read into by turns.
@Suite struct ReadBuffersTests {
    private let buffers = ReadBuffers()

    /// Takes a buffer and reads into it.
    private func read(_ text: String) -> ByteBuffer {
        var buffer = buffers.take(ByteBufferAllocator())
        #expect(buffer.readableBytes == 0 && buffer.writableBytes == ReadBuffers.size)
        buffer.writeString(text)
        return buffer
    }

    private func place(_ buffer: ByteBuffer) -> UnsafeRawPointer? { buffer.withUnsafeReadableBytes(\.baseAddress) }

    @Test func `what has been sent on is read into again`() {
        var places: [UnsafeRawPointer?] = []
        for text in ["first", "second"] {
            let buffer = read(text)
            places.append(place(buffer))
            buffers.keep(buffer)
        }
        #expect(buffers.buffers.count == 1 && places[0] == places[1])
    }

    @Test func `what somebody still has to send is left to it`() {
        let held = read("held")
        buffers.keep(held)
        let other = read("other")
        #expect(place(other) != place(held))
        #expect(String(buffer: held) == "held" && String(buffer: other) == "other")
    }

    @Test func `a buffer of which a part was given back is whole when it is taken`() {
        var first: UnsafeRawPointer?
        do {
            var buffer = read("head, and body")
            first = place(buffer)
            buffer.moveReaderIndex(forwardBy: 6)
            if let part = buffer.readSlice(length: 3) { buffers.keep(part) }
        }
        #expect(place(read("next")) == first)
    }

    @Test func `of one read one part is kept, so that the others do not make it look held`() {
        var first: UnsafeRawPointer?
        do {
            let buffer = read("two chunks")
            first = place(buffer)
            buffers.keep(buffer)
            buffers.keep(buffer)
        }
        #expect(place(read("next")) == first)
    }

    @Test func `no more are kept than the bound says, and none of another size`() {
        buffers.keep(read("lent"))
        _ = read("lent again")
        buffers.keep(ByteBuffer(string: "small"))
        #expect(buffers.buffers.count == 0)
        var held: [ByteBuffer] = []
        for _ in 0..<2 * ReadBuffers.bound {
            held.append(read("held"))
            buffers.keep(held[held.count - 1])
        }
        #expect(buffers.buffers.count == ReadBuffers.bound)
        // The oldest have made room for the latest.
        let latest = place(held[held.count - 1])
        held.removeAll()
        #expect(place(read("next")) == latest && buffers.buffers.count == ReadBuffers.bound - 1)
    }
}
#endif
