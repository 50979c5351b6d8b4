"""Reads a JUnit report as CI servers do.

Argument: the report. Prints a JSON object: the numbers that the report states, and a list of the
cases as [name, class, kinds of results].
"""

import json
import sys

from junitparser import JUnitXml

report = JUnitXml.fromfile(sys.argv[1])
cases = []
for suite in report:
    for case in suite:
        kinds = [type(result).__name__ for result in case.result]
        kinds += [child.tag for child in case._elem if child.tag.startswith(("flaky", "rerun"))]
        cases.append([case.name, case.classname, kinds])
numbers = [report.tests, report.failures, report.errors]
print(json.dumps({"numbers": numbers, "cases": cases}))
