public import Holdfast

/// A generator that gives the same numbers for the same seed.
public typealias SeededGenerator = SplitMix64
