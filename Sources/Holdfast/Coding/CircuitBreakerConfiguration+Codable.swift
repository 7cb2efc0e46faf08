// The coded forms of a breaker's configuration: of values that an initialiser would accept, and of no others.

/// `{"trip": {…}, "cooldown": "30s", "probes": 1, "successesToClose": 1, "probeHold": "60s", "ramp": "0s"}`. An option that
/// is missing keeps its default.
extension CircuitBreakerConfiguration: Codable {
    public init(from decoder: any Decoder) throws {
        let options = try OptionReader(
            decoder, ["trip", "cooldown", "probes", "successesToClose", "probeHold", "ramp"])
        self.init()
        trip = try options.value("trip", default: trip)
        cooldown = try options.value("cooldown", default: cooldown)
        probes = try options.value("probes", default: probes)
        successesToClose = try options.value("successesToClose", default: successesToClose)
        probeHold = try options.duration("probeHold", default: probeHold)
        ramp = try options.duration("ramp", default: ramp)
        try options.checked(validate)
    }

    public func encode(to encoder: any Encoder) throws {
        var options = OptionWriter(encoder)
        try options.write("trip", trip)
        try options.write("cooldown", cooldown)
        try options.write("probes", probes)
        try options.write("successesToClose", successesToClose)
        try options.write("probeHold", probeHold)
        try options.write("ramp", ramp)
    }
}

/// `{"consecutiveFailures": 5, "rates": [{…}]}`: one of the two, or both.
extension Trip: Codable {
    public init(from decoder: any Decoder) throws {
        let options = try OptionReader(decoder, ["consecutiveFailures", "rates"])
        self.init(
            streak: try options.value("consecutiveFailures"), rates: try options.value("rates", default: []))
        try options.checked(validate)
    }

    public func encode(to encoder: any Encoder) throws {
        var options = OptionWriter(encoder)
        if let streak { try options.write("consecutiveFailures", streak) }
        if !rates.isEmpty { try options.write("rates", rates) }
    }
}

/// `{"share": 0.5, "over": "10s", "atLeast": 20}`, or with `"ofLast": 100` in place of `over`. A rate of slow calls says
/// `"slowerThan": "1s"`. Without `atLeast`, 20 calls over time, or as many as `ofLast`.
extension Trip.Rate: Codable {
    public init(from decoder: any Decoder) throws {
        let options = try OptionReader(decoder, ["share", "over", "ofLast", "atLeast", "slowerThan"])
        let share = try options.required("share", options.value("share", as: Double.self))
        let measure = try options.duration("slowerThan").map { Trip.Measure.slowCalls($0) } ?? .failures
        let window: Trip.Window
        let minimum: Int
        switch (try options.duration("over"), try options.value("ofLast", as: Int.self)) {
        case (let duration?, nil):
            window = .time(duration)
            minimum = try options.value("atLeast", default: 20)
        case (nil, let calls?):
            window = .calls(calls)
            minimum = try options.value("atLeast", default: calls)
        case (nil, nil):
            throw options.error("over", "a rate has 'over', a time, or 'ofLast', a number of calls")
        case (.some, .some):
            throw options.error("ofLast", "'ofLast' beside 'over': a rate looks back in time, or in calls")
        }
        let rate = Self(measure: measure, share: share, window: window, minimum: minimum)
        try options.checked { () throws(ConfigurationError) in try Trip(streak: nil, rates: [rate]).validate() }
        self = rate
    }

    public func encode(to encoder: any Encoder) throws {
        var options = OptionWriter(encoder)
        try options.write("share", share)
        switch window {
        case .time(let duration): try options.write("over", duration)
        case .calls(let calls): try options.write("ofLast", calls)
        }
        try options.write("atLeast", minimum)
        if case .slowCalls(let limit) = measure { try options.write("slowerThan", limit) }
    }
}

/// `"30s"`, which has a tenth of jitter; or `{"from": "1s", "cap": "1m", "factor": 2, "jitter": 0.1}`. Without `cap` it
/// does not grow.
extension Cooldown: Codable {
    public init(from decoder: any Decoder) throws {
        if let text = try? decoder.singleValueContainer().decode(String.self) {
            guard let base = DurationText(text) else {
                throw decoder.codedError("\(CodedValue(of: decoder)), but must be \(DurationText.allowed)")
            }
            self = .fixed(base.duration)
            do { try validate() } catch {
                throw DecodingError.dataCorrupted(
                    .init(codingPath: decoder.codingPath, debugDescription: "\(error)", underlyingError: error))
            }
            return
        }
        let options = try OptionReader(decoder, ["from", "cap", "factor", "jitter"], orElse: DurationText.allowed)
        let base = try options.required("from", options.duration("from"))
        let jitter = try options.value("jitter", default: 0.1)
        if let cap = try options.duration("cap") {
            self = .growing(from: base, cap: cap, factor: try options.value("factor", default: 2), jitter: jitter)
        } else {
            guard !options.has("factor") else { throw options.error("factor", "'factor' without 'cap'") }
            self = .fixed(base, jitter: jitter)
        }
        try options.checked(validate)
    }

    public func encode(to encoder: any Encoder) throws {
        var options = OptionWriter(encoder)
        try options.write("from", base)
        if cap != base || factor != 1 {
            try options.write("cap", cap)
            try options.write("factor", factor)
        }
        try options.write("jitter", jitter)
    }
}
