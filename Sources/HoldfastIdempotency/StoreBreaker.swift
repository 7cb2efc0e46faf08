package import Holdfast

extension CircuitBreakerConfiguration {
    /// For connecting to a store's server: three refusals in a row, then it is tried again after a quarter of a second, and
    /// less and less often, up to every ten seconds.
    package static var connecting: CircuitBreakerConfiguration {
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = .consecutiveFailures(3)
        configuration.cooldown = .growing(from: .milliseconds(250), cap: .seconds(10), jitter: 0.2)
        return configuration
    }
}
