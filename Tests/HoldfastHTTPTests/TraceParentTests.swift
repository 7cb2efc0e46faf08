import HoldfastHTTP
import Testing

@Suite struct TraceParentTests {
    private let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test func `a valid value is read and told as it came`() throws {
        let parent = try #require(TraceParent(valid))
        #expect(parent.traceID == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(parent.parent == 0x00f0_67aa_0ba9_02b7)
        #expect(parent.isSampled)
        #expect(parent.description == valid)
        #expect(try #require(TraceParent("00-00000000000000000000000000000001-0000000000000001-00")).isSampled == false)
    }

    @Test func `a version that is yet to come is read as far as the first goes`() throws {
        let later = try #require(TraceParent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-follows"))
        #expect(later == TraceParent(valid))
        #expect(TraceParent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01") != nil)
    }

    @Test(arguments: [
        "",
        "00",
        // Upper case.
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01",
        // Zeros alone.
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        // Too short, too long.
        "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e47360-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-001",
        "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        // The first version has no more fields.
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        // The version that cannot be.
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        // A later version's flags have two digits, too.
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
        // No digits.
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
        "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
        " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\u{0}",
    ])
    func `a malformed value is none`(text: String) {
        #expect(TraceParent(text) == nil)
    }

    @Test func `a value without an end is none`() {
        let endless = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-"
        #expect(TraceParent(endless + String(repeating: "a", count: TraceParent.maximumLength)) == nil)
    }

    @Test func `whatever is read is told so that it is read again`() throws {
        var generator = SystemRandomNumberGenerator()
        let digits = Array("0123456789abcdef-ABCg ")
        for _ in 0..<20_000 {
            var characters = Array(valid)
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                characters[Int.random(in: characters.indices, using: &generator)] =
                    digits[
                        Int.random(in: digits.indices, using: &generator)]
            }
            guard let parent = TraceParent(String(characters)) else { continue }
            #expect(TraceParent(parent.description) == parent)
        }
    }
}
