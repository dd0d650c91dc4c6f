"""The command bw_w5.py, with Baskerville's flags."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from whelp.cli.console import say
from whelp.cli.drop_in import drop_in_parser
from whelp.cli.errors import run_guarded

_NOTES = """\
whelp reads BigWigs without this step. Flags and results are those of Baskerville's command of this
name. The other way round, with a .w5 in and a .bw out, it writes a BigWig.

example:
  bw_w5.py plus.bw plus.w5
  bw_w5.py lane1.bw,lane2.bw both.w5
  bw_w5.py plus.w5 plus.bw
"""


def main() -> None:
    """Runs bw_w5.py on the command line of this process."""
    args = _parser().parse_args()
    sys.exit(run_guarded(lambda: _convert(args)))


def _parser() -> argparse.ArgumentParser:
    parser = drop_in_parser(
        "bw_w5.py", "Convert a BigWig, or the sum of several, to wigHDF5.", _NOTES
    )
    add: Any = parser.add_argument
    flag = {"action": "store_true"}
    add("-c", "--chr_strip", **flag, help='take "chr" out of the names of contigs')
    add("-p", "--chr_prepend", **flag, help='put "chr" in front of the names of contigs')
    add("-i", dest="interp_nan", **flag, help="interpolate where there is no value")
    add("-m", dest="min_norm", **flag, help="divide by the least positive value")
    add("-s", dest="scale", default=1.0, type=float, help="factor  [default: %(default)s]")
    add("-v", dest="verbose", **flag, help="print each contig")
    add("-z", dest="clip_zero", **flag, help="make negative values 0")
    add("in_bw_file", help="a BigWig, or several with commas between them")
    add("out_h5_file", help="file to write")
    return parser


def _convert(args: argparse.Namespace) -> None:
    from whelp.making.coverage import BIGWIG_ENDINGS, HDF5_ENDINGS
    from whelp.making.w5 import W5Settings, bigwig_to_w5, w5_to_bigwig

    from_w5 = args.in_bw_file.lower().endswith(HDF5_ENDINGS)
    if from_w5 and args.out_h5_file.lower().endswith(BIGWIG_ENDINGS):
        w5_to_bigwig(args.in_bw_file, args.out_h5_file)
        return
    settings = W5Settings(
        strip_chr=args.chr_strip,
        prepend_chr=args.chr_prepend,
        interp_nan=args.interp_nan,
        min_norm=args.min_norm,
        scale=args.scale,
        clip_zero=args.clip_zero,
    )
    factor = bigwig_to_w5(
        [Path(name) for name in args.in_bw_file.split(",")],
        args.out_h5_file,
        settings,
        progress=say if args.verbose else None,
    )
    if factor is not None:
        print(f"Values were divided by {factor:f}.", file=sys.stderr)
