extension CircuitBreakerMachine.SavedState: Codable {
    private enum CodingKeys: String, CodingKey {
        case cooldownNanoseconds, tripsInARow
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            cooldownNanoseconds: try values.decodeIfPresent(Int64.self, forKey: .cooldownNanoseconds),
            tripsInARow: try values.decode(Int.self, forKey: .tripsInARow))
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encodeIfPresent(cooldownNanoseconds, forKey: .cooldownNanoseconds)
        try values.encode(tripsInARow, forKey: .tripsInARow)
    }
}
