"""An `ArgumentParser` that suggests what was meant, and takes `-14LUFS` for a number."""

import argparse
import re
import sys
from collections.abc import Sequence
from itertools import takewhile

from dasp._suggestion import did_you_mean


class Parser(argparse.ArgumentParser):
    """Wrong commands, options and choices are answered with the nearest that there is."""

    def parse_args(self, args=None, namespace=None):
        """As `ArgumentParser` does it, but an unknown option is held against its command's."""
        words = joined(sys.argv[1:] if args is None else args)
        found, unknown = self.parse_known_args(words, namespace)
        if unknown:
            self._of(found).error(f"unrecognized arguments: {' '.join(unknown)}")
        return found

    def parse_known_args(self, args=None, namespace=None):
        """Remember the words, for `error` to look for a misspelt option among them."""
        self.words = list(args or ())
        return super().parse_known_args(args, namespace)

    def error(self, message: str):
        """Say what is wrong, and what may have been meant."""
        super().error(message + self._suggestion())

    def _suggestion(self) -> str:
        known = [option for option in self._option_string_actions if option.startswith("--")]
        words = getattr(self, "words", [])
        if self._commands():  # what stands behind a command belongs to that
            words = takewhile(lambda word: word.startswith("-"), words)
        for word in words:
            option = word.partition("=")[0]
            is_known = any(name.startswith(option) for name in known)
            if option.startswith("--") and len(option) > 2 and not is_known:
                return did_you_mean(option, known).replace(";", f"; {option}:", 1)
        return ""

    def _of(self, found: argparse.Namespace) -> argparse.ArgumentParser:
        """The parser of the command that was found."""
        return self._commands().get(getattr(found, "command", ""), self)

    def _commands(self) -> dict[str, argparse.ArgumentParser]:
        return next((a.choices for a in self._actions if _is_command(a)), {})  # type: ignore[misc]

    def _check_value(self, action, value):
        if action.choices is not None and value not in action.choices:
            what = "command" if _is_command(action) else "choice"
            raise argparse.ArgumentError(
                action,
                f"invalid {what}: {value!r}{did_you_mean(value, action.choices)} (choose from "
                f"{', '.join(map(str, action.choices))})",
            )


def _is_command(action: argparse.Action) -> bool:
    """Whether an action is the commands, and no option whose choices are a table."""
    return isinstance(action.choices, dict) and not action.option_strings


def joined(words: Sequence[str]) -> list[str]:
    """The words of a command line, with `--target-lufs -14LUFS` as one that cannot be an option."""
    made: list[str] = []
    for word in words:
        after = made[-1] if made else ""
        is_option = re.fullmatch(r"--[^=]+", after) and "--" not in made
        if is_option and re.match(r"-\.?\d", word):
            made[-1] = f"{after}={word}"
        else:
            made.append(word)
    return made
