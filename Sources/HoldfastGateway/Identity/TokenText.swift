#if Gateway
import Foundation

/// Decides whether the JSON of a token has one reading, before a decoder makes its own of it.
///
/// Members with one name are where readers differ: of `{"sub":"eve","sub":"ada"}` most take the last, Foundation the
/// first. RFC 7515, section 4, and RFC 7519, section 4, let a reader refuse them, or take the last. And a token is UTF-8
/// (RFC 7515, section 2): a decoder that finds out for itself reads UTF-16 as well, and each of its texts would be two.
enum TokenText {
    /// - Returns: Whether it is UTF-8 without a mark at its start, and no two members of its object have one name. Whether
    ///   it is JSON at all, the decoder says.
    static func hasOneReading(_ json: Data) -> Bool {
        let bytes = Array(json)
        guard !bytes.contains(0), !bytes.starts(with: [0xEF, 0xBB, 0xBF]),
            String(validating: bytes, as: UTF8.self) != nil
        else { return false }
        var (names, depth, isName): (Set<String>, Int, Bool) = ([], 0, false)
        var place = 0
        while place < bytes.count {
            switch bytes[place] {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                isName = depth == 0 && bytes[place] == UInt8(ascii: "{")
                depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: ","): isName = depth == 1
            case UInt8(ascii: "\""):
                guard let end = endOfText(bytes, from: place) else { return false }
                if isName {
                    guard let name = text(bytes[place...end]), names.insert(name).inserted else { return false }
                }
                isName = false
                place = end
            default: break
            }
            place += 1
        }
        return true
    }

    /// - Parameter start: Where its first quote is.
    /// - Returns: Where its last quote is.
    private static func endOfText(_ bytes: [UInt8], from start: Int) -> Int? {
        var place = start + 1
        while place < bytes.count {
            switch bytes[place] {
            case UInt8(ascii: "\""): return place
            case UInt8(ascii: "\\"): place += 2
            default: place += 1
            }
        }
        return nil
    }

    /// What a text in its quotes says: `"s\u0075b"` is `sub`.
    private static func text(_ literal: ArraySlice<UInt8>) -> String? {
        guard literal.contains(UInt8(ascii: "\\")) else {
            return String(decoding: literal.dropFirst().dropLast(), as: UTF8.self)
        }
        return try? JSONDecoder().decode(String.self, from: Data(literal))
    }
}
#endif
