// What the page of a browser, or node, calls: lives one after another, read number by number.

nonisolated(unsafe) private var life = Life(0, seed: 0)

/// Lives a whole life, and returns how many steps it has.
@_expose(wasm, "live")
@_cdecl("live")
public func live(_ kind: Int32, _ seed: Int64) -> Int32 {
    life = Life(Int(kind), seed: UInt64(bitPattern: seed))
    return Int32(life.steps.count)
}

@_expose(wasm, "width")
@_cdecl("width")
public func width(_ step: Int32) -> Int32 { Int32(life.steps[Int(step)].count) }

@_expose(wasm, "number")
@_cdecl("number")
public func number(_ step: Int32, _ place: Int32) -> Int64 { life.steps[Int(step)][Int(place)] }
