"""The arguments that say how an implementation is called, shared by the commands that take one."""

import argparse
import ast
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from traceback import print_exception
from typing import Any

from verify.candidate import Candidate, examine
from verify.candidate.load import load_target
from verify.candidate.options import RETURNS, TAU, Options
from verify.cli.output import refuse, told

__all__ = ["add_calling", "candidate_of", "refuse_target"]


def add_calling(parser: argparse.ArgumentParser) -> None:
    """Describe how an implementation is called."""
    parser.add_argument("--framework", choices=["numpy", "torch", "jax"], help="found out where absent")
    tau = parser.add_mutually_exclusive_group()
    tau.add_argument("--tau-name", default=TAU, metavar="NAME", help="the temperature argument")
    tau.add_argument("--no-tau", dest="tau_name", action="store_const", const=None, help="there is none")
    parser.add_argument(
        "--returns",
        default=RETURNS,
        metavar="NAMES",
        help="parts of the result: hard, soft, index, _ (ignored)",
    )
    axis = parser.add_mutually_exclusive_group()
    axis.add_argument("--axis", type=int, metavar="N", help="the class axis")
    axis.add_argument("--axis-name", metavar="NAME", help="the argument that sets the class axis")
    parser.add_argument(
        "--logits-name", metavar="NAME", help="the logits argument, where it is not the first"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        type=_constant,
        help="pass an argument as it is; an object as NAME=@path/to/file.py:attribute",
    )
    parser.add_argument(
        "--sample-name", metavar="NAME", help="the argument that takes the sample, where it is not drawn"
    )
    parser.add_argument(
        "--classes", type=int, metavar="K", help="the one number of classes that it takes (default: any)"
    )
    parser.add_argument("--ndim", type=int, metavar="N", help="the one number of axes that it takes")
    parser.add_argument(
        "--binary", action="store_true", help="each logit is a Bernoulli variable, and there is no class axis"
    )
    parser.add_argument("--device", help="where PyTorch or JAX computes: cuda, mps, gpu (default: cpu)")
    parser.add_argument("--traceback", action="store_true", help="show all of an exception of the target")


def _constant(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    words = {"true": True, "false": False, "none": None}
    if value.lower() in words:
        return name, words[value.lower()]
    try:
        return name, Reference(value[1:]) if value.startswith("@") else ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


class Reference(str):
    """The name of an object to load, given as ``@path/to/file.py:name``."""

    __slots__ = ()


def candidate_of(arguments: argparse.Namespace, target: str) -> Candidate:
    """Load a target and find out how to call it; what it prints on the way is left out.

    Raises whatever importing or calling it raises, or the question that is left open.
    """
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        given = {n: load_target(v) if isinstance(v, Reference) else v for n, v in arguments.set}
        options = Options(
            framework=arguments.framework,
            tau=arguments.tau_name,
            returns=arguments.returns,
            axis=arguments.axis if arguments.axis is not None else arguments.axis_name,
            logits=arguments.logits_name,
            injected=arguments.sample_name,
            binary=arguments.binary,
            classes=arguments.classes,
            ndim=arguments.ndim,
            device=arguments.device,
            constants=given,
        )
        return examine(load_target(target), options, target)


def refuse_target(error: BaseException, target: str, arguments: argparse.Namespace) -> int:
    """Say why a target cannot be used, and give the exit status."""
    if arguments.traceback:
        print_exception(error)
    return refuse(told(error, target))
