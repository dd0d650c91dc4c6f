"""The project's pages, and what can be run in them."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (
    ROOT / "README.md",
    ROOT / "BENCHMARKS.md",
    ROOT / "CHANGELOG.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "tutorials").glob("*.md")),
    *sorted((ROOT / "benchmarks").glob("*.md")),
    ROOT / "json_configs" / "README.md",
)
NOTEBOOKS = sorted((ROOT / "tutorials").glob("*.ipynb"))
COMMANDS = (
    "whelp",
    "hound_transfer.py",
    "hound_train.py",
    "hound_eval.py",
    "hound_eval_genes.py",
    "hound_eval_spec.py",
    "hound_snp.py",
    "hound_snpgene.py",
    "borzoi_sed.py",
    "hound_ism_bed.py",
    "hound_ism_snp.py",
    "hound_predbed.py",
    "hound_predvcf.py",
    "westminster_train_folds.py",
)

_FENCE = re.compile(
    r"(?P<before><!-- not run:[^>]*-->\s*)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S
)
_VARIABLE = re.compile(r"[A-Z_]+=\S+")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        page: the page's name.
        language: what stands after the fence.
        text: its lines.
        run: whether it can run here; a comment `<!-- not run: why -->` before it says that not.
    """

    page: str
    language: str
    text: str
    run: bool


def name_of(page: Path) -> str:
    """A page's path in the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[Block]:
    """The fenced blocks of a page in a language, in order."""
    found = _FENCE.finditer(page.read_text(encoding="utf-8"))
    return [
        Block(page.name, language, match["text"], match["before"] is None)
        for match in found
        if match["language"] == language
    ]


def command_lines(text: str) -> list[list[str]]:
    """The lines of a shell text as words, without variables set before the program."""
    lines = text.replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    for line in words:
        while line and _VARIABLE.fullmatch(line[0]):
            del line[0]
    return [line for line in words if line]


def whelp_lines(text: str) -> list[list[str]]:
    """Those of the lines that call whelp; programs without their folders."""
    lines = [[Path(line[0]).name, *line[1:]] for line in command_lines(text)]
    return [line for line in lines if line[0] in COMMANDS]


def examples(help_text: str) -> str:
    """The example lines of a command's help, those that a backslash continues whole."""
    _, _, after = re.sub(r"\x1b\[[0-9;]*m", "", help_text).rpartition("xample:\n")
    whole = re.sub(r"\\\n\s*", "", after)
    lines = [line.strip() for line in whole.splitlines()]
    return "\n".join(
        line for line in lines if line.split(" ")[0] in COMMANDS and " ... " not in line
    )
