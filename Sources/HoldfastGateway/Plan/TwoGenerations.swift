#if Gateway
/// A table of at most so many entries. Who has not been asked for longest is forgotten first: in two generations, of which
/// the older one goes when the younger is full, so that forgetting costs nothing when it is not done.
struct TwoGenerations<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// The most entries: 2 or more.
    let bound: Int
    private var young: [Key: Value] = [:]
    private var old: [Key: Value] = [:]

    init(bound: Int) { self.bound = max(2, bound) }

    var count: Int { young.count + old.count }

    /// An entry that is there, which is among the young from then on; nil if there is none, and none is made.
    mutating func find(_ key: Key) -> Value? {
        if let value = young[key] { return value }
        return old[key].map { with(key, default: $0) { $0 } }
    }

    /// Works on an entry, which is among the young from then on.
    ///
    /// - Parameter initial: What it is when it is not there, or has been forgotten.
    mutating func with<R>(_ key: Key, default initial: @autoclosure () -> Value, _ body: (inout Value) -> R) -> R {
        if young[key] == nil {
            if young.count >= bound / 2 {
                old = young
                young = [:]
            }
            young[key] = old.removeValue(forKey: key)
        }
        return body(&young[key, default: initial()])
    }
}
#endif
