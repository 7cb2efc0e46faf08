import Synchronization

/// A number that several tasks count up: an `Atomic` that closures can share.
final class Counter: Sendable {
    private let number = Atomic(0)

    var value: Int { number.load(ordering: .acquiring) }

    @discardableResult
    func add(_ count: Int = 1) -> Int { number.add(count, ordering: .acquiringAndReleasing).newValue }

    func rise(to least: Int) { number.max(least, ordering: .acquiringAndReleasing) }
}
