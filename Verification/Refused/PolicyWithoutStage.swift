// refused: a policy has at least one stage: list what calls go through, outermost first
import Holdfast

func use() throws {
    let policy = try Policy {}
    print(policy)
}
