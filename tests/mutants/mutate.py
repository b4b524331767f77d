# Distributed under the Boost Software License, Version 1.0. See LICENSE.
"""Mutants of a header, all in one copy of it: each is switched on by its number while the program runs.

A light parser finds the bodies of functions and in them the statements, conditions and initialisers. Where something can be
mutated, these are written once for each mutant, and once as they are:

    return a < b;    becomes    { if (::droplit_mutants::on(7)) { return a <= b; } else { return a < b; } }

Only what runs can be switched: neither constants and tables that the compiler evaluates, nor declarations, are mutated.
The code must be as clang-format leaves it: an operator between two spaces has two operands, another `<` is a bracket.
"""
import re

TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)|(?P<macro>\#(?:\\\n|[^\n])*)|(?P<text>R"\((?:.*?)\)"|R"(?P<d>\w+)\(.*?\)(?P=d)"|"(?:\\.|[^"\\])*")
    |(?P<char>'(?:\\.[0-9a-fA-F]*|[^'\\])')|(?P<number>\d(?:'?[\w.])*)|(?P<name>[A-Za-z_]\w*)
    |(?P<sign><=>|<<=|>>=|->\*|\.\.\.|::|->|<<|<=|>=|==|!=|&&|\|\||\+\+|--|[-+*/%&|^]=|.)""", re.S | re.X)
CLOSES = {"(": ")", "[": "]", "{": "}"}
BINARY = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&", "+": "-", "-": "+",
          "*": "/", "/": "*", "%": "*", "&": "|", "|": "&", "<<": ">>", ">>": "<<", "+=": "-=", "-=": "+=", "|=": "&=", "&=": "|=",
          "*=": "/="}
WORDS = {"true": "false", "false": "true", "min": "max", "max": "min"}
SCOPED = {"Fate": {"not_sent": "maybe_applied", "not_applied": "maybe_applied", "maybe_applied": "not_applied"},
          "Insertion": {"inserted": "id_taken", "ecosystem_unknown": "ecosystem_deleted", "ecosystem_deleted": "ecosystem_unknown",
                        "id_taken": "inserted", "key_reused": "id_taken"},
          "EcosystemState": {"unknown": "active", "active": "unknown", "deleted": "active"}}
LOCK = re.compile(r"(?:const )?std::(?:lock_guard|unique_lock|scoped_lock)(?:<[^()]*>)? (\w+)\(([^,]+)\);$", re.S)
DECLARATION = re.compile(
    r"(?:const|constexpr|static|auto|using|typedef|struct|class|enum|union|template|static_assert|typename|thread_local|friend|case|"
    r"asm|goto|mutable|extern|unsigned|inline|BOOST_\w+)\b|"
    r"(?:::)?\w+(?:::\w+)*(?:<.*>)?(?:::\w+)*(?:\s*[&*]+\s*(?:const\s+)?|\s+(?:const\s+)?)\w+\s*(?:[=({;\[]|$)", re.S)
JUMPS = ("return", "co_return", "throw", "break", "continue", "delete", "co_await", "co_yield")


class Token:
    def __init__(self, kind, text, line, before):
        self.kind, self.text, self.line, self.before = kind, text, line, before  # before: white space and comments

    def __str__(self):
        return self.before + self.text


class Mutant:
    def __init__(self, number, line, what):
        self.number, self.line, self.what = number, line, what


def tokens_of(source):
    tokens, line, before = [], 1, ""
    for match in TOKEN.finditer(source):
        if match.lastgroup == "space":
            before += match.group()
        else:
            kind = "text" if match.group("text") else match.lastgroup
            tokens.append(Token(kind, match.group(), line + 0, before))
            before = ""
        line += match.group().count("\n")
    tokens.append(Token("end", "", line, before))
    return tokens


class Header:
    """The mutants of one header. `write(dropped)` is its mutated copy, without those that do not compile."""

    def __init__(self, source, first):
        self.lines = source.split("\n")
        self.tokens = tokens_of(source)
        self.mutants = {}
        self.edits = {}  # index of the first token: (index after the last, how to write it)
        self.next = first
        self.pairs = {}
        opened = []
        for index, token in enumerate(self.tokens):
            if token.kind == "sign" and token.text in CLOSES:
                opened.append(index)
            elif token.kind == "sign" and token.text in CLOSES.values():
                self.pairs[opened.pop()] = index
        self.scope(0, len(self.tokens) - 1)
        self.number()

    # Finding what can be mutated -------------------------------------------------------------------------------------

    def text(self, begin, end):
        return "".join(str(token) for token in self.tokens[begin:end])

    def is_sign(self, index, *signs):
        return self.tokens[index].kind == "sign" and self.tokens[index].text in signs

    def after(self, index, end, *signs):
        """The index of the first of these signs outside of brackets, or `end`."""
        while index < end:
            if self.is_sign(index, *signs):
                return index
            index = self.pairs.get(index, index) + 1
        return end

    def scope(self, index, end):
        """Declarations, of a namespace or a class."""
        begin = index
        while index < end:
            token = self.tokens[index]
            if token.kind == "macro":
                index += 1
                begin = index
            elif self.is_sign(index, ";"):
                self.member(begin, index)
                index += 1
                begin = index
            elif self.is_sign(index, ":") and self.tokens[index - 1].text in ("public", "private", "protected"):
                index += 1
                begin = index
            elif self.is_sign(index, ":") and self.is_constructor(begin, index):
                edits = dict(self.edits)
                words = [t.text for t in self.tokens[begin:index]]
                index = self.constructor(index + 1, end)
                self.edits = edits if "consteval" in words else self.edits
                begin = index
            elif self.is_sign(index, "{"):
                words = [t.text for t in self.tokens[begin:index] if t.kind == "name"]
                closed = self.pairs[index]
                if "enum" in words:
                    pass
                elif "namespace" in words or self.is_type(begin, index):
                    self.scope(index + 1, closed)
                elif not self.has_parameters(begin, index) or self.has_value(begin, index) or "consteval" in words:
                    index = self.after(index, end, ";")
                    self.member(begin, index)
                    index += 1
                    begin = index
                    continue
                else:
                    self.block(index + 1, closed)
                index = closed + 1
                begin = index
                if self.is_sign(index, ";"):
                    index += 1
                    begin = index
            else:
                index = self.pairs.get(index, index) + 1

    def has_parameters(self, begin, end):
        return self.after(begin, end, "(") != end

    def after_template(self, index, end):
        """The index after `template <...>`, if it begins there."""
        if self.tokens[index].text != "template" or index + 1 >= end or not self.is_sign(index + 1, "<"):
            return index
        depth = 0
        for index in range(index + 1, end):
            depth += {"<": 1, ">": -1, ">>": -2}.get(self.tokens[index].text, 0)
            if depth <= 0:
                return index + 1
        return end

    def has_value(self, begin, end):
        found = self.after(self.after_template(begin, end), end, "=")
        return found != end and self.tokens[found - 1].text != "operator"

    def is_constructor(self, begin, index):
        return self.has_parameters(begin, index) and not self.has_value(begin, index) and not self.is_type(begin, index)

    def is_type(self, begin, end):
        return any(self.tokens[index].text in ("class", "struct", "union") and not self.is_sign(index - 1, "<", ",")
                   for index in range(begin, end))

    def constructor(self, index, end):
        while True:  # one member after the other, then the body
            opening = self.after(index, end, "(", "{")
            self.arguments(opening)
            index = self.pairs[opening] + 1
            if self.is_sign(index, "..."):
                index += 1
            if not self.is_sign(index, ","):
                self.block(index + 1, self.pairs[index])
                return self.pairs[index] + 1
            index += 1

    def member(self, begin, end):
        """A declaration, perhaps with an initialiser."""
        words = [t.text for t in self.tokens[begin:end] if t.kind == "name"]
        if any(w in words for w in ("constexpr", "using", "concept", "enum", "static_assert", "template", "operator", "constinit",
                                    "friend", "requires", "typedef")):
            return
        if self.has_parameters(begin, end) and not self.has_value(begin, end):
            return
        found = self.after(begin, end, "=")
        if found != end and found + 1 < end and not self.has_parameters(begin, found):
            self.region("value", found + 1, end)

    def block(self, index, end):
        while index < end:
            index = self.statement(index, end, False)

    def statement(self, index, end, early):
        """The index after the statement. `early`: it is all that an `if` without `else` does."""
        token = self.tokens[index]
        if token.kind == "macro" or self.is_sign(index, ";"):
            return index + 1
        if self.is_sign(index, "{"):
            self.block(index + 1, self.pairs[index])
            return self.pairs[index] + 1
        if token.text in ("case", "default"):
            return self.after(index, end, ":") + 1
        if token.text == "else" or token.text == "do":
            return self.statement(index + 1, end, False)
        if token.text == "try":
            return index + 1
        if token.text == "catch":
            return self.pairs[index + 1] + 1
        if token.text in ("if", "while", "for", "switch"):
            constant = self.tokens[index + 1].text == "constexpr"
            opening = index + (2 if constant else 1)
            closed = self.pairs[opening]
            if not constant:
                self.condition(token.text, opening + 1, closed)
            if self.is_sign(closed + 1, ";"):
                return closed + 2
            after = self.statement(closed + 1, end, token.text == "if")
            return after
        last = self.after(index, end, ";")
        if last == end:
            return end
        self.simple(index, last, early and self.tokens[last + 1].text != "else")
        return last + 1

    def condition(self, word, begin, end):
        first = self.after(begin, end, ";")
        if first != end:  # for, or an initialiser
            self.simple(begin, first, False, droppable=False)
            begin = first + 1
            second = self.after(begin, end, ";")
            if word == "for" and second + 1 < end:
                self.region("step", second + 1, end)
            end = second
        elif word == "for":
            colon = self.after(begin, end, ":")
            self.lambdas(colon, end)
            return
        if word == "switch" or begin == end:
            self.region("value", begin, end)
            return
        value = self.after(begin, end, "=")
        if value != end:
            self.region("value", value + 1, end)
        else:
            self.region("condition", begin, end)

    def simple(self, begin, end, early, droppable=True):
        """A statement that ends with the semicolon at `end`."""
        first = self.tokens[begin].text
        text = self.text(begin, end + 1)[len(self.tokens[begin].before):]
        if first in ("using", "static_assert", "typedef", "constexpr", "struct", "class", "enum", "template"):
            return
        lock = LOCK.match(text)
        if lock and droppable:
            self.edits[begin] = (end + 1, "lock", [(begin, "the lock is dropped", lock)])
        elif first not in JUMPS and DECLARATION.match(text):
            value = self.after(begin, end, "=")
            if any(token.text == "constexpr" for token in self.tokens[begin:value] if value != end):
                return
            if value != end:
                if not self.is_sign(value + 1, "{"):
                    self.region("value", value + 1, end)
                return
            opening = self.after(begin, end, "(", "{")
            if opening != end:
                self.arguments(opening)
        elif droppable:
            drop = first not in JUMPS[:3] or (early and first == "return")
            self.region("statement", begin, end + 1, drop)

    def arguments(self, opening):
        """Each argument by itself."""
        begin, closed = opening + 1, self.pairs[opening]
        while begin < closed:
            end = self.after(begin, closed, ",")
            if not self.is_sign(begin, ".", "{"):
                self.region("value", begin, end)
            else:
                self.lambdas(begin, end)
            begin = end + 1

    def lambdas(self, begin, end):
        """The bodies of functions inside an expression: opening and closing bracket."""
        found = {}
        index = begin
        while index < end:
            if self.is_sign(index, "{") and index > begin and self.is_body(begin, index):
                found[index] = self.pairs[index]
                self.block(index + 1, self.pairs[index])
                index = self.pairs[index]
            index += 1
        return found

    def is_body(self, begin, index):
        at = index - 1
        while at > begin and self.tokens[at].text in ("mutable", "noexcept", "const") or self.tokens[at].kind == "name" and (
                at - 1 > begin and self.tokens[at - 1].text in ("->", "::", "const")) or self.is_sign(at, "->", "::"):
            at -= 1
        if self.is_sign(at, ">"):  # the type that it returns
            while at > begin and not self.is_sign(at, "->"):
                at -= 1
            at -= 1
        opening = next((o for o, c in self.pairs.items() if c == at), None)
        if opening is None:
            return False
        if self.is_sign(at, ")"):
            return self.is_sign(opening - 1, "]")
        return self.is_sign(at, "]") and not (self.tokens[opening - 1].kind == "name" or self.is_sign(opening - 1, ")", "]"))

    def region(self, kind, begin, end, drop=False):
        if begin >= end or self.is_sign(begin, "{"):
            return
        bodies = self.lambdas(begin, end)
        spots = []
        index = begin
        while index < end:
            index = bodies.get(index, index)
            new = self.mutated(index)
            if new is not None:
                old = self.tokens[index].text
                spots.append((index, f"{old} to {new}" if new else f"{old} is dropped", new))
            index += 1
        if drop:
            spots.append((begin, "the statement is dropped", None))
        if kind == "condition" and not spots:
            spots.append((begin, "the condition is negated", None))
        if spots:
            self.edits[begin] = (end, kind, spots)

    def mutated(self, index):
        """What the token becomes, or nothing."""
        token, following = self.tokens[index], self.tokens[index + 1]
        if token.kind == "sign":
            if token.text in ("++", "--"):
                return "--" if token.text == "++" else "++"
            if token.text == "!" and not following.before:
                return ""
            if token.text in BINARY and token.before.strip() == "" and token.before and following.before:
                return BINARY[token.text]
        elif token.kind == "number":
            if following.text in (">", ">>") and not following.before:  # an argument of a template
                return None
            match = re.fullmatch(r"(0[xX][\da-fA-F']+|[\d']+)([uUlLzZ]*)", token.text)
            if match:
                return str(int(match.group(1).replace("'", ""), 0) + 1) + match.group(2)
        elif token.kind == "char":
            if len(token.text) == 3:
                new = chr(ord(token.text[1]) + 1)
                return f"'{new}'" if new not in "'\\" else "'0'"
            return r"'\x01'"
        elif token.kind == "name":
            if token.text in WORDS and (token.text in ("true", "false") or self.tokens[index - 2].text == "std"):
                return WORDS[token.text]
            if self.is_sign(index - 1, "::"):
                return SCOPED.get(self.tokens[index - 2].text, {}).get(token.text)
        return None

    # Writing it ------------------------------------------------------------------------------------------------------

    def number(self):
        regions, self.edits = self.edits, {}
        for begin, (end, kind, spots) in sorted(regions.items()):
            numbered = []
            for index, what, new in spots:
                mutant = Mutant(self.next, self.tokens[index].line, what)
                self.mutants[self.next] = mutant
                numbered.append((self.next, index, new))
                self.next += 1
            self.edits[begin] = (end, kind, numbered)
        counts = {}
        for mutant in self.mutants.values():  # the second of one kind on a line or on one like it, and so on
            key = self.lines[mutant.line - 1].strip(), mutant.what
            counts[key] = counts.get(key, 0) + 1
            if counts[key] > 1:
                mutant.what += f" ({counts[key]})"

    def write(self, dropped=frozenset()):
        return self.rendered(0, len(self.tokens), dropped)

    def rendered(self, begin, end, dropped, skip=None):
        out, index = [], begin
        while index < end:
            if index in self.edits and index != skip and self.edits[index][0] <= end:
                out.append(self.tokens[index].before + self.edited(index, dropped))
                index = self.edits[index][0]
            else:
                out.append(str(self.tokens[index]))
                index += 1
        return "".join(out)

    def flat(self, begin, end, at, new):
        """One line: the tokens with that at index `at` changed."""
        parts = []
        for index in range(begin, end):
            token = self.tokens[index]
            if token.kind == "macro":
                return None
            parts.append((" " if token.before else "") + (new if index == at else token.text))
        return "".join(parts).strip()

    def edited(self, begin, dropped):
        """It has the same lines whatever is dropped, so that a line of the compiler's errors is that of a mutant."""
        end, kind, spots = self.edits[begin]
        original = self.rendered(begin, end, dropped, begin)[len(self.tokens[begin].before):]
        if kind == "lock":
            number, _, match = spots[0]
            if number in dropped:
                return "\n" + original + "\n"
            name, mutex = match.groups()
            return (f"\nstd::unique_lock<std::remove_cvref_t<decltype({mutex})>> {name}({mutex}, std::defer_lock); "
                    f"if (!::droplit_mutants::on({number})) {name}.lock();\n")
        before, then, after = {"statement": ("if (", ") {", "} else"), "step": ("", "? static_cast<void>(", ") :"),
                               "condition": ("", "? static_cast<bool>(", ") :"), "value": ("", "? (", ") :")}[kind]
        variants = "".join("\n" if text is None else f"\n{before}::droplit_mutants::on({number}){then} {text} {after}"
                           for number, text in ((number, None if number in dropped else self.variant(begin, number)) for number, *_ in spots))
        if not variants.strip():
            return variants + "\n" + original + "\n"
        if kind == "statement":
            return "{" + variants + "\n{ " + original + " }\n}"
        return "(" + variants + "\n" + then[2:] + original + "))\n"

    def variant(self, begin, number):
        end, kind, spots = self.edits[begin]
        index, new = next(spot[1:] for spot in spots if spot[0] == number)
        if new is None:
            return f"!({self.flat(begin, end, -1, None)})" if kind == "condition" else ";"
        return self.flat(begin, end, index, new)
