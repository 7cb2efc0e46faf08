// The same lives natively: one line for each life and, below it, one for each step.

for kind in Life.names.indices {
    for seed in 0..<20 as Range<UInt64> {
        print("\(Life.names[kind]) \(kind) \(seed)")
        for step in Life(kind, seed: seed).steps { print(step.map { "\($0)" }.joined(separator: " ")) }
    }
}
