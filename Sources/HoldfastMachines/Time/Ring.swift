/// The place of a numbered bucket in a ring of this many. Numbers may be negative, places are not: a monotonic clock
/// begins where it likes.
@inlinable package func ringPlace(of number: Int64, count: Int) -> Int {
    let remainder = Int(number % Int64(count))
    return remainder < 0 ? remainder + count : remainder
}
