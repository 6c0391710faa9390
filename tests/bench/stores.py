# SPDX-License-Identifier: MIT
"""Large stores: one host among many flows, an hour among a year of files, a year of merged days."""
import os
import shutil
import time

import rollups
from data import BEGIN, BUILD, FILES, SECONDS, made, make_stores, merged_store, stamp
from peers import Flowvt, Nfdump, must
from questions import equal, from_fmt, numbers
from report import say, together

TOP = "SELECT srcip, sum(bytes) b FROM traffic %sGROUP BY srcip ORDER BY b DESC LIMIT 10"


def rare_host(flowvt):
    """One with the fewest flows as a source."""
    return flowvt.ask("SELECT srcip FROM traffic GROUP BY srcip ORDER BY sum(flows), srcip LIMIT 1").strip()


def needle(goals, runs, work, flows, with_nfdump):
    """One rare host in many files, and the first row."""
    directory = "%s/needle-%d" % (work, flows)
    os.makedirs(directory, exist_ok=True)
    flowvt = Flowvt(BUILD, directory + "/store")
    nfdump = Nfdump(directory + "/nf") if with_nfdump else None
    make_stores(directory, flows, max(FILES, flows * FILES // 10000000), flowvt, nfdump)
    host = rare_host(flowvt)
    title = "all flows of one rare host out of %.4g million" % (flows / 1e6)
    sql = "SELECT srcport, dstip, bytes FROM flows WHERE srcip = '%s'" % host
    commands = {"flowvt": flowvt.shell(sql)}
    good = True
    if nfdump:
        commands["nfdump"] = [nfdump.nfdump, "-q", "-N", "-6", "-R", nfdump.directory, "-o", "fmt:%sp,%da,%byt",
                              "src ip " + host]
        if not equal(numbers(from_fmt(flowvt.ask(sql))), numbers(from_fmt(must(commands["nfdump"])))):
            say("%s: WRONG" % title)
            good = False
    good &= together(goals, runs, title, commands, flowvt.env, 0.05)
    for what, sql in (("the first row of these", "SELECT * FROM flows LIMIT 1"),
                      ("the first that goes to port 445", "SELECT * FROM flows WHERE dstport = 445 LIMIT 1")):
        good &= together(goals, runs, what, {"flowvt": flowvt.shell(sql)}, flowvt.env)
    return good


def year(goals, runs, work):
    """A store of 105 120 files: an hour of it beside a store of that hour, and all of it."""
    directory = work + "/year"
    os.makedirs(directory, exist_ok=True)
    big, small = Flowvt(BUILD, directory + "/store"), Flowvt(BUILD, directory + "/hour")
    day = BEGIN // 86400 * 86400
    hour = day + 180 * 86400

    def make():
        must([BUILD + "/tests/load/storegen", big.store, str(day), str(365 * 288), "100"])
        shutil.rmtree(small.store, ignore_errors=True)
        for k in range(12):
            name = time.strftime("%Y/%m/%d/flows.%Y%m%d%H%M.fvt", time.gmtime(hour + k * SECONDS))
            os.makedirs(os.path.dirname(small.store + "/" + name), exist_ok=True)
            shutil.copy(big.store + "/" + name, small.store + "/" + name)

    say("making a year of files, unless it is there: %s" % directory)
    made(big.store, stamp(), make)
    one = TOP % ("WHERE since = %d AND until = %d " % (hour, hour + 3600))
    files = sum(name.endswith(".fvt") for _, _, names in os.walk(big.store) for name in names)
    if big.ask(one) != small.ask(one):
        say("an hour out of a year: WRONG")
        return False
    good = together(goals, runs, "an hour out of a year of %d files" % files, {
        "flowvt": ["env", "FLOWVT_STORE=" + big.store, *big.shell(one)],
        "a store of that hour": ["env", "FLOWVT_STORE=" + small.store, *small.shell(one)]}, most=1.25)
    good &= together(goals, runs, "top 10 of the year", {"flowvt": big.shell(TOP % "")}, big.env)
    merged = merged_store(directory, big)
    if merged:
        good &= together(goals, runs, "top 10 of the year, days merged", {
            "flowvt": merged.shell(TOP % ""),
            "without roll-ups": ["env", "FLOWVT_ROLLUPS=0", *merged.shell(TOP % "")]}, merged.env)
    return good


def days():
    """Roll-ups, on a year of merged days with more flows."""
    return rollups.compare(rollups.store())
