"""The command ``cbecmodel``: run a study, start a new one, check content files.

Heavy modules are imported inside the commands, so that ``--help`` answers at once. Help, errors and progress are in the
language of ``--lang`` (or of the environment variable ``CBECMODEL_LANG``).
"""

from __future__ import annotations

import sys
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from cbecmodel.errors import CbecError
from cbecmodel.messages import LANGUAGES, set_language, text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

INTERRUPTED: Final = 130
DEFAULT_STUDY: Final = "analysis/study.yaml"


class SpokenOption(click.Option):
    """An option whose help is looked up when it is shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the option's line of help."""
        record = super().get_help_record(ctx)
        return (record[0], text(f"cli.{self.help}")) if record and self.help else record


class Spoken(click.Command):
    """A command whose help is looked up when it is shown, so that ``--lang`` can choose its language."""

    def get_short_help_str(self, limit: int = 45) -> str:  # noqa: ARG002 - click's interface
        """Return the one line that stands in the list of commands."""
        return text(f"cli.{self.name}_short")

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the line of usage."""
        pieces = " ".join(self.collect_usage_pieces(ctx))
        formatter.write_usage(ctx.command_path, pieces, prefix=text("cli.usage") + " ")

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """Write what the command does."""
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(text(f"cli.{self.name}_help"))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, and the commands of a group."""
        records = [r for p in self.get_params(ctx) if isinstance(p, click.Option) and (r := p.get_help_record(ctx))]
        with formatter.section(text("cli.options")):
            formatter.write_dl(records)
        if isinstance(self, click.Group):
            with formatter.section(text("cli.commands")):
                formatter.write_dl([(name, c.get_short_help_str()) for name, c in self.commands.items()])

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Return ``--help`` with its help in the chosen language."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = text("cli.help_option")
        return option


class SpokenGroup(Spoken, click.Group):
    """The group of all commands."""

    command_class = Spoken

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that was typed, or say which one was probably meant."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            close = get_close_matches(args[0], self.commands, n=1) or list(self.commands)
            raise click.UsageError(text("cli.no_such_command", name=args[0], close=", ".join(close)), ctx)
        return super().resolve_command(ctx, args)


def _choose(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        set_language(value)


def _language_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--lang",
        type=click.Choice(LANGUAGES),
        cls=SpokenOption,
        is_eager=True,
        expose_value=False,
        callback=_choose,
        help="lang_option",
    )(command)


@click.group("cbecmodel", cls=SpokenGroup, invoke_without_command=True)
@_language_option
@click.option("--debug", is_flag=True, cls=SpokenOption, help="debug_option")
@click.option("--version", is_flag=True, cls=SpokenOption, help="version_option")
@click.pass_context
def cbecmodel(ctx: click.Context, debug: bool, version: bool) -> None:
    """Root of the commands; its help stands in ``locale/cli.yaml``."""
    ctx.obj = debug
    if version:
        from cbecmodel import __version__

        click.echo(f"cbecmodel {__version__}")
    elif ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@cbecmodel.command("run")
@click.argument("study", type=click.Path(path_type=Path), default=DEFAULT_STUDY, metavar="[STUDY.yaml]")
@click.option("--force", is_flag=True, cls=SpokenOption, help="force_option")
@_language_option
def run(study: Path, force: bool) -> None:
    """Run a study."""
    from cbecmodel.study.run import run_study

    click.echo(str(run_study(study, force=force)))


@cbecmodel.command("new")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@_language_option
def new(folder: Path) -> None:
    """Start a new study."""
    from cbecmodel.study.compendium import new_compendium

    new_compendium(folder)
    click.echo(text("cli.new_done", folder=folder))


@cbecmodel.command("check")
@click.argument("paths", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="PATH...")
@_language_option
def check(paths: Sequence[Path]) -> None:
    """Check content files."""
    from cbecmodel.survey.lint import check_content

    findings = check_content(paths)
    for found in findings:
        click.echo(found.message())
    errors = sum(found.severity == "error" for found in findings)
    click.echo(text("cli.check_done", files=len(paths), errors=errors, warnings=len(findings) - errors), err=True)
    if findings:
        sys.exit(1)


def _languages(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(code.strip() for code in value.split(",") if code.strip()) if value else ()


@cbecmodel.command("export")
@click.argument("instrument", metavar="INSTRUMENT")
@click.option("--to", "target", required=True, metavar="FORMAT", cls=SpokenOption, help="to_option")
@click.option("--lang", "languages", callback=_languages, metavar="zh,en", cls=SpokenOption, help="export_lang_option")
@click.option(
    "--output", type=click.Path(path_type=Path), default=".", metavar="DIR", cls=SpokenOption, help="output_option"
)
def export(instrument: str, target: Any, languages: tuple[str, ...], output: Path) -> None:
    """Write a questionnaire for a platform."""
    from cbecmodel.survey.export import export_instrument

    made = export_instrument(instrument, target, languages=languages)
    made.save(output)
    click.echo(str(made))


@cbecmodel.command("preview")
@click.argument("instrument", metavar="INSTRUMENT")
@click.option("--lang", "languages", callback=_languages, metavar="zh,en", cls=SpokenOption, help="export_lang_option")
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="FILE", cls=SpokenOption, help="preview_output_option"
)
def preview(instrument: str, languages: tuple[str, ...], output: Path | None) -> None:
    """Write a questionnaire as a web page."""
    from cbecmodel.survey.preview import write_preview

    click.echo(text("cli.preview_done", path=write_preview(instrument, output, languages=languages)))


@cbecmodel.command("plan")
@click.option("--df", "dfs", type=int, multiple=True, default=(20, 50, 100), cls=SpokenOption, help="df_option")
@click.option(
    "--path", "paths", type=float, multiple=True, default=(0.15, 0.2, 0.3), cls=SpokenOption, help="path_option"
)
@click.option("--groups", callback=_languages, default="zh,en", metavar="zh,en", cls=SpokenOption, help="groups_option")
@_language_option
def plan(dfs: tuple[int, ...], paths: tuple[float, ...], groups: tuple[str, ...]) -> None:
    """Print how many respondents a study needs."""
    from cbecmodel.simulate.sample_plan import plan_sample

    click.echo(str(plan_sample(dfs=dfs, paths=paths, groups=groups)))


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process. Codes: 0 done, 1 an error or findings, 2 wrong usage, 130 stopped by the user.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        cbecmodel.main(given, prog_name="cbecmodel", standalone_mode=False)
    except click.UsageError as error:
        _leave(_usage_sentence(error), 2)
    except click.ClickException as error:
        _leave(error.format_message(), error.exit_code)
    except (KeyboardInterrupt, click.Abort) as stop:
        _leave("\n".join([text("cli.interrupted"), *getattr(stop, "__notes__", [])]), INTERRUPTED)
    except CbecError as error:
        if "--debug" in given:
            raise
        _leave("\n".join([text("cli.error", message=error), *getattr(error, "__notes__", [])]), 1)
    sys.exit(0)


def _usage_sentence(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx else "cbecmodel"
    if isinstance(error, click.NoSuchOption):
        said = text("cli.no_such_option", option=error.option_name, close=", ".join(error.possibilities or ["–"]))
    elif isinstance(error, click.MissingParameter) and error.param is not None:
        said = text("cli.missing_argument", name=error.param.human_readable_name)
    elif isinstance(error, click.BadParameter) and error.param is not None:
        said = text("cli.bad_value", name=error.param.opts[0], reason=error.message)
    else:
        said = error.format_message()
    return "\n".join([said, text("cli.try_help", command=path)])


def _leave(message: str, code: int) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(code)
