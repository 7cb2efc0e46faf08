// What the copies of the sources call; each module gets its own. It needs no import.

@_silgen_name("getenv") private func mutantGetenv(_ name: UnsafePointer<CChar>) -> UnsafePointer<CChar>?
@_silgen_name("open") private func mutantOpen(_ path: UnsafePointer<CChar>, _ flags: Int32, _ mode: Int32) -> Int32
@_silgen_name("write") private func mutantWrite(_ file: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int

/// The mutant that is alive; 0 is none.
private let mutantAlive: Int = mutantGetenv("HOLDFAST_MUTANT").flatMap { Int(String(cString: $0)) } ?? 0
/// Where places that are reached are noted, each once, in four bytes; -1 is nowhere. 1089: write, create, append.
private let mutantTrace: Int32 = mutantGetenv("HOLDFAST_MUTANT_TRACE").map { mutantOpen($0, 1089, 0o644) } ?? -1
/// Allocated once and never freed; a place is less than its count, or the program traps in the tracing run. Only that run
/// writes, where two threads may both find a place unseen and note it twice: whoever reads the notes makes a set of them.
nonisolated(unsafe) private let mutantSeen: UnsafeMutablePointer<Bool> = {
    let seen = UnsafeMutablePointer<Bool>.allocate(capacity: 65_536)
    seen.initialize(repeating: false, count: 65_536)
    return seen
}()

/// How far the mutant that is alive is from this place's first.
public func mutantHit(_ id: Int) -> Int {
    if mutantTrace >= 0 {
        precondition(id < 65_536, "more mutants than places to note them")
        if mutantSeen[id] { return mutantAlive - id }
        mutantSeen[id] = true
        var number = Int32(id)
        _ = mutantWrite(mutantTrace, &number, 4)
    }
    return mutantAlive - id
}

public func mutantAt(_ id: Int, _ number: Int) -> Bool { mutantHit(id) == number }

public func mutantLt<T: Comparable>(_ id: Int, _ a: T, _ b: T) -> Bool {
    switch mutantHit(id) {
    case 0: a <= b
    case 1: a >= b
    default: a < b
    }
}
public func mutantLe<T: Comparable>(_ id: Int, _ a: T, _ b: T) -> Bool {
    switch mutantHit(id) {
    case 0: a < b
    case 1: a > b
    default: a <= b
    }
}
public func mutantGt<T: Comparable>(_ id: Int, _ a: T, _ b: T) -> Bool {
    switch mutantHit(id) {
    case 0: a >= b
    case 1: a <= b
    default: a > b
    }
}
public func mutantGe<T: Comparable>(_ id: Int, _ a: T, _ b: T) -> Bool {
    switch mutantHit(id) {
    case 0: a > b
    case 1: a < b
    default: a >= b
    }
}
public func mutantEq<T: Equatable>(_ id: Int, _ a: T, _ b: T) -> Bool { mutantHit(id) == 0 ? a != b : a == b }
public func mutantNe<T: Equatable>(_ id: Int, _ a: T, _ b: T) -> Bool { mutantHit(id) == 0 ? a == b : a != b }
public func mutantAnd(_ id: Int, _ a: Bool, _ b: @autoclosure () throws -> Bool) rethrows -> Bool {
    mutantHit(id) == 0 ? try a || b() : try a && b()
}
public func mutantOr(_ id: Int, _ a: Bool, _ b: @autoclosure () throws -> Bool) rethrows -> Bool {
    mutantHit(id) == 0 ? try a && b() : try a || b()
}
public func mutantNot(_ id: Int, _ a: Bool) -> Bool { mutantHit(id) == 0 ? !a : a }

public func mutantAdd<T: AdditiveArithmetic>(_ id: Int, _ a: T, _ b: T) -> T { mutantHit(id) == 0 ? a - b : a + b }
public func mutantSub<T: AdditiveArithmetic>(_ id: Int, _ a: T, _ b: T) -> T { mutantHit(id) == 0 ? a + b : a - b }
public func mutantMul<T: Numeric>(_ id: Int, _ a: T, _ b: T) -> T { mutantHit(id) == 0 ? a + b : a * b }
public func mutantDiv<T: BinaryInteger>(_ id: Int, _ a: T, _ b: T) -> T { mutantHit(id) == 0 ? a * b : a / b }
public func mutantDiv<T: FloatingPoint>(_ id: Int, _ a: T, _ b: T) -> T { mutantHit(id) == 0 ? a * b : a / b }
public func mutantMod<T: BinaryInteger>(_ id: Int, _ a: T, _ b: T) -> T { mutantHit(id) == 0 ? a / b : a % b }
public func mutantWadd<T: FixedWidthInteger>(_ id: Int, _ a: T, _ b: T) -> T { mutantHit(id) == 0 ? a &- b : a &+ b }
public func mutantWsub<T: FixedWidthInteger>(_ id: Int, _ a: T, _ b: T) -> T { mutantHit(id) == 0 ? a &+ b : a &- b }
public func mutantWmul<T: FixedWidthInteger>(_ id: Int, _ a: T, _ b: T) -> T { mutantHit(id) == 0 ? a &+ b : a &* b }
public func mutantShl<T: BinaryInteger>(_ id: Int, _ a: T, _ b: some BinaryInteger) -> T {
    mutantHit(id) == 0 ? a >> b : a << b
}
public func mutantShr<T: BinaryInteger>(_ id: Int, _ a: T, _ b: some BinaryInteger) -> T {
    mutantHit(id) == 0 ? a << b : a >> b
}
public func mutantBand<T: BinaryInteger>(_ id: Int, _ a: T, _ b: T) -> T { mutantHit(id) == 0 ? a | b : a & b }
public func mutantBor<T: BinaryInteger>(_ id: Int, _ a: T, _ b: T) -> T { mutantHit(id) == 0 ? a & b : a | b }
public func mutantXor<T: BinaryInteger>(_ id: Int, _ a: T, _ b: T) -> T { mutantHit(id) == 0 ? a | b : a ^ b }

public func mutantInt<T: ExpressibleByIntegerLiteral>(_ id: Int, _ a: T, _ b: T) -> T { mutantHit(id) == 0 ? b : a }
public func mutantInt<T: ExpressibleByIntegerLiteral>(_ id: Int, _ a: T, _ b: T, _ c: T) -> T {
    switch mutantHit(id) {
    case 0: b
    case 1: c
    default: a
    }
}
public func mutantFloat<T: ExpressibleByFloatLiteral>(_ id: Int, _ a: T, _ b: T, _ c: T) -> T {
    switch mutantHit(id) {
    case 0: b
    case 1: c
    default: a
    }
}
public func mutantMin<T: Comparable>(_ id: Int, _ a: T, _ b: T) -> T { mutantHit(id) == 0 ? max(a, b) : min(a, b) }
public func mutantMax<T: Comparable>(_ id: Int, _ a: T, _ b: T) -> T { mutantHit(id) == 0 ? min(a, b) : max(a, b) }
