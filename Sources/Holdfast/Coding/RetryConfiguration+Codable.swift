// The coded forms of retries, their waits, their budget, and hedges.

/// `{"backoff": {…}, "attempts": 3, "retryAfterLimit": "5s", "nesting": "oneLayer"}`. An option that is missing keeps its
/// default.
extension RetryConfiguration: Codable {
    public init(from decoder: any Decoder) throws {
        let options = try OptionReader(decoder, ["backoff", "attempts", "retryAfterLimit", "nesting"])
        self.init()
        backoff = try options.value("backoff", default: backoff)
        attempts = try options.value("attempts", default: attempts)
        retryAfterLimit = try options.duration("retryAfterLimit", default: retryAfterLimit)
        switch try options.value("nesting", as: String.self) {
        case nil: break
        case "oneLayer": nesting = .oneLayer
        case "eachLayer": nesting = .eachLayer
        case let other?: throw options.error("nesting", "'\(other)', but must be oneLayer or eachLayer")
        }
        try options.checked(validate)
    }

    public func encode(to encoder: any Encoder) throws {
        var options = OptionWriter(encoder)
        try options.write("backoff", backoff)
        try options.write("attempts", attempts)
        try options.write("retryAfterLimit", retryAfterLimit)
        try options.write("nesting", nesting == .oneLayer ? "oneLayer" : "eachLayer")
    }
}

/// `{"kind": "exponential", "from": "50ms", "cap": "2s", "factor": 2, "jitter": "full"}`. The kinds are `exponential`;
/// `constant`, which has no `cap`; `linear`, with a `step`; and `decorrelated`, which has no `jitter`.
extension Backoff: Codable {
    public init(from decoder: any Decoder) throws {
        let options = try OptionReader(decoder, ["kind", "from", "cap", "factor", "step", "jitter"])
        let kind = try options.value("kind", default: "exponential")
        let from = try options.required("from", options.duration("from"))
        let unfit: [String]
        switch kind {
        case "exponential": unfit = ["step"]
        case "constant": unfit = ["cap", "factor", "step"]
        case "linear": unfit = ["factor"]
        case "decorrelated": unfit = ["factor", "step", "jitter"]
        default:
            throw options.error("kind", "'\(kind)', but must be exponential, constant, linear or decorrelated")
        }
        for name in unfit where options.has(name) {
            throw options.error(name, "'\(name)' with the kind \(kind)")
        }
        let word = try options.value("jitter", default: Jitter.full.rawValue)
        guard let jitter = Jitter(rawValue: word) else {
            throw options.error("jitter", "'\(word)', but must be full, equal or none")
        }
        let cap = kind == "constant" ? from : try options.required("cap", options.duration("cap"))
        self =
            switch kind {
            case "constant": .constant(from, jitter: jitter)
            case "linear":
                .linear(from: from, step: try options.duration("step", default: from), cap: cap, jitter: jitter)
            case "decorrelated": .decorrelated(from: from, cap: cap)
            default: .exponential(from: from, cap: cap, factor: try options.value("factor", default: 2), jitter: jitter)
            }
        try options.checked(validate)
    }

    public func encode(to encoder: any Encoder) throws {
        var options = OptionWriter(encoder)
        try options.write("from", base)
        switch growth {
        case .constant:
            try options.write("kind", "constant")
        case .linear(let step):
            try options.write("kind", "linear")
            try options.write("step", step)
        case .exponential(let factor):
            try options.write("kind", "exponential")
            try options.write("factor", factor)
        case .decorrelated:
            try options.write("kind", "decorrelated")
        }
        if growth != .constant { try options.write("cap", cap) }
        if growth != .decorrelated { try options.write("jitter", jitter.rawValue) }
    }
}

/// `{"ratio": 0.2, "reservePerSecond": 10, "window": "10s"}`, or `{"tokens": {"capacity": 500, …}}`. An option that is
/// missing keeps its default.
extension RetryBudgetConfiguration: Codable {
    public init(from decoder: any Decoder) throws {
        let options = try OptionReader(decoder, ["ratio", "reservePerSecond", "window", "tokens"])
        self.init()
        if let tokens = try options.value("tokens", as: Tokens.self) {
            for name in ["ratio", "reservePerSecond", "window"] where options.has(name) {
                throw options.error(name, "'\(name)' beside 'tokens'")
            }
            rule = .tokens(tokens)
        } else {
            var ratio = Ratio()
            ratio.ratio = try options.value("ratio", default: ratio.ratio)
            ratio.reservePerSecond = try options.value("reservePerSecond", default: ratio.reservePerSecond)
            ratio.window = try options.duration("window", default: ratio.window)
            rule = .ratio(ratio)
        }
        try options.checked(validate)
    }

    public func encode(to encoder: any Encoder) throws {
        var options = OptionWriter(encoder)
        switch rule {
        case .tokens(let tokens):
            try options.write("tokens", tokens)
        case .ratio(let ratio):
            try options.write("ratio", ratio.ratio)
            try options.write("reservePerSecond", ratio.reservePerSecond)
            try options.write("window", ratio.window)
        }
    }
}

extension RetryBudgetConfiguration.Tokens: Codable {
    public init(from decoder: any Decoder) throws {
        let options = try OptionReader(decoder, ["capacity", "retryCost", "throttleCost", "refund"])
        self.init()
        capacity = try options.value("capacity", default: capacity)
        retryCost = try options.value("retryCost", default: retryCost)
        throttleCost = try options.value("throttleCost", default: throttleCost)
        refund = try options.value("refund", default: refund)
        let tokens = self
        try options.checked { () throws(ConfigurationError) in try RetryBudgetConfiguration.tokens(tokens).validate() }
    }

    public func encode(to encoder: any Encoder) throws {
        var options = OptionWriter(encoder)
        try options.write("capacity", capacity)
        try options.write("retryCost", retryCost)
        try options.write("throttleCost", throttleCost)
        try options.write("refund", refund)
    }
}

/// `{"after": "50ms", "hedges": 1}`, or `{"quantile": 0.95, "atLeast": 100, "until": "1s", "hedges": 1}`. An option that is
/// missing keeps its default.
extension HedgeConfiguration: Codable {
    public init(from decoder: any Decoder) throws {
        let options = try OptionReader(decoder, ["after", "quantile", "atLeast", "until", "hedges"])
        self.init()
        if let after = try options.duration("after") {
            for name in ["quantile", "atLeast", "until"] where options.has(name) {
                throw options.error(name, "'\(name)' beside 'after'")
            }
            delay = .fixed(after)
        } else {
            delay = .observed(
                quantile: try options.value("quantile", default: 0.95),
                atLeast: try options.value("atLeast", default: 100),
                until: try options.duration("until", default: .seconds(1)))
        }
        hedges = try options.value("hedges", default: hedges)
        try options.checked(validate)
    }

    public func encode(to encoder: any Encoder) throws {
        var options = OptionWriter(encoder)
        switch delay {
        case .fixed(let after):
            try options.write("after", after)
        case .observed(let quantile, let minimum, let until):
            try options.write("quantile", quantile)
            try options.write("atLeast", minimum)
            try options.write("until", until)
        }
        try options.write("hedges", hedges)
    }
}
