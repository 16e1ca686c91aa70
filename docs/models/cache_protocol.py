#!/usr/bin/env python3
"""Every interleaving of the cache protocol of docs/caching.md, for one record and the generation of its entity.

There are readers and two kinds of writers: by key, who block the record, and by filter, who block the generation. At
any moment any of them may take its next step, a lease may end, a writer may die, a dead writer's block may end, the
cache may drop the record or the generation to make room, and another server with an older copy may take its place.
In some scenarios the readers' process keeps a copy of the record, which a cache in the same memory tells of changes.

Violations are
  - a read that returns a version older than one that was acknowledged before the read began;
  - a state in which nobody is at work and a read would be answered from the cache with an older version than the
    database has, whatever writers died on the way there, unless another server took over.

  python3 docs/models/cache_protocol.py             the protocol as implemented: expects no violation
  python3 docs/models/cache_protocol.py --mutants   each rule taken away in turn: expects a violation for every one

Exit status 0 if what was expected came true. Nothing but Python 3.8 is needed.
"""
import sys
import time
from typing import NamedTuple, Optional, Tuple

RULES = {
    "a write by key blocks the record before it commits",
    "a write by filter blocks the generation before it commits",
    "a block outlives the commit that it announces",
    "a write by key removes the record again before it is acknowledged",
    "a write by filter removes the generation again before it is acknowledged",
    "a blocked name gives no lease",
    "a block is lifted by its own writer only",
    "a record is filled under the reader's own lease only",
    "a generation is filled under the reader's own lease only",
    "the lease is taken before the database is read",
    "the generation is looked up before the database is read",
    "a generation is never used twice",
    "a record of another generation is not returned",
    "a record of another generation is replaced only if it is still the one that was seen",
    "another server begins empty",
    "a copy in the process is told of a block before the commit",
    "a copy in the process is told of the unblocking before the acknowledgement",
    "a copy is kept only if nothing was told since before the look-up",
    "a copy is kept only of what the cache holds",
}


class Cell(NamedTuple):
    """What the cache holds under one name."""
    value: object = None
    lease: Optional[int] = None
    blocks: frozenset = frozenset()


class Record(NamedTuple):
    """A cached record: the version, the generation, and whose fill it was, which makes every fill unique."""
    version: int
    generation: int
    filler: int


class Writer(NamedTuple):
    kind: str  # "key" or "filter"
    step: str = "start"  # start, blocked, committed, done, dead
    version: int = 0


class Reader(NamedTuple):
    step: str = "start"
    floor: int = 0
    generation: Optional[int] = None  # None: blocked or leased to somebody else
    found: object = None  # Record, "leased" or "busy"
    seen: int = 0
    ticket: Optional[int] = None  # how many changes the copy had been told of when the read began


class State(NamedTuple):
    db: int
    acked: int
    record: Cell
    generation: Cell
    made: int  # how many generations were made
    writers: Tuple[Writer, ...]
    readers: Tuple[Reader, ...]
    copy: object  # an older copy of both cells; None before there is one; "used" after, or "never"
    deaths: int  # how many writers may still die
    evictions: int  # how many names may still be dropped to make room
    local: object = "never"  # the version that the process keeps a copy of; None for none, "never" if it keeps none
    told: int = 0  # how many changes the copy was told of


class Violation(Exception):
    pass


def put(items, position, item):
    return items[:position] + (item,) + items[position + 1:]


def look_up(cell, reader, rules):
    """The atomic look-up: the answer, and the cell after it."""
    if cell.value is not None:
        return cell.value, cell
    if cell.blocks and "a blocked name gives no lease" in rules:
        return "busy", cell
    if cell.lease not in (None, reader):
        return "busy", cell
    return "leased", cell._replace(lease=reader)


def tell(s, rules, rule):
    """The state after the process's copy was told of a change."""
    if s.local == "never" or rule not in rules:
        return s
    return s._replace(local=None, told=s.told + 1)


def keep(s, ticket, version, rules):
    """The state after the process kept a copy, if it may."""
    if s.local == "never" or ticket is None:
        return s
    if ticket != s.told and "a copy is kept only if nothing was told since before the look-up" in rules:
        return s
    return s._replace(local=version)


def hit(s, rules):
    """What a read finds in the cache that makes its look-ups now; None if it would go to the database."""
    if s.local not in (None, "never"):
        return s.local
    if s.record.value is None:
        return None
    if "a record of another generation is not returned" not in rules:
        return s.record.value.version
    if s.generation.value is None or s.record.value.generation != s.generation.value:
        return None
    return s.record.value.version


def check(s, rules):
    found = hit(s, rules)
    if found is None:
        return
    if found < s.acked:
        raise Violation(f"the cache answers v{found}, although v{s.acked} was acknowledged")
    is_quiet = (
        not s.record.blocks and not s.generation.blocks
        and all(w.step in ("start", "done", "dead") for w in s.writers)
        and all(r.step == "done" or r.step == "start" and r.ticket is None and r.found is None for r in s.readers))
    # A server that takes over does not know of blocks; a writer that dies at that moment too is not provided against.
    if is_quiet and s.copy != "used" and found < s.db:
        raise Violation(f"the cache keeps v{found}, although the database has v{s.db}")


def writer_moves(s, rules):
    for i, w in enumerate(s.writers):
        name = "record" if w.kind == "key" else "generation"
        cell = getattr(s, name)

        def writer(**change):
            return put(s.writers, i, w._replace(**change))

        if w.step == "start":
            blocks = {"key": "a write by key blocks the record before it commits",
                      "filter": "a write by filter blocks the generation before it commits"}[w.kind] in rules
            after = Cell(None, None, cell.blocks | {i}) if blocks else cell
            n = tell(s, rules, "a copy in the process is told of a block before the commit")
            yield f"w{i} ({w.kind}) blocks", n._replace(**{name: after}, writers=writer(step="blocked"))
        elif w.step == "blocked":
            yield (f"w{i} commits v{s.db + 1}",
                   s._replace(db=s.db + 1, writers=writer(step="committed", version=s.db + 1)))
        elif w.step == "committed":
            own = "a block is lifted by its own writer only" in rules
            after = cell._replace(blocks=cell.blocks - {i} if own else frozenset())
            again = {"key": "a write by key removes the record again before it is acknowledged",
                     "filter": "a write by filter removes the generation again before it is acknowledged"}[w.kind]
            if again in rules:
                after = after._replace(value=None, lease=None)
            n = tell(s, rules, "a copy in the process is told of the unblocking before the acknowledgement")
            yield (f"w{i} unblocks, v{w.version} is acknowledged",
                   n._replace(**{name: after}, acked=max(s.acked, w.version), writers=writer(step="done")))
        if w.step in ("blocked", "committed") and s.deaths:
            yield f"w{i} dies", s._replace(writers=writer(step="dead"), deaths=s.deaths - 1)
        # A block that ends although its writer is alive is one that took too long between commit and acknowledgement.
        may_end = w.step in ("dead", "committed") or (
            w.step == "blocked" and "a block outlives the commit that it announces" not in rules)
        if i in cell.blocks and may_end:
            yield f"the block of w{i} ends", s._replace(**{name: cell._replace(blocks=cell.blocks - {i})})


def reader_moves(s, rules):
    for i, r in enumerate(s.readers):
        def reader(**change):
            return put(s.readers, i, r._replace(**change))

        if r.step == "start" and s.local != "never" and r.ticket is None:
            if s.local is not None:
                yield f"r{i} returns v{s.local} from the process's copy", s._replace(readers=reader(step="done"))
            else:
                yield f"r{i} finds no copy", s._replace(readers=reader(ticket=s.told, floor=s.acked))
        elif r.step == "start":
            # Both are asked for at once; in a cluster they may be on two servers, and either may be first.
            floor = s.acked if r.ticket is None and r.found is None else r.floor
            if r.found is None and "the lease is taken before the database is read" in rules:
                answer, cell = look_up(s.record, i, rules)
                shown = f"v{answer.version}" if isinstance(answer, Record) else answer
                yield (f"r{i} looks the record up first: {shown}",
                       s._replace(record=cell, readers=reader(found=answer, floor=floor)))
            answer, cell = look_up(s.generation, i, rules)
            known = answer if isinstance(answer, int) else None
            step = "make generation" if answer == "leased" else "no generation" if answer == "busy" else "generation"
            yield (f"r{i} looks the generation up: {answer}",
                   s._replace(generation=cell, readers=reader(step=step, floor=floor, generation=known)))
        elif r.step in ("generation", "no generation", "make generation") and r.found is None:
            if "the lease is taken before the database is read" not in rules and s.record.value is None:
                yield f"r{i} finds nothing", s._replace(readers=reader(found="late"))
                continue
            answer, cell = look_up(s.record, i, rules)
            shown = f"v{answer.version}" if isinstance(answer, Record) else answer
            yield f"r{i} looks the record up: {shown}", s._replace(record=cell, readers=reader(found=answer))
        elif r.step == "make generation":
            fresh = s.made if "a generation is never used twice" in rules else 0
            may = s.generation.lease == i or "a generation is filled under the reader's own lease only" not in rules
            if not may:
                yield f"r{i} may not fill the generation", s._replace(readers=reader(step="no generation"))
            else:
                yield (f"r{i} makes generation {fresh}",
                       s._replace(generation=s.generation._replace(value=fresh, lease=None), made=s.made + 1,
                                  readers=reader(step="generation", generation=fresh)))
        elif r.step == "no generation":
            if r.found == "leased":
                # The lease is given back by removing whatever stands there.
                yield (f"r{i} gives its lease back",
                       s._replace(record=s.record._replace(value=None, lease=None), readers=reader(found="busy")))
            else:
                n = s if "a copy is kept only of what the cache holds" in rules else keep(s, r.ticket, s.db, rules)
                yield f"r{i} reads v{s.db} from the database", returned(n, i, s.db)
        elif r.step == "generation":
            if isinstance(r.found, Record) and (
                    r.found.generation == r.generation
                    or "a record of another generation is not returned" not in rules):
                if r.generation is not None:
                    # A reader may load again what is still good, and then replaces what it saw.
                    yield f"r{i} loads v{s.db} early", s._replace(readers=reader(step="loaded", seen=s.db))
                # Between the look-up and the keeping, anything may happen.
                yield f"r{i} has v{r.found.version} from the cache", s._replace(
                    readers=reader(step="keep", seen=r.found.version, generation=None, found=None))
            else:
                yield f"r{i} loads v{s.db}", s._replace(readers=reader(step="loaded", seen=s.db))
        elif r.step == "loaded":
            if r.found == "late":
                answer, cell = look_up(s.record, i, rules)
                found = answer if answer == "leased" else "busy"
                yield f"r{i} asks for a lease late: {answer}", s._replace(record=cell, readers=reader(found=found))
                continue
            n = fill(s, i, r, rules)
            if n is s and "a copy is kept only of what the cache holds" in rules:
                yield f"r{i} may not fill v{r.seen}", returned(s, i, r.seen)
            else:
                yield f"r{i} fills v{r.seen} if it may", n._replace(
                    readers=put(n.readers, i, r._replace(step="keep", generation=None, found=None)))
        elif r.step == "keep":
            yield f"r{i} keeps and returns v{r.seen}", returned(keep(s, r.ticket, r.seen, rules), i, r.seen)


def fill(s, i, r, rules):
    """The atomic fill, refused by leaving the state as it is."""
    tag = r.generation
    if "the generation is looked up before the database is read" not in rules and s.generation.value is not None:
        tag = s.generation.value
    if r.found == "leased":
        may = s.record.lease == i or "a record is filled under the reader's own lease only" not in rules
    elif isinstance(r.found, Record):
        may = s.record.value == r.found or (
            "a record of another generation is replaced only if it is still the one that was seen" not in rules)
    else:
        may = False
    if not may:
        return s
    return s._replace(record=s.record._replace(value=Record(r.seen, tag, i), lease=None))


def returned(s, i, version):
    if version < s.readers[i].floor:
        raise Violation(f"r{i} returns v{version}, although v{s.readers[i].floor} was acknowledged before it began")
    # What a reader knew matters no more; forgetting it makes states equal that behave the same.
    return s._replace(readers=put(s.readers, i, Reader(step="done")))


def cache_moves(s, rules):
    for name in ("record", "generation"):
        cell = getattr(s, name)
        if cell.lease is not None:
            yield f"the lease on the {name} ends", s._replace(**{name: cell._replace(lease=None)})
        if cell.value is not None and s.evictions:
            yield (f"the {name} is dropped to make room",
                   s._replace(**{name: cell._replace(value=None)}, evictions=s.evictions - 1))
    if s.copy is None:
        yield "a replica falls behind", s._replace(copy=(s.record, s.generation))
    elif isinstance(s.copy, tuple):
        record, generation = (Cell(), Cell()) if "another server begins empty" in rules else s.copy
        yield "the replica takes over", s._replace(record=record, generation=generation, copy="used")


def explore(rules, writers, readers, deaths, evictions, fails_over, keeps=False):
    """The number of states; or the way to a violation, with it at the end."""
    start = State(
        0, 0, Cell(), Cell(), 1, tuple(Writer(kind) for kind in writers), tuple(Reader() for _ in range(readers)),
        None if fails_over else "never", deaths, evictions, None if keeps else "never")
    seen = {start: None}
    todo = [start]
    while todo:
        s = todo.pop()
        try:
            check(s, rules)
            for moves in (writer_moves, reader_moves, cache_moves):
                for label, after in moves(s, rules):
                    if after not in seen:
                        seen[after] = (s, label)
                        todo.append(after)
        except Violation as violation:
            path = [str(violation)]
            while seen[s] is not None:
                s, label = seen[s]
                path.append(label)
            return path[::-1]
    return len(seen)


# Writers, readers, deaths, evictions, failover, copies in the process. None alone has every ingredient, which would take hours; each pair of
# ingredients is in one of them.
SCENARIOS = [
    (("key",), 2, 1, 1, True),
    (("filter",), 2, 1, 1, True),
    (("key", "filter"), 2, 0, 1, False),
    (("filter", "filter"), 2, 1, 0, False),
    (("key", "key"), 2, 1, 0, False),
    (("key", "filter"), 1, 1, 1, True),
    (("key",), 2, 1, 1, False, True),
    (("filter",), 2, 1, 1, False, True),
    (("key", "key"), 1, 1, 0, False, True),
    (("key", "filter"), 1, 1, 0, False, True),
    (("key",), 1, 1, 1, True, True),
    (("filter",), 1, 1, 1, True, True),
]


def first_violation(rules):
    for scenario in SCENARIOS:
        result = explore(rules, *scenario)
        if isinstance(result, list):
            return scenario, result
    return None


def main():
    began = time.monotonic()
    if "--mutants" not in sys.argv:
        for scenario in SCENARIOS:
            writers, readers, deaths, evictions, fails_over = scenario[:5]
            result = explore(RULES, *scenario)
            name = (f"writers by {' and '.join(writers)}, {readers} reader(s), {deaths} death(s), "
                    f"{evictions} eviction(s), failover {'yes' if fails_over else 'no'}"
                    f"{', copies in the process' if len(scenario) > 5 else ''}")
            if isinstance(result, list):
                print(f"{name}:\n  " + "\n  ".join(result))
                return 1
            print(f"{name}: {result} states, no violation")
        print(f"{time.monotonic() - began:.1f} s")
        return 0
    missed = 0
    for rule in sorted(RULES):
        found = first_violation(RULES - {rule})
        if found is None:
            missed += 1
            print(f"without '{rule}': NOTHING FOUND")
        else:
            print(f"without '{rule}':\n  " + "\n  ".join(found[1]))
    print(f"{time.monotonic() - began:.1f} s")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
