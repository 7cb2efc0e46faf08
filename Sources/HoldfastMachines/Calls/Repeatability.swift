/// The reason why an operation may be made again. There is no default: a retry does not compile without one.
public enum Repeatability: Sendable, Hashable {
    /// Making the operation twice has the effect of making it once, by its nature.
    case idempotent
    /// The receiver honours this key: it acts once on all the attempts that carry it.
    case keyed(IdempotencyKey)
    /// Made twice, the operation acts twice. It is made again only when the attempt was certainly not sent.
    case once

    /// Whether an operation of this kind may be made again after a failure of this class.
    public func allows(repeatAfter failure: FailureClass) -> Bool {
        switch (self, failure) {
        case (_, .notSent): true
        case (.idempotent, _), (.keyed, _): true
        case (.once, _): false
        }
    }
}
