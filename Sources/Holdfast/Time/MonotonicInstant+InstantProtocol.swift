/// What Swift's clocks ask of an instant.
extension MonotonicInstant: InstantProtocol {}
