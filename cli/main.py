"""`dcs`: the group of commands.

Commands are imported when they are called, so that `dcs --help` answers at once.

Exit codes: 0 all is well; 1 it failed, or is incomplete; 2 the command was not understood;
130 stopped by Ctrl-C.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any

import click

#: Each command and what `dcs --help` says of it; `-` in a name is `_` in its module's.
COMMANDS = {
    "up": "Run the server: web, worker, beat and the embedded Redis.",
    "demo": "Show it all with a sandbox account, in a throwaway data directory.",
    "sign-in": "Print a link that signs you in at the running server.",
    "connect": "Connect an account at a provider.",
    "sync": "Fetch what is new and what is missing, and wait for it.",
    "data": "Show the records of a schema, such as `email`.",
    "connections": "List connected accounts and their handlers.",
    "providers": "List providers, their handlers, and those that are broken.",
    "quarantine": "List items that could not be kept, or try them again.",
    "doctor": "Look the server over: keys, vaults, disk, Redis, clock, workers, queues, providers.",
    "reset-provider": "Make a provider's handlers start again from the beginning.",
    "settings": "List every setting: its value, default and meaning.",
    "sandbox": "Play the providers' side on this machine.",
    "connectors": "Write a connector of your own, in a checkout of the server.",
    "web": "Run the web server alone, in the foreground.",
    "worker": "Run a worker alone, in the foreground.",
    "beat": "Run the scheduler alone, in the foreground.",
    "flower": "Run Celery's monitor alone, in the foreground.",
}

EPILOG = """\b
Examples:
  dcs demo --once
  dcs connect PROVIDER
  dcs sync --to-end
  dcs data email --search invoice

\b
Exit codes: 0 all is well; 1 failed or incomplete; 2 not understood; 130 stopped.
"""


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names, in the order a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, imported."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"cli.commands.{cmd_name.replace('-', '_')}")
        command = module.command
        assert isinstance(command, click.Command)  # noqa: S101 - narrows for the type checker
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command; whatever goes wrong becomes one plain line and an exit code."""
        arguments = list(sys.argv[1:] if args is None else args)
        try:
            result = super().main(
                args=arguments,
                prog_name=prog_name,
                complete_var=complete_var,
                standalone_mode=False,
                **extra,
            )
        except Exception as error:
            from cli.errors import report

            result = report(error, as_json="--json" in arguments)
        except KeyboardInterrupt:
            result = 130
        code = result if isinstance(result, int) else 0
        if standalone_mode:
            sys.exit(code)
        return code


@click.group(
    cls=LazyGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="data-connector-server", prog_name="dcs")
def cli() -> None:
    """Connect your accounts and keep all they hold in an encrypted vault of your own.

    The data directory is DCS_HOME; `dcs settings` lists all settings.
    """


def main() -> None:
    """The program `dcs`."""
    # Whatever we make holds a person's data.
    os.umask(0o077)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    cli(prog_name="dcs")


def _stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature is Python's
    """End as Ctrl-C does, so that all that was started is stopped."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
