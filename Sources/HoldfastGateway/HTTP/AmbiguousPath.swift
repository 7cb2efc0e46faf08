#if Gateway
import HoldfastHTTP

/// Why a path is refused that services may read in more ways than one.
enum AmbiguousPath {
    /// It is one route's as it is spelled, and another's, or nobody's, as some service reads it.
    case belongs(to: String, andTo: String?, as: String)
    /// There are more ways than are weighed.
    case tooFree

    var problem: Problem {
        switch self {
        case .belongs(let route, let other?, let reading):
            Problem(
                .badRequest,
                "the path belongs to route '\(route)' as it is spelled, and to route '\(other)' as some services read it: "
                    + "if that is what is meant, spell it \(PathReadings.spelled(reading))")
        case .belongs(let route, nil, let reading):
            Problem(
                .badRequest,
                "the path belongs to route '\(route)' as it is spelled, and to none as some services read it: \(PathReadings.spelled(reading))"
            )
        case .tooFree:
            Problem(
                .badRequest,
                "services read the path in too many ways: it begins with '//', or mixes ';' and encoded '/', '\\', ';', '?' or '#'"
            )
        }
    }
}
#endif
