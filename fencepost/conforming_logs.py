"""A recorded log of a system held against its model: model, design, log and sizes together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from fencepost.core.domains import Domain, Index, Maybe, Range, SetOf
from fencepost.core.errors import InputError, Location
from fencepost.core.limits import Limits
from fencepost.core.results import Verdict
from fencepost.core.semantics import Barriers
from fencepost.core.system import System
from fencepost.engines.conform.logs import Followed, Log, follow
from fencepost.engines.conform.logs.header import EXAMPLE, Header, read_header
from fencepost.engines.conform.logs.members import Members
from fencepost.engines.conform.logs.reading import LogReader
from fencepost.language import Vocabulary, build, vocabulary
from fencepost.project import Source, nearest
from fencepost.selection import pick_barriers, pick_designs, pick_sizes


@dataclass(frozen=True)
class LogCheck:
    """What came of a log: the system at its sizes, the design, and how far the log is a run."""

    source: Source
    system: System
    design: str
    barriers: Barriers
    log: Log
    followed: Followed

    @property
    def exit_code(self) -> int:
        """0 a run that violates nothing, 1 no run or a violation, 3 undecided."""
        codes = {Verdict.HOLDS: 0, Verdict.VIOLATED: 1}
        return codes.get(self.followed.verdict, 3)


def check_log(
    source: Source,
    path: Path,
    *,
    design: str | None = None,
    sizes: Mapping[str, int] | None = None,
    unlogged: Sequence[str] = (),
    limits: Limits = Limits(),  # noqa: B008  # frozen
) -> LogCheck:
    """Whether the log in a file is a run of a model in a design, and what its states violate.

    The design, `sizes` and `unlogged` actions are given here, or by the header of the log; without
    a design it is the first of the model. A log that cannot be read whole is an `InputError`.
    """
    with _lines(path) as lines:
        header = read_header(next(lines), Location(str(path), 1))
    _check_model(source, header, path)
    header = replace(header, unlogged=tuple(dict.fromkeys((*header.unlogged, *unlogged))))
    given = pick_sizes(source, {**header.sizes, **(sizes or {})})
    words = vocabulary(source.model, given)
    _check_names(header, words, path)
    by_number: Callable[[Index], bool] = _is_ordered
    log, members = _read(path, header, words, by_number)
    system = _at_sizes(source, words, given, members, path)
    if numbers_matter(system):
        by_number = _is_any
        log, members = _read(path, header, words, by_number)
        system = _at_sizes(source, words, given, members, path)
    if _has_ranges(words):
        words = vocabulary(source.model, dict(system.parameters))
        log, _ = _read(path, header, words, by_number, bounded=True)
    name, barriers = _design(source, system, header, design)
    return LogCheck(source, system, name, barriers, log, follow(system, barriers, log, limits))


@contextmanager
def _lines(path: Path) -> Iterator[Iterator[bytes]]:
    """The lines of a log, of which there is at least one."""
    try:
        with path.open("rb") as file:
            first = file.readline()
            if not first.strip():
                raise InputError(
                    "F270",
                    "the log is empty",
                    why="no event was recorded, so nothing is known of the system",
                    write=f"a log that starts with `{EXAMPLE}`",
                    at=Location(str(path), 1),
                )
            file.seek(0)
            yield iter(file)
    except OSError as error:
        raise InputError(
            "F04",
            f"{path} cannot be read: {error.strerror or error}",
            why="the log to check is a file",
            write="the path of a log of JSON lines",
        ) from error


def _check_model(source: Source, header: Header, path: Path) -> None:
    names = (source.file.stem, source.model.__name__)
    if header.model not in names:
        raise InputError(
            "F281",
            f"the log is of {header.model!r}, and the model is {source.name}",
            why="the steps of one model mean nothing in another",
            write=f'`"model": "{source.file.stem}"` in its header, or the model of the log',
            at=Location(str(path), 1),
        )


def _check_names(header: Header, words: Vocabulary, path: Path) -> None:
    known = sorted(sort.name for sort in _indexes(_domains(words)))
    for name in header.names:
        if name not in known:
            raise InputError(
                "F284",
                f'"names" in the header of the log is of {name!r}{nearest(name, known)}',
                why="names of nothing would be passed over",
                write=f"an Index of the model: {', '.join(known)}",
                at=Location(str(path), 1),
            )


def _read(
    path: Path,
    header: Header,
    words: Vocabulary,
    by_number: Callable[[Index], bool],
    *,
    bounded: bool = False,
) -> tuple[Log, Members]:
    members = Members(header.names, by_number, bounded=bounded)
    reader = LogReader(str(path), header, words.actions, words.fields, members)
    with _lines(path) as lines:
        next(lines)
        return reader.read(lines), members


def _at_sizes(
    source: Source, words: Vocabulary, given: Mapping[str, int], members: Members, path: Path
) -> System:
    """The model at the sizes that are given, and otherwise as many members as the log names."""
    needed: dict[str, int] = {}
    counts = members.counts()
    for sort, count in counts.items():
        parameter = words.sized.get(sort)
        if parameter is not None and parameter not in given:
            least = words.least[parameter]
            needed[parameter] = max(needed.get(parameter, least), count)
    system = build(source.model, source.properties, {**given, **needed}, searched=False)
    sizes = {
        sort.name: sort.count
        for sort in _indexes(_domains(vocabulary(source.model, dict(system.parameters))))
    }
    for sort, size in sizes.items():
        if counts.get(sort, 0) > size:
            raise InputError(
                "F282",
                f"the log names {counts[sort]} members of {sort}, which has {size}",
                why="a size that the header or `--set` gives is that of the system that was logged",
                write="a larger size, or none",
                at=Location(str(path), 1),
            )
    return system


def _is_ordered(sort: Index) -> bool:
    return sort.ordered


def _is_any(_: Index) -> bool:
    return True


def _domains(words: Vocabulary) -> list[Domain]:
    """The domains of all arguments, indices and values."""
    found = [a.of for arguments in words.actions.values() for a in arguments]
    for field in words.fields.values():
        found += [*field.indices, field.domain]
    return found


def _indexes(domains: Sequence[Domain]) -> set[Index]:
    """Every Index among domains, or within them."""
    bare = [domain.of if isinstance(domain, Maybe | SetOf) else domain for domain in domains]
    return {domain for domain in bare if isinstance(domain, Index)}


def _has_ranges(words: Vocabulary) -> bool:
    """Whether some value in a log is a number whose bounds may depend on the sizes."""
    return any(
        isinstance(domain.of if isinstance(domain, Maybe) else domain, Range)
        for domain in _domains(words)
    )


def numbers_matter(system: System) -> bool:
    """Whether members of an Index without an order are told apart: then their numbers have a
    meaning, and names cannot be numbered as they come."""
    if system.finite_only:
        return True
    for field in system.fields:
        if any(values != field.initial[0] for values in field.initial):
            return True
        match field.domain:
            case Index() | Maybe(of=Index()):
                several = len(field.initial[0]) < field.domain.size
                if several and any(value >= 0 for value in field.initial[0]):
                    return True
            case SetOf():
                if len(field.initial[0]) < field.domain.size and any(field.initial[0]):
                    return True
    return False


def _design(
    source: Source, system: System, header: Header, design: str | None
) -> tuple[str, Barriers]:
    if design is None and header.barriers is not None:
        return "", frozenset(pick_barriers(source, system, header.barriers))
    name = design or header.design
    chosen = pick_designs(source, system, [name] if name else [])[0]
    return chosen.name, chosen.barriers
