/// Every state that can be reached, each once, and how they follow each other.
public struct Walk<Node> {
    public private(set) var nodes: [Node] = []
    /// For each state, those from which it follows by a step that counts as a way.
    private(set) var predecessors: [[Int]] = []

    /// Walks breadth first.
    ///
    /// - Parameters:
    ///   - shape: What tells states apart. Two that have the same shape must behave the same.
    ///   - depth: How many steps to go, for states that are endless in number.
    ///   - successors: What may follow, and whether the step counts as a way.
    public init<Shape: Hashable>(
        from start: Node, depth: Int = .max, shape: (Node) -> Shape, successors: (Node) -> [(Node, isWay: Bool)]
    ) {
        (nodes, predecessors) = ([start], [[]])
        var numbers = [shape(start): 0]
        var depths = [0]
        var visited = 0
        while visited < nodes.count {
            if depths[visited] < depth {
                for (next, isWay) in successors(nodes[visited]) {
                    let shape = shape(next)
                    let known = numbers[shape]
                    let number = known ?? nodes.count
                    if known == nil {
                        numbers[shape] = number
                        nodes.append(next)
                        predecessors.append([])
                        depths.append(depths[visited] + 1)
                    }
                    if isWay { predecessors[number].append(visited) }
                }
            }
            visited += 1
        }
    }

    /// The states from which no way leads to the goal.
    public func stuck(outside isGoal: (Node) -> Bool) -> [Node] {
        var arrives = nodes.map(isGoal)
        var queue = nodes.indices.filter { arrives[$0] }
        while let node = queue.popLast() {
            for former in predecessors[node] where !arrives[former] {
                arrives[former] = true
                queue.append(former)
            }
        }
        return zip(nodes, arrives).filter { !$0.1 }.map(\.0)
    }
}
