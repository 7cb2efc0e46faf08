// refused: a policy has at least one stage: list what calls go through, outermost first
import Holdfast

struct Payments {
    let policy: AnyPolicy

    init() throws {
        policy = try AnyPolicy("payments") {}
    }
}
