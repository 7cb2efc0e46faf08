#if Gateway
/// Decides by its active checks whether an endpoint is well. It begins well: a gateway that has just started calls what
/// it has not checked yet.
struct HealthMachine: Sendable, Hashable {
    private(set) var isHealthy = true
    /// Checks in a row that speak against what it is taken for.
    private var contrary = 0

    /// Takes in how a check ended.
    ///
    /// - Returns: Whether the endpoint has changed.
    mutating func checked(isWell: Bool, _ configuration: ServiceConfiguration.HealthCheck) -> Bool {
        guard isWell != isHealthy else {
            contrary = 0
            return false
        }
        contrary += 1
        guard contrary >= (isHealthy ? configuration.unhealthyAfter : configuration.healthyAfter) else { return false }
        isHealthy.toggle()
        contrary = 0
        return true
    }
}
#endif
