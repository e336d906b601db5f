"""`reseal`: the commands. Data on stdout, progress on stderr; heavy imports are made by the command that needs them."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from app.cli_options import HERE, World
from app.exits import Exit, fail
from app.settings import DEFAULT_ACCOUNT, PORT, Settings


class Auth(StrEnum):
    open = "open"
    strict = "strict"


class ClockMode(StrEnum):
    real = "real"
    manual = "manual"


class Settle(StrEnum):
    instant = "instant"
    lifelike = "lifelike"


class EnvFormat(StrEnum):
    sh = "sh"
    fish = "fish"
    powershell = "powershell"
    dotenv = "dotenv"
    json = "json"


app = typer.Typer(
    name="reseal",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="A simulator of encrypted-snapshot sharing between AWS accounts.",
)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = PORT,
    database: Annotated[
        str, typer.Option(help="memory:, sqlite:///FILE or postgresql://...", envvar="RESEAL_DATABASE")
    ] = "memory:",
    auth: Annotated[Auth, typer.Option(help="open: 12-digit keys are roots; strict: issued keys only.")] = Auth.open,
    default_account: Annotated[
        str, typer.Option(help="Account of keys such as `test` in open mode.")
    ] = DEFAULT_ACCOUNT,
    clock: Annotated[ClockMode, typer.Option(help="The default world's clock.")] = ClockMode.real,
    settle: Annotated[Settle, typer.Option(help="When what AWS does later is done.")] = Settle.instant,
    quotas: Annotated[bool, typer.Option("--quotas", help="Rate and quota errors.")] = False,
    seed: Annotated[str, typer.Option(help="Of the default world; its keys then follow from it.")] = "",
    token: Annotated[str, typer.Option(help="Bearer token for REST.", envvar="RESEAL_TOKEN")] = "",
    i_know_it_is_open: Annotated[
        bool, typer.Option("--i-know-it-is-open", help="Let open mode listen beyond loopback.")
    ] = False,
) -> None:
    """Serve AWS's APIs and REST on one port. Prints `Ready.` when it does."""
    if auth is Auth.open and host not in ("127.0.0.1", "::1", "localhost") and not i_know_it_is_open:
        fail(
            Exit.USAGE, f"--auth open on {host} lets anybody be anybody; add --i-know-it-is-open, or use --auth strict"
        )
    if len(default_account) != 12 or not default_account.isdigit():
        fail(Exit.USAGE, f"--default-account takes 12 digits, not {default_account!r}")
    settings = Settings(
        host,
        port,
        database,
        auth.value,
        default_account,
        clock.value,
        settle.value,
        quotas,
        seed,
        token,
        i_know_it_is_open,
    )
    _serve(settings)


def _announced(word: str, address: str) -> None:
    print(f"reseal serves at {address}", file=sys.stderr, flush=True)
    print(word, flush=True)


def _serve(settings: Settings) -> None:
    from app.main import serve as run

    try:
        run(settings, _announced)
    except OSError as error:
        fail(Exit.COULD_NOT_RUN, f"can not listen on {settings.host}:{settings.port}: {error.strerror or error}")
    except KeyboardInterrupt:
        raise typer.Exit(Exit.INTERRUPTED) from None
    except Exception as error:
        from app.persistence.errors import PersistenceError

        if not isinstance(error, PersistenceError):
            raise
        fail(Exit.COULD_NOT_RUN, str(error))


@app.command()
def env(
    account: Annotated[str, typer.Argument(help="Account whose user is handed out, 12 digits.")] = "111111111111",
    user: Annotated[str, typer.Option(help="Name of the IAM user; made where it is not there.")] = "operator",
    role: Annotated[str, typer.Option(help="A session of this role instead, whoever the role trusts.")] = "",
    root: Annotated[bool, typer.Option("--root", help="The account's root user instead.")] = False,
    endpoint: World = HERE,
    region: Annotated[str, typer.Option(help="AWS_REGION to print.")] = "us-east-1",
    token: Annotated[str, typer.Option(help="Bearer token for REST, for --role.", envvar="RESEAL_TOKEN")] = "",
    format: Annotated[EnvFormat, typer.Option(help="Form of the lines.")] = EnvFormat.sh,
) -> None:
    """Print the environment that points AWS's tools at reseal: eval "$(reseal env 111111111111)"."""
    from app.environment import EnvironmentFailed, keys_of_role, keys_of_root, keys_of_user, lines, variables

    if len(account) != 12 or not account.isdigit():
        fail(Exit.USAGE, f"an account id has 12 digits, not {account!r}")
    if role and root:
        fail(Exit.USAGE, "give --role or --root, not both")
    try:
        if role:
            keys = keys_of_role(endpoint, account, role, token)
            typer.echo(
                f"a session of {role}, opened without asking its trust policy (sts assume-role asks it)", err=True
            )
        else:
            keys = keys_of_root(account) if root else keys_of_user(endpoint, account, user, region)
        typer.echo(lines(variables(endpoint, region, keys), format.value))
    except EnvironmentFailed as error:
        fail(Exit.COULD_NOT_RUN, str(error))


@app.command()
def version() -> None:
    """Print the version."""
    from app.main import VERSION

    typer.echo(VERSION)


OWN_COMMANDS = len(app.registered_commands)


def main() -> None:
    """The console script. A bug ends with 70 and one line; RESEAL_TRACEBACK=1 shows where."""
    try:
        mount()
        app(standalone_mode=True)
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
    except BrokenPipeError:
        sys.exit(Exit.AS_EXPECTED)
    except Exception as error:
        import os

        if os.environ.get("RESEAL_TRACEBACK"):
            raise
        typer.echo(f"reseal: a bug of ours: {type(error).__name__}: {error} (RESEAL_TRACEBACK=1 shows where)", err=True)
        sys.exit(Exit.BUG)


def mount() -> None:
    """Add the commands of the other modules, once; those import nothing heavy either."""
    if len(app.registered_commands) > OWN_COMMANDS:
        return
    from app import (
        cli_check,
        cli_explain,
        cli_explore,
        cli_graph,
        cli_key_policy,
        cli_outside,
        cli_prices,
        cli_repair,
        cli_run,
        cli_schema,
        cli_sweep,
        cli_workflow,
        cli_world,
    )  # fmt: skip

    modules = (
        cli_run, cli_check, cli_explain, cli_sweep, cli_explore, cli_graph, cli_workflow, cli_schema, cli_prices,
        cli_key_policy, cli_repair, cli_outside, cli_world,
    )  # fmt: skip
    for module in modules:
        module.mount(app)
