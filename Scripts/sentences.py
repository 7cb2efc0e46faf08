"""Finds the sentences of a standard that have a key word of RFC 2119, by section.

Reads what the working groups keep: XML of xml2rfc, version 2 or 3, and the Markdown of kramdown-rfc. Appendices have
letters. A list item is a sentence of its own, and so is what introduces a list."""

import pathlib
import re
import string
from xml.etree import ElementTree

KEY_WORD = re.compile(
    r"\b(MUST NOT|MUST|SHALL NOT|SHALL|SHOULD NOT|SHOULD|NOT RECOMMENDED|RECOMMENDED|REQUIRED)\b")
END = re.compile(r"(?<=[.:;?!])\s+(?=[A-Z\"('`])")


def read(path):
    """Yields (section, number in it, key words, sentence)."""
    text = pathlib.Path(path).read_text(encoding="utf-8")
    numbers = {}
    for section, sentence in (_markdown(text) if str(path).endswith(".md") else _xml(text)):
        words = "/".join(dict.fromkeys(KEY_WORD.findall(sentence)))
        # What the key words mean is said with all of them, and requires nothing.
        if words and not sentence.startswith("The key words"):
            numbers[section] = numbers.get(section, 0) + 1
            yield section, numbers[section], words, sentence


def _split(text):
    return END.split(re.sub(r"\s+", " ", text).strip())


# XML.

def _tag(element):
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _parse(text):
    entities = {
        name: double or single
        for name, double, single in re.findall(r"""<!ENTITY\s+([\w-]+)\s+(?:"([^"]*)"|'([^']*)')""", text)}
    text = re.sub(r"<!DOCTYPE.*?\]>", "", text, flags=re.S)
    own = {"amp", "lt", "gt", "quot", "apos"}
    for _ in range(3):  # entities may stand in entities
        text = re.sub(
            r"&([A-Za-z][\w-]*);",
            lambda found: found[0] if found[1] in own else entities.get(found[1], found[1]), text)
    return ElementTree.fromstring(text.encode("utf-8"))


def _xml(text):
    root = _parse(text)
    for part, names in (("middle", (str(number) for number in range(1, 1_000))), ("back", iter(string.ascii_uppercase))):
        element = next((child for child in root if _tag(child) == part), None)
        if element is not None:
            yield from _sections(element, names, "")


def _sections(element, names, prefix):
    for child in element:
        if _tag(child) == "section":
            name = prefix + next(names)
            yield from ((name, sentence) for sentence in _blocks(child))
            yield from _sections(child, (str(number) for number in range(1, 1_000)), name + ".")


def _blocks(element):
    for child in element:
        name = _tag(child)
        if name in ("section", "references"):
            continue
        if name in ("t", "li", "dd", "dt", "td", "aside", "blockquote"):
            if not any(_tag(inner) == "t" for inner in child):
                yield from _split(_text(child))
            for inner in child:
                if _tag(inner) in ("t", "ul", "ol", "dl", "aside"):
                    yield from _blocks_of(inner)
        else:
            yield from _blocks(child)


def _blocks_of(element):
    wrapper = ElementTree.Element("wrapper")
    wrapper.append(element)
    return _blocks(wrapper)


def _text(element):
    text = element.text or ""
    for child in element:
        name = _tag(child)
        if name == "xref":
            text += _text(child) or f"[{child.get('target', '')}]"
        elif name not in ("iref", "cref", "ul", "ol", "dl", "sourcecode", "artwork"):
            text += _text(child)
        text += child.tail or ""
    return text


# Markdown.

def _markdown(text):
    body, _, back = text.partition("--- middle")[2].partition("--- back")
    yield from _markdown_part(body, str)
    yield from _markdown_part(back, lambda number: string.ascii_uppercase[number - 1])


def _markdown_part(text, first):
    counts, section, block = [], "", []
    is_code = False
    for line in text.splitlines() + ["# "]:
        if line.startswith("~~~"):
            is_code = not is_code
        heading = None if is_code else re.match(r"(#+) ", line)
        starts = heading or not line.strip() or re.match(r"\s*([*-]|\d+\.) |~~~|    ", line)
        if starts and block:
            yield from ((section, sentence) for sentence in _split(" ".join(block)))
            block = []
        if heading:
            depth = len(heading[1])
            counts = counts[:depth] + [0] * (depth - len(counts))
            counts[depth - 1] += 1
            section = ".".join([first(counts[0]), *map(str, counts[1:])])
        elif not is_code and line.strip() and not line.startswith(("    ", "~~~", "{:")):
            block.append(line)
