#if Gateway
/// Columns for a person: each begins at the same place in every line, below its name.
struct TextTable {
    /// Where a column ends whatever is in it: one long name does not push all lines out of sight.
    private static let widthBound = 64

    let names: [String]
    /// A cell for each name. The last may be long.
    let rows: [[String]]

    var lines: [String] {
        let all = [names] + rows
        let widths = names.indices.map { column in
            min(Self.widthBound, all.reduce(0) { max($0, $1[column].count) })
        }
        return all.map { row in
            var line = ""
            for (cell, width) in zip(row, widths) {
                line += cell + String(repeating: " ", count: max(0, width - cell.count) + 2)
            }
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }
}
#endif
