"""The command hound_snp.py, with Baskerville's flags."""

from __future__ import annotations

import argparse
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whelp.cli.console import say, show_notes
from whelp.cli.drop_in import drop_in_parser
from whelp.cli.errors import import_backend, run_guarded
from whelp.cli.score_display import ScoreBar, say_scored

if TYPE_CHECKING:
    from whelp.scoring.run import ScoreSummary
    from whelp.scoring.settings import ScoreSettings

_NOTES = """\
Flags, defaults and the layout of scores.h5 are those of Baskerville's command of this name.

Differences: all alternates of a record are scored, and alleles of any length. A variant that
cannot be scored goes to rejected.tsv with the reason, and the others are scored. A command that
was stopped goes on where it was when it is called again. REF and ALT, SAD, JS and logJS work.
Of an insertion or deletion that is not stitched REF and ALT hold the prediction in place.

With a file of options (pickled, as Baskerville writes it) in front of the other files, its options
are taken; with the number of a job behind them, too, the job's part of the variants is scored into
job0, job1 ... in the output directory, where -p is how many jobs there are.

statistics:
  SUM, logSUM, sqrtSUM (sums over bins), logSED (log of the sum), SAX (largest change),
  D1, logD1, sqrtD1, D2, logD2, sqrtD2 (norms of the change), JS, logJS (change of shape),
  REF, ALT (predictions), SAD (same as SUM); log is log2(1 + x)

example:
  hound_snp.py -f hg38.fa -t data/targets.txt --rc -o scores params.json model.h5 variants.vcf
"""
_REFUSED = {
    "gcs": "--gcs: whelp reads and writes local files; copy them with `gcloud storage cp` before "
    "and after",
    "tensorrt": "--tensorrt: models in TensorRT's format are not read; give the .h5 weights, which "
    "are compiled for the device that is there",
}
_LISTS = ("--shifts", "--stats")


class OptionsError(ValueError):
    """A file of options that cannot be used, or options that contradict one another."""


class _Options(pickle.Unpickler):
    """Reads pickled options and nothing else: a pickle could run any code."""

    def find_class(self, module: str, name: str) -> Any:
        """Give the classes that options are of."""
        if (module, name) == ("optparse", "Values"):
            import optparse

            return optparse.Values
        if (module, name) == ("argparse", "Namespace"):
            return argparse.Namespace
        raise pickle.UnpicklingError(f"it holds {module}.{name}")


def main() -> None:
    """Runs hound_snp.py on the command line of this process."""
    parser = _parser()
    args = parser.parse_args(_joined(sys.argv[1:]))
    show_notes()
    sys.exit(run_guarded(lambda: _run(parser, args)))


def _joined(words: Sequence[str]) -> list[str]:
    """Join a list such as -1,0,1 to its flag: it would be taken for a flag itself."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] in _LISTS:
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _parser() -> argparse.ArgumentParser:
    parser = drop_in_parser(
        "hound_snp.py",
        "Score variants by what they change in predicted tracks.",
        _NOTES,
        usage="%(prog)s [options] [options_pkl] params_file model_file vcf_file [job]",
    )
    add: Any = parser.add_argument
    flag, default = {"action": "store_true"}, "  [default: %(default)s]"
    add(
        "-c",
        dest="cluster_snps_pct",
        default=0.0,
        type=float,
        help=f"share of the sequence length within which variants share a window{default}",
    )
    add("-f", dest="genome_fasta", help="genome FASTA")
    add("--float16", **flag, help="compute in mixed float16")
    add("--indel_stitch", **flag, help="stitch predictions of insertions and deletions")
    add("-o", dest="out_dir", default="snp_out", help=f"output directory{default}")
    add("-p", dest="processes", type=int, help="number of jobs, with the number of one of them")
    add("--rc", **flag, help="average forward and reverse-complement predictions")
    add("--shifts", default="0", help=f"shifts to average over, bp{default}")
    add("--stats", dest="snp_stats", default="logSUM", help=f"statistics, with commas{default}")
    add("-t", dest="targets_file", help="targets table: the tracks, and which are strand pairs")
    add("-u", dest="untransform_old", **flag, help="undo the squashing of old models (Borzoi)")
    add("--require_gpu", **flag, help="stop if there is no GPU")
    add("--gcs", **flag, help="refused: local files only")
    add("--tensorrt", **flag, help="refused: .h5 weights only")
    add("files", nargs="+", metavar="FILE", help="params.json, weights (.h5), variants")
    return parser


def _run(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    options, files, job = _arrange(parser, args)
    for name, reason in _REFUSED.items():
        if getattr(options, name, False):
            raise OptionsError(reason)
    if options.targets_file is None:
        parser.error("a targets table is needed: -t targets.txt")
    if options.genome_fasta is None:
        parser.error("a genome is needed: -f genome.fa")
    # A word that is not right is told before Keras is imported.
    statistics, shifts = _statistics(options.snp_stats), _numbers(options.shifts)
    import_backend()
    _check_device(required=options.require_gpu)
    settings = _settings(options, statistics, shifts)
    summary = _score(options, settings, files, job)
    say_scored(summary)


def _arrange(
    parser: argparse.ArgumentParser, args: argparse.Namespace
) -> tuple[argparse.Namespace, list[Path], tuple[int, int]]:
    """Give the options, the three files, and which of how many jobs this is."""
    words: list[str] = args.files
    if not 3 <= len(words) <= 5:
        parser.error("expected the parameters, the weights and the variants")
    if len(words) == 3:
        if args.processes is not None:
            raise OptionsError(
                f"-p {args.processes}: which of the jobs is this? Give a file of options before "
                f"the other files and the job's number behind them, or leave -p out: one process "
                f"scores all variants"
            )
        return args, [Path(word) for word in words], (0, 1)
    out_dir = args.out_dir
    given = _read_options(Path(words[0]))
    options = argparse.Namespace(**{**vars(args), **given})
    files = [Path(word) for word in words[1:4]]
    if len(words) == 4:
        options.out_dir = out_dir
        return options, files, (0, 1)
    jobs = options.processes or 1
    if not words[4].isdecimal() or int(words[4]) >= jobs:
        raise OptionsError(f"the last argument is a job's number from 0 to {jobs - 1}: {words[4]}")
    options.out_dir = f"{options.out_dir}/job{int(words[4])}"
    return options, files, (int(words[4]), jobs)


def _read_options(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        try:
            return dict(vars(_Options(file).load()))
        except (pickle.UnpicklingError, EOFError, TypeError, AttributeError) as error:
            raise OptionsError(
                f"{path}: expected pickled options of the command line, as Baskerville's scripts "
                f"for several jobs write them ({error})"
            ) from None


def _settings(
    options: argparse.Namespace, statistics: Sequence[str], shifts: Sequence[int]
) -> ScoreSettings:
    from whelp.scoring.settings import ScoreSettings

    return ScoreSettings(
        statistics=tuple(statistics),
        shifts=tuple(shifts),
        rc=options.rc,
        stitch=options.indel_stitch,
        cluster=options.cluster_snps_pct,
        old=options.untransform_old,
        merge_first=False,
        pull=False,
        half=True,
    )


def _statistics(words: str | Sequence[Any]) -> Sequence[str]:
    from whelp.scoring.statistics import check_statistics

    return check_statistics(_split(words))


def _split(words: str | Sequence[Any]) -> list[Any]:
    """Split words at commas; options of a file may be split already."""
    parts = words.split(",") if isinstance(words, str) else words
    return [part.strip() if isinstance(part, str) else part for part in parts if part != ""]


def _numbers(words: str | Sequence[Any]) -> list[int]:
    try:
        return [int(part) for part in _split(words)]
    except ValueError:
        raise OptionsError(f"--shifts: {words!r} is not a list such as 0,1,-1") from None


def _check_device(*, required: bool) -> None:
    from whelp.training.devices import available_devices, set_tf32

    set_tf32(False)
    if any(name.startswith(("gpu", "tpu")) for name in available_devices()):
        say("Running on GPU")
        return
    say("Running on CPU")
    if required:
        raise OptionsError("--require_gpu: there is no GPU that the backend can use")


def _score(
    options: argparse.Namespace,
    settings: ScoreSettings,
    files: Sequence[Path],
    job: tuple[int, int],
) -> ScoreSummary:
    from whelp.genome.fasta import Fasta
    from whelp.loading import load
    from whelp.scoring.run import VariantFile, describe_run, score_to_file
    from whelp.scoring.variant_scores import VariantScorer
    from whelp.specs import TargetsTable

    params, weights, variants = files
    targets = TargetsTable.read(options.targets_file)
    with Fasta(options.genome_fasta) as fasta:
        model = load(params, weights, dtype="mixed_float16" if options.float16 else "float32")
        scorer = VariantScorer(model, targets, fasta, settings=settings)
        named = {
            "params": params,
            "weights": weights,
            "variants": variants,
            "targets": Path(options.targets_file),
            "genome": Path(options.genome_fasta),
        }
        run = describe_run(settings, named, float16=options.float16, job=list(job))
        with ScoreBar() as bar:
            return score_to_file(
                scorer,
                VariantFile(variants, fasta, scorer.alleles.longest, part=job),
                Path(options.out_dir),
                run=run,
                progress=bar.show,
            )
