# SPDX-License-Identifier: MIT
"""What is printed: lines of figures, and at the end which goals are met."""
from measure import interleaved, median, ratios, spread

CELL = 22  # the width of a column


def say(text=""):
    print(text, flush=True)


class Goals:
    """What was to be reached, and whether it was."""

    def __init__(self):
        self.met, self.missed = 0, []

    def check(self, what, got, most):
        """Count a figure that may be at most so much; returns the words that go beside it."""
        if most is None or got is None:
            return ""
        if got <= most:
            self.met += 1
            return "%.2f met" % most
        self.missed.append("%s: %.2f, goal %.2f" % (what, got, most))
        return "%.2f MISSED" % most

    def summary(self):
        say("\n%d goals met, %d missed" % (self.met, len(self.missed)))
        for line in self.missed:
            say("  " + line)


def together(goals, runs, title, commands, env=None, most=None):
    """A line of the first command's wall time and its ratio to each of the others; most: what it may take of
    the time of the second. Returns whether all ended well."""
    done = interleaved(commands, runs, env)
    failed = [name for name, some in done.items() if any(r.status for r in some)]
    first, *others = commands
    line = "%-50s %8.3f  " % (title, median([r.wall for r in done[first]]))
    cells = ["%s %s" % (name, spread(ratios(done[first], done[name]))) for name in others]
    line += "  ".join(cells)
    if most and others:
        got = median(ratios(done[first], done[others[0]]))
        line += "  goal " + goals.check("%s, of %s" % (title, others[0]), got, most)
    say(line + ("  FAILED: " + ", ".join(failed) if failed else ""))
    return not failed
