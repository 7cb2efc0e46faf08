#if Gateway
import NIOCore

/// Decides who has the places of a half-open breaker's probes, and for how long.
///
/// The breaker bounds how many there are, and takes one back after its `probeHold`. That is a bound for services that hang,
/// and too long for a stranger who has a call that is answered late, or takes long to make: whoever holds the place keeps a
/// breaker open whose service is well again. So
/// - a probe that has had no answer for ``patience`` gives its place to another caller that asks for one. Its call goes on,
///   and is no probe;
/// - a caller whose probe decided nothing (it gave its place away, broke off, or met what it alone meets) is passed over
///   for as long, so that others find the place free.
///
/// So one caller, however often it asks, keeps others out for ``patience``, and then not for as long again. Where nobody
/// else asks, a probe has as long as the breaker gives it.
struct ProbePlacesMachine: Sendable {
    /// How long the one who has a place is waited for: 1 s. Most answers take less, and what takes longer still counts
    /// when it comes (``ProbePlaces``). A service that hangs has so many calls more in each second, and no more.
    static let patience = TimeAmount.seconds(1)

    struct Holder: Sendable, Hashable {
        let number: UInt64
        let caller: Int
        /// The breaker's, in which the place was given.
        let generation: UInt32
        let began: NIODeadline
    }

    /// In the order in which they came. No more than the breaker lets be in flight, and those of former generations whose
    /// calls have not ended.
    private(set) var holders: [Holder] = []
    private var issued: UInt64 = 0
    /// Until when each caller is passed over.
    private var passedOver = [NIODeadline](
        repeating: .uptimeNanoseconds(0), count: FailingCallersMachine.places)

    /// For how long a caller gets no place; zero where it may have one.
    func passesOver(_ caller: Int, at now: NIODeadline) -> TimeAmount { max(.zero, passedOver[caller] - now) }

    /// A place was given to a caller.
    ///
    /// - Returns: Its number.
    mutating func took(_ caller: Int, in generation: UInt32, at now: NIODeadline) -> UInt64 {
        issued += 1
        holders.append(Holder(number: issued, caller: caller, generation: generation, began: now))
        return issued
    }

    /// A caller asks where no place is free.
    ///
    /// - Returns: Whose place it may have.
    mutating func giveWay(to caller: Int, in generation: UInt32, at now: NIODeadline) -> UInt64? {
        guard passesOver(caller, at: now) == .zero else { return nil }
        let silent = holders.firstIndex {
            $0.generation == generation && $0.caller != caller && now - $0.began >= Self.patience
        }
        guard let silent else { return nil }
        let holder = holders.remove(at: silent)
        passOver(holder.caller, at: now)
        return holder.number
    }

    /// A call that is a probe has ended.
    ///
    /// - Parameter hasDecided: Whether it said something of the service.
    /// - Returns: False when it had given its place away.
    mutating func ended(_ number: UInt64, hasDecided: Bool, at now: NIODeadline) -> Bool {
        guard let holder = remove(number) else { return false }
        if !hasDecided { passOver(holder.caller, at: now) }
        return true
    }

    /// A place is given back that was not used.
    mutating func left(_ number: UInt64) { _ = remove(number) }

    /// Takes the oldest place of a generation, for a late answer that has none any more.
    mutating func takeOldest(of generation: UInt32) -> UInt64? {
        guard let place = holders.firstIndex(where: { $0.generation == generation }) else { return nil }
        return holders.remove(at: place).number
    }

    private mutating func remove(_ number: UInt64) -> Holder? {
        guard let place = holders.firstIndex(where: { $0.number == number }) else { return nil }
        return holders.remove(at: place)
    }

    private mutating func passOver(_ caller: Int, at now: NIODeadline) { passedOver[caller] = now + Self.patience }
}
#endif
