"""Reads a file of JUnit XML as the schema of Jenkins has it (junit-10.xsd of its xunit plugin), checks that its counts are true, and prints
them, with the text of the first failure and of the first output.
"""
import re
import sys
import xml.etree.ElementTree as tree

# Of each element: its attributes, those of them that have to be there, and its children.
ELEMENTS = {
    "testsuites": ("name time tests failures errors", "", "testsuite"),
    "testsuite": (
        "name tests failures errors group time skipped timestamp hostname id package file log url",
        "name tests failures errors",
        "testsuite properties testcase system-out system-err",
    ),
    "testcase": ("name time classname group", "name", "skipped error failure system-out system-err"),
    "skipped": ("type message", "", ""),
    "error": ("type message", "", ""),
    "failure": ("type message", "", ""),
    "system-out": ("", "", ""),
}


def check(element):
    attributes, needed, children = (words.split() for words in ELEMENTS[element.tag])
    assert set(needed) <= set(element.attrib) <= set(attributes), (element.tag, element.attrib)
    if "time" in element.attrib:
        assert re.fullmatch(r"\d+(\.\d+)?", element.get("time")), element.attrib
    for child in element:
        assert child.tag in children, (element.tag, child.tag)
        check(child)


root = tree.parse(sys.argv[1]).getroot()
assert root.tag == "testsuites", root.tag
check(root)
total = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
for suite in root:
    cases = suite.findall("testcase")
    seen = {
        "tests": len(cases),
        "failures": len(suite.findall("testcase/failure")),
        "errors": len(suite.findall("testcase/error")),
        "skipped": len(suite.findall("testcase/skipped")),
    }
    for name, count in seen.items():
        assert int(suite.get(name)) == count, (suite.get("name"), name, suite.get(name), count)
        total[name] += count
    for bad in suite.findall("testcase/failure"):
        assert bad.get("message") and bad.text
for name in ("tests", "failures", "errors"):
    assert int(root.get(name)) == total[name], (name, root.get(name), total)
first = [root.find(path) for path in (".//failure", ".//system-out")]
print(total, *(element.text.replace("\n", "|") for element in first if element is not None))
