import SwiftSyntax

final class Mutator {
    private let converter: SourceLocationConverter
    private let forms: [Int: Int]
    /// The names that are declared without a value.
    private let declared: Set<String>
    private let cases: [String: [Cases.Other]]
    /// The first number that no mutant has.
    private(set) var next: Int
    private(set) var mutants: [Mutant] = []

    init(tree: Syntax, forms: [Int: Int], cases: [String: [Cases.Other]], next: Int) {
        converter = SourceLocationConverter(fileName: "", tree: tree)
        self.forms = forms
        self.cases = cases
        self.next = next
        let bindings = Declared(viewMode: .sourceAccurate)
        bindings.walk(tree)
        declared = bindings.names
    }

    // MARK: Walking

    /// The text of a node, with the mutants inside.
    func render(_ node: Syntax) -> String {
        if let token = node.as(TokenSyntax.self) { return token.description }
        if Self.isLeftAlone(node) { return node.description }
        if let written = written(node) { return written }
        return children(of: node)
    }

    private func children(of node: Syntax) -> String {
        node.children(viewMode: .sourceAccurate).map(render).joined()
    }

    /// What is no decision, or may not be written in another way: patterns, types, attributes, texts, raw values, and
    /// what only says how much memory is wanted.
    private static func isLeftAlone(_ node: Syntax) -> Bool {
        if node.is(PatternSyntax.self) || node.is(TypeSyntax.self) || node.is(AttributeListSyntax.self) { return true }
        if node.is(StringLiteralExprSyntax.self) || node.is(EnumCaseDeclSyntax.self) { return true }
        if node.is(GenericWhereClauseSyntax.self) || node.is(GenericParameterClauseSyntax.self) { return true }
        if node.is(ImportDeclSyntax.self) || node.is(MacroExpansionExprSyntax.self) { return true }
        if let call = node.as(FunctionCallExprSyntax.self) {
            let name = call.calledExpression.trimmedDescription
            if name.hasSuffix("reserveCapacity") { return true }
            return ["assert", "precondition", "assertionFailure", "preconditionFailure", "fatalError"].contains(name)
        }
        return false
    }

    private func written(_ node: Syntax) -> String? {
        if let infix = node.as(InfixOperatorExprSyntax.self) { return self.infix(infix) }
        if let prefix = node.as(PrefixOperatorExprSyntax.self) { return self.prefix(prefix) }
        if let literal = node.as(IntegerLiteralExprSyntax.self) { return integer(literal) }
        if let literal = node.as(FloatLiteralExprSyntax.self) { return float(literal) }
        if let literal = node.as(BooleanLiteralExprSyntax.self) { return boolean(literal) }
        if let member = node.as(MemberAccessExprSyntax.self) { return self.member(member) }
        if let call = node.as(FunctionCallExprSyntax.self) { return smallest(call) }
        if let list = node.as(ConditionElementListSyntax.self) { return conditions(list) }
        if let choice = node.as(TernaryExprSyntax.self) { return ternary(choice) }
        if let item = node.as(CodeBlockItemSyntax.self) { return statement(item) }
        return nil
    }

    // MARK: Places

    /// Takes the numbers of a place, and says how it is to be written; nil if it has run out of forms.
    private func place(
        _ node: some SyntaxProtocol, forms count: Int, _ changes: [(kind: String, from: String, to: String)]
    ) -> (id: Int, form: Int)? {
        let id = next
        next += changes.count
        let form = forms[id] ?? 0
        guard form < count else { return nil }
        let location = converter.location(for: node.positionAfterSkippingLeadingTrivia)
        for (offset, change) in changes.enumerated() {
            mutants.append(
                Mutant(
                    id: id + offset, place: id, line: location.line, column: location.column, kind: change.kind,
                    from: Self.short(change.from), to: Self.short(change.to), context: Self.context(of: Syntax(node))))
        }
        return (id, form)
    }

    private static func short(_ text: String) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    /// The smallest thing around a node that a reader takes in at once.
    private static func context(of node: Syntax) -> String {
        var place: Syntax? = node
        while let here = place {
            if here.is(ConditionElementListSyntax.self) || here.is(CodeBlockItemSyntax.self)
                || here.is(SwitchCaseItemSyntax.self) || here.is(MemberBlockItemSyntax.self)
            {
                return short(here.trimmedDescription)
            }
            place = here.parent
        }
        return short(node.trimmedDescription)
    }

    /// Writes something in place of a node, between the comments around it.
    private func around(_ node: some SyntaxProtocol, _ id: Int, _ name: String, _ text: String) -> String {
        "\(node.leadingTrivia)\(name)(/*<\(id)*/\(text)/*\(id)>*/)\(node.trailingTrivia)"
    }

    /// The choice between the mutants and what was there.
    private func choice(_ node: some SyntaxProtocol, _ id: Int, _ others: [String], _ original: String) -> String {
        let choices = others.enumerated().map { "mutantAt(\(id), \($0.offset)) ? (\($0.element)) : " }.joined()
        return around(node, id, "", "\(choices)(\(original))")
    }

    private func trimmed(_ node: some SyntaxProtocol) -> String {
        let text = render(Syntax(node))
        return String(
            text.dropFirst(node.leadingTrivia.description.count).dropLast(node.trailingTrivia.description.count))
    }

    // MARK: Operators

    private static let comparisons: [String: (name: String, to: [String])] = [
        "<": ("mutantLt", ["<=", ">="]), "<=": ("mutantLe", ["<", ">"]), ">": ("mutantGt", [">=", "<="]),
        ">=": ("mutantGe", [">", "<"]),
        "==": ("mutantEq", ["!="]), "!=": ("mutantNe", ["=="]),
    ]
    private static let logic: [String: (name: String, to: [String])] = [
        "&&": ("mutantAnd", ["||"]), "||": ("mutantOr", ["&&"]),
    ]
    private static let arithmetic: [String: (name: String, to: [String])] = [
        "+": ("mutantAdd", ["-"]), "-": ("mutantSub", ["+"]), "*": ("mutantMul", ["+"]), "/": ("mutantDiv", ["*"]),
        "%": ("mutantMod", ["/"]),
        "&+": ("mutantWadd", ["&-"]), "&-": ("mutantWsub", ["&+"]), "&*": ("mutantWmul", ["&+"]),
        "<<": ("mutantShl", [">>"]),
        ">>": ("mutantShr", ["<<"]), "&": ("mutantBand", ["|"]), "|": ("mutantBor", ["&"]), "^": ("mutantXor", ["|"]),
    ]

    private func infix(_ node: InfixOperatorExprSyntax) -> String? {
        guard let sign = node.operator.as(BinaryOperatorExprSyntax.self)?.operator.text else { return nil }
        if sign == "+", Self.isText(ExprSyntax(node)) { return nil }
        if sign == "??" {
            let (left, right) = (node.leftOperand, node.rightOperand)
            let change = ("default", node.trimmedDescription, right.trimmedDescription)
            guard let (id, _) = place(node, forms: 1, [change]) else { return nil }
            return choice(node, id, [right.trimmedDescription], inner(node, left, right))
        }
        guard let found = Self.comparisons[sign] ?? Self.logic[sign] ?? Self.arithmetic[sign] else { return nil }
        let (left, right) = (node.leftOperand, node.rightOperand)
        let others = found.to.map { "\(left.trimmedDescription) \($0) \(right.trimmedDescription)" }
        guard
            let (id, form) = place(
                node.operator, forms: 2, zip(found.to, others).map { ("\(sign) to \($0)", node.trimmedDescription, $1) }
            )
        else { return nil }
        if form == 1 { return choice(node, id, others, inner(node, left, right)) }
        return around(
            node, id, found.name,
            "\(id), \(trimmed(left))\(left.trailingTrivia),\(node.operator.leadingTrivia) "
                + "\(node.operator.trailingTrivia)\(right.leadingTrivia)\(trimmed(right))")
    }

    /// Whether it joins texts or arrays, as far as it shows.
    private static func isText(_ node: ExprSyntax) -> Bool {
        if let infix = node.as(InfixOperatorExprSyntax.self) {
            return isText(infix.leftOperand) || isText(infix.rightOperand)
        }
        if let call = node.as(FunctionCallExprSyntax.self) {
            return call.calledExpression.is(ArrayExprSyntax.self)
                || call.calledExpression.trimmedDescription == "String"
        }
        if let tuple = node.as(TupleExprSyntax.self), tuple.elements.count == 1, let inside = tuple.elements.first {
            return isText(inside.expression)
        }
        if let choice = node.as(TernaryExprSyntax.self) { return isText(choice.thenExpression) }
        return node.is(StringLiteralExprSyntax.self) || node.is(ArrayExprSyntax.self)
    }

    /// Both sides with what is inside them, and the operator as it is.
    private func inner(_ node: InfixOperatorExprSyntax, _ left: ExprSyntax, _ right: ExprSyntax) -> String {
        "\(trimmed(left))\(left.trailingTrivia)\(node.operator.description)\(right.leadingTrivia)\(trimmed(right))"
    }

    private func prefix(_ node: PrefixOperatorExprSyntax) -> String? {
        guard node.operator.text == "!" || node.operator.text == "~" else { return nil }
        let operand = node.expression
        guard
            let (id, _) = place(
                node, forms: 1, [("\(node.operator.text) removed", node.trimmedDescription, operand.trimmedDescription)]
            )
        else { return nil }
        return choice(node, id, [operand.trimmedDescription], "\(node.operator.text)\(trimmed(operand))")
    }

    // MARK: Constants

    private func integer(_ node: IntegerLiteralExprSyntax) -> String? {
        let digits = node.literal.text.filter { $0 != "_" }
        let value = digits.hasPrefix("0x") ? Int(digits.dropFirst(2), radix: 16) : Int(digits)
        guard let value, value < 1 << 62 else { return nil }
        let others = value > 0 ? ["\(value + 1)", "\(value - 1)"] : ["1"]
        guard let (id, form) = place(node, forms: 2, others.map { ("constant", node.literal.text, $0) }) else {
            return nil
        }
        if form == 1 { return choice(node, id, others, node.literal.text) }
        return around(node, id, "mutantInt", "\(id), \(node.literal.text), \(others.joined(separator: ", "))")
    }

    private func float(_ node: FloatLiteralExprSyntax) -> String? {
        guard let value = Double(node.literal.text.filter { $0 != "_" }) else { return nil }
        let others = ["\(value * 1.5)", "\(value / 2)"]
        guard let (id, _) = place(node, forms: 1, others.map { ("constant", node.literal.text, $0) }) else {
            return nil
        }
        return around(node, id, "mutantFloat", "\(id), \(node.literal.text), \(others.joined(separator: ", "))")
    }

    private func boolean(_ node: BooleanLiteralExprSyntax) -> String? {
        let other = node.literal.text == "true" ? "false" : "true"
        guard let (id, _) = place(node, forms: 1, [("constant", node.literal.text, other)]) else { return nil }
        return around(node, id, "mutantNot", "\(id), \(node.literal.text)")
    }

    // MARK: Names

    private func member(_ node: MemberAccessExprSyntax) -> String? {
        guard node.declName.argumentNames == nil else { return nil }
        let name = node.declName.baseName.text
        if ["min", "max"].contains(name), node.base?.is(DeclReferenceExprSyntax.self) != false,
            !(node.parent?.is(FunctionCallExprSyntax.self) ?? false)
        {
            let start = node.base.map(\.trimmedDescription) ?? ""
            let other = "\(start).\(name == "min" ? "max" : "min")"
            guard let (id, _) = place(node, forms: 1, [("min and max", node.trimmedDescription, other)]) else {
                return nil
            }
            return choice(node, id, [other], node.trimmedDescription)
        }
        guard node.base == nil, !(node.parent?.is(FunctionCallExprSyntax.self) ?? false), let others = cases[name]
        else {
            return nil
        }
        // Which enumeration it is, the compiler finds out: each is a form.
        let chosen = others[min(forms[next] ?? 0, others.count - 1)].name
        guard let (id, _) = place(node, forms: others.count, [("case", ".\(name)", ".\(chosen)")]) else { return nil }
        mutants[mutants.count - 1].types = others.map(\.type)
        return choice(node, id, [".\(chosen)"], ".\(name)")
    }

    private func smallest(_ node: FunctionCallExprSyntax) -> String? {
        guard let name = node.calledExpression.as(DeclReferenceExprSyntax.self)?.baseName.text,
            let other = ["min": "max", "max": "min"][name]
        else { return nil }
        let arguments = children(of: Syntax(node.arguments))
        let swapped = "\(other)(\(node.arguments.description))"
        guard let (id, form) = place(node, forms: 2, [("min and max", node.trimmedDescription, swapped)]) else {
            return nil
        }
        if form == 1 { return choice(node, id, [swapped], "\(name)(\(arguments))") }
        return around(node, id, "mutant\(name == "min" ? "Min" : "Max")", "\(id), \(arguments)")
    }

    // MARK: Conditions

    private func ternary(_ node: TernaryExprSyntax) -> String? {
        guard let condition = negated(node.condition) else { return nil }
        return condition + node.children(viewMode: .sourceAccurate).dropFirst().map(render).joined()
    }

    /// A condition, or its opposite; nil where an operator inside has its opposite already.
    private func negated(_ node: ExprSyntax) -> String? {
        if node.is(BooleanLiteralExprSyntax.self) || node.is(PrefixOperatorExprSyntax.self) { return nil }
        if let infix = node.as(InfixOperatorExprSyntax.self),
            Self.comparisons[infix.operator.trimmedDescription] != nil
        {
            return nil
        }
        let change = ("negated", node.trimmedDescription, "!(\(node.trimmedDescription))")
        guard let (id, _) = place(node, forms: 1, [change]) else { return nil }
        return around(node, id, "mutantNot", "\(id), \(trimmed(node))")
    }

    private func conditions(_ list: ConditionElementListSyntax) -> String? {
        var text = ""
        var binds = false
        for element in list {
            if case .expression(let condition) = element.condition {
                text += negated(condition) ?? render(Syntax(condition))
            } else {
                binds = true
                text += render(Syntax(element.condition))
            }
            if let comma = element.trailingComma { text += comma.description }
        }
        guard binds else { return text }
        let change = ("never", list.trimmedDescription, "false")
        guard let (id, _) = place(list, forms: 1, [change]) else { return text }
        // Before the white space at the end, which may hold the line's.
        let end = list.trailingTrivia.description
        return "\(text.dropLast(end.count)), mutantNot(/*<\(id)*/\(id), true/*\(id)>*/)\(end)"
    }

    // MARK: Statements

    private func statement(_ item: CodeBlockItemSyntax) -> String? {
        guard case .expr(let expression) = item.item, isEffect(expression), !Self.isValue(item) else { return nil }
        var changes = [("removed", expression.trimmedDescription, "")]
        var other: String?
        if let infix = expression.as(InfixOperatorExprSyntax.self),
            let sign = infix.operator.as(BinaryOperatorExprSyntax.self)?.operator.text,
            let opposite = [
                "+=": "-=", "-=": "+=", "*=": "/=", "/=": "*=", "&+=": "&-=", "&-=": "&+=", "<<=": ">>=", ">>=": "<<=",
                "|=": "&=", "&=": "|=",
            ][sign]
        {
            other = "\(infix.leftOperand.trimmedDescription) \(opposite) \(infix.rightOperand.trimmedDescription)"
            changes.append(("\(sign) to \(opposite)", expression.trimmedDescription, other ?? ""))
        }
        guard let (id, _) = place(expression, forms: 1, changes) else { return nil }
        let original = trimmed(expression)
        let choice = other.map { "else if mutantAt(\(id), 1) { \($0) } " } ?? ""
        let closes = Self.isAlone(item)
        // Alone in a closure, an `if` would be taken for its value.
        let text =
            closes && other == nil
            ? "if mutantAt(\(id), 0) {/*<\(id)*/ return }; \(original)/*\(id)>*/"
            : "if mutantAt(\(id), 0) {/*<\(id)*/ } \(choice)else { \(original)/*\(id)>*/ }\(closes ? "; return" : "")"
        return "\(expression.leadingTrivia)\(text)\(expression.trailingTrivia)\(item.semicolon?.description ?? "")"
    }

    /// Whether something is done that could be left out: not the first value of what has none yet, which the compiler asks for.
    private func isEffect(_ expression: ExprSyntax) -> Bool {
        if let infix = expression.as(InfixOperatorExprSyntax.self) {
            if infix.operator.is(AssignmentExprSyntax.self) {
                return !declared.contains(infix.leftOperand.trimmedDescription) && !Self.isInInitializer(infix)
            }
            return infix.operator.trimmedDescription.hasSuffix("=")
                && Self.comparisons[infix.operator.trimmedDescription] == nil
        }
        if let call = expression.as(FunctionCallExprSyntax.self) {
            return !Self.isLeftAlone(Syntax(call)) && call.calledExpression.trimmedDescription != "self.init"
        }
        if let attempt = expression.as(TryExprSyntax.self) { return isEffect(attempt.expression) }
        if let waiting = expression.as(AwaitExprSyntax.self) { return isEffect(waiting.expression) }
        return false
    }

    private static func isInInitializer(_ node: some SyntaxProtocol) -> Bool {
        var place = node.parent
        while let here = place {
            if here.is(InitializerDeclSyntax.self) { return true }
            if here.is(FunctionDeclSyntax.self) || here.is(ClosureExprSyntax.self) { return false }
            place = here.parent
        }
        return false
    }

    private static func isAlone(_ item: CodeBlockItemSyntax) -> Bool {
        guard let list = item.parent?.as(CodeBlockItemListSyntax.self), list.count == 1 else { return false }
        return list.parent?.is(ClosureExprSyntax.self) ?? false
    }

    /// Whether the item's value is what the code around it wants.
    private static func isValue(_ item: CodeBlockItemSyntax) -> Bool {
        guard let list = item.parent?.as(CodeBlockItemListSyntax.self), list.count == 1, let around = list.parent else {
            return false
        }
        if around.is(ClosureExprSyntax.self) {
            guard case .expr(let expression) = item.item else { return true }
            return !expression.is(InfixOperatorExprSyntax.self)
        }
        if let accessor = around.as(AccessorBlockSyntax.self) {
            return accessor.accessors.is(CodeBlockItemListSyntax.self)
        }
        let outer: Syntax?
        if around.is(SwitchCaseSyntax.self) {
            outer = around.parent?.parent
        } else if let block = around.as(CodeBlockSyntax.self) {
            switch block.parent?.kind {
            case .ifExpr: outer = block.parent
            case .functionDecl:
                return block.parent?.as(FunctionDeclSyntax.self)?.signature.returnClause != nil
            case .accessorDecl:
                return block.parent?.as(AccessorDeclSyntax.self)?.accessorSpecifier.text == "get"
            default: return false
            }
        } else {
            return false
        }
        guard var expression = outer else { return false }
        while let higher = expression.parent, higher.is(IfExprSyntax.self) { expression = higher }
        guard let statement = expression.parent?.as(ExpressionStmtSyntax.self) else { return true }
        guard let holder = statement.parent?.as(CodeBlockItemSyntax.self) else { return true }
        return isValue(holder)
    }
}
